"""What one source row more or less does to the reconciliation: it changes the item it belongs to, and no other.

The hand-written world is built once; then rows are taken out or put in, and the compiled models run again over the
changed files, without dbt. Rows that are tied to several items, because one payment pays several invoices or because
somebody names the wrong one, may change those.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from dagster_project.books.build import build
from dagster_project.dbt_runner.build import BuildResult
from dagster_project.dbt_runner.project import project
from ingestion.home import Home
from tests.dbt.conftest import compiled_sql
from tests.dbt.marts.billing_rows import intent
from tests.dbt.marts.test_reconciliation_world import CURRENCIES, WORLD

MODELS = ["+recon_invoice_payments", "+int_reconciliation_legs"]
Items = dict[str, tuple[Any, ...]]
#: The kinds of rows, and where their id stands. Whatever is on the last day moves all ages, so it stays.
KINDS = {
    "invoices": "invoice_id",
    "payment_intents": "payment_intent_id",
    "refunds": "refund_id",
    "disputes": "dispute_id",
}
PER_KIND = 10
UNPAID = ("missing_in_stripe", "timing_difference", "payment_failed", "in_flight")


@dataclass(frozen=True)
class Books:
    """The compiled models in their order, over the raw files of a home."""

    home: Home
    session: duckdb.DuckDBPyConnection
    models: list[tuple[str, str, str]]
    write: Callable[..., None]

    def items(self, world: dict[str, list[dict[str, Any]]]) -> Items:
        """Run the models over other rows; return the items by id."""
        self.write(**world, currencies=CURRENCIES)
        for kind, relation, sql in self.models:
            self.session.execute(f"create or replace {kind} {relation} as {sql}")
        found = self.session.sql("select item_id, * from marts.recon_invoice_payments").fetchall()
        return {item_id: tuple(rest) for item_id, *rest in found}

    def tied(self, kind: str, number: str) -> set[str]:
        """The items that a row of the world is tied to by any link, as long as it is there."""
        intents = f"""
            select payment_intent_id from intermediate.int_invoice_payment_edges where invoice_id = '{number}'
            union select payment_intent_id from intermediate.int_payment_parts where invoice_id = '{number}'
            union select payment_intent_id from intermediate.int_payment_returns where return_id = '{number}'
            union select '{number}'
        """
        found = self.session.sql(
            f"""
            select item_id from intermediate.int_payment_parts where payment_intent_id in ({intents})
            union select 'inv:' || invoice_id from intermediate.int_invoice_payment_edges
            where payment_intent_id in ({intents})
            union select 'inv:' || others.invoice_id from intermediate.int_stripe_invoice_links as others
            inner join intermediate.int_stripe_invoice_links as own using (stripe_invoice_id)
            where own.invoice_id = '{number}'
            union select 'inv:{number}' where '{kind}' = 'invoices'
            """
        )
        return {item_id for (item_id,) in found.fetchall()}


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory, raw_files: Callable[[Home], Any]) -> Iterator[Books]:
    home = Home(tmp_path_factory.mktemp("changes"))
    raw = raw_files(home)
    raw.billing(**WORLD, currencies=CURRENCIES)
    result = build(home, project(), MODELS)
    assert not result.broken, result.explain()
    copy = tmp_path_factory.mktemp("rerun") / home.build_database.name
    shutil.copy(home.build_database, copy)
    with duckdb.connect(str(copy)) as session:
        yield Books(home, session, list(compiled(result)), raw.billing)


@pytest.fixture(scope="module")
def before(books: Books) -> Items:
    return books.items(WORLD)


@pytest.fixture(scope="module")
def ties(books: Books, before: Items) -> dict[tuple[str, str], set[str]]:
    """The items each row that is taken out is tied to, while all rows are there."""
    books.items(WORLD)
    return {row: books.tied(*row) for row in rows_to_take()}


def compiled(result: BuildResult) -> Iterator[tuple[str, str, str]]:
    """Whether each model is a view or a table, where it is written, and its SQL, in the order they were built in."""
    nodes = project().manifest_json["nodes"]
    for node in result.nodes:
        if node.resource_type == "model":
            model = nodes[node.unique_id]
            kind = "view" if model["config"]["materialized"] == "view" else "table"
            yield kind, model["relation_name"], compiled_sql(result, node.name)


def without(kind: str, number: str) -> dict[str, list[dict[str, Any]]]:
    return WORLD | {kind: [row for row in WORLD[kind] if row[KINDS[kind]] != number]}


def changed(before: Items, after: Items) -> set[str]:
    return {item_id for item_id in before if before[item_id] != after.get(item_id)}


def rows_to_take() -> list[tuple[str, str]]:
    chosen = []
    for kind, column in KINDS.items():
        numbers = sorted({row[column] for row in WORLD[kind]} - {"last_day", "pi_last_day", "pi_gone_since"})
        chosen += [(kind, number) for number in random.Random(7).sample(numbers, min(PER_KIND, len(numbers)))]
    return chosen


def test_the_models_give_the_same_without_dbt(books: Books, before: Items) -> None:
    with duckdb.connect(str(books.home.build_database), read_only=True) as session:
        found = session.sql("select item_id, * from marts.recon_invoice_payments").fetchall()
    assert {item_id: tuple(rest) for item_id, *rest in found} == before


@pytest.mark.parametrize(("kind", "number"), rows_to_take())
def test_a_row_less_changes_the_items_it_is_tied_to_and_no_other(
    books: Books, before: Items, ties: dict[tuple[str, str], set[str]], kind: str, number: str
) -> None:
    """That is one item, but for shared and ambiguous payments. What failed or was won took nothing and changes none."""
    after = books.items(without(kind, number))
    assert changed(before, after) <= ties[kind, number]
    if kind in ("invoices", "payment_intents"):
        assert changed(before, after)
    # What is new are payments that have lost their invoice.
    assert all(item_id.startswith("pi:") for item_id in after.keys() - before.keys())


def test_most_rows_are_tied_to_exactly_one_item(ties: dict[tuple[str, str], set[str]]) -> None:
    alone = [row for row, tied in ties.items() if len(tied) == 1]
    assert len(alone) * 3 > len(ties) * 2


@pytest.mark.parametrize("status", UNPAID)
def test_a_matching_payment_settles_its_invoice_and_worsens_no_other(
    books: Books, before: Items, status: str
) -> None:
    items = books.session.sql("describe marts.recon_invoice_payments").fetchall()
    columns = ["item_id", *(name for name, *_ in items)]
    place = {name: columns.index(name) - 1 for name in ("status", "invoice_id", "payable_minor", "currency")}
    waiting = [row for row in before.values() if row[place["status"]] == status]
    assert waiting
    for row in waiting:
        paid = intent(
            "pi_matching",
            row[place["invoice_id"]],
            amount=row[place["payable_minor"]],
            amount_received=row[place["payable_minor"]],
            currency=row[place["currency"]],
        )
        after = books.items(WORLD | {"payment_intents": [*WORLD["payment_intents"], paid]})
        item_id = f"inv:{row[place['invoice_id']]}"
        assert changed(before, after) == {item_id}
        assert after.keys() == before.keys()
        assert after[item_id][place["status"]] == "matched"
