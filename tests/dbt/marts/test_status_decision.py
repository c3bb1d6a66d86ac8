"""The decision table of recon_invoice_payments: each branch is needed, and no status is out of reach.

The table itself is the model's dbt unit test; here its rows run through the decision with a branch taken out.
"""

from __future__ import annotations

import csv
import io
import re
from functools import cache

import duckdb
import pytest
import yaml

from dagster_project.dbt_runner.project import PROJECT_DIR
from tests.dbt.conftest import status_branches

MODEL = PROJECT_DIR / "models" / "marts" / "billing" / "recon_invoice_payments"


def decision() -> str:
    """The SQL from the items to their status, without what follows it."""
    sql = re.sub(r"\{#.*?#\}", "", MODEL.with_suffix(".sql").read_text(encoding="utf-8"), flags=re.DOTALL)
    head, _, _ = sql.partition("\n\n-- Sums of different currencies")
    return head.replace("{{ ref('int_reconciliation_items') }}", given()).rstrip(",")


def branches() -> list[str]:
    return status_branches(decision())


def status_of(branch: str) -> str:
    return re.search(r"then '(\w+)'", branch)[1]


@cache
def unit_test() -> dict:
    [test] = yaml.safe_load(MODEL.with_suffix(".yml").read_text(encoding="utf-8"))["unit_tests"]
    return test


def expected() -> dict[str, str]:
    rows = csv.DictReader(io.StringIO(unit_test()["expect"]["rows"]))
    return {row["item_id"]: row["status"] for row in rows}


@cache
def given() -> str:
    """The unit test's given rows as a relation, every cell of its column's type."""
    names, *rows = csv.reader(io.StringIO(unit_test()["given"][0]["rows"]))
    cells = ", ".join(f"({', '.join(repr(cell) if cell else 'null' for cell in row)})" for row in rows)
    typed = ", ".join(f"cast({name} as {type_of(name)}) as {name}" for name in names)
    return f"(select {typed} from (values {cells}) as cells({', '.join(names)}))"


def type_of(column: str) -> str:
    if column.startswith(("has_", "is_")):
        return "boolean"
    return "varchar" if column.endswith(("_id", "_status")) else "bigint"


def decided(sql: str) -> dict[str, str]:
    """Run the unit test's given rows through the decision."""
    with duckdb.connect() as session:
        return dict(session.sql(f"{sql} select item_id, status from classified").fetchall())


def test_the_decision_agrees_with_the_table() -> None:
    assert decided(decision()) == expected()


def test_every_status_but_the_default_has_one_branch() -> None:
    named = [status_of(branch) for branch in branches()]
    assert len(named) == len(set(named)) == 19
    assert {*named, "matched"} == set(expected().values())


@pytest.mark.parametrize("branch", branches(), ids=status_of)
def test_taking_a_branch_out_changes_a_status(branch: str) -> None:
    assert decided(decision().replace(branch, "", 1)) != expected()


NEVER_TOGETHER = {
    ("not_payable", "no_money_moved"),
    ("settled_without_payment", "missing_invoice"),
    ("partially_refunded", "in_flight"),
}


@pytest.mark.parametrize(
    ("earlier", "later"), list(zip(branches(), branches()[1:], strict=False)), ids=status_of
)
def test_swapping_neighbours_changes_a_status_unless_they_never_hold_together(
    earlier: str, later: str
) -> None:
    swapped = decision().replace(earlier + later, later + earlier, 1)
    assert swapped != decision()
    assert (decided(swapped) == expected()) == ((status_of(earlier), status_of(later)) in NEVER_TOGETHER)
