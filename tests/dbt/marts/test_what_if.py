"""The published question what_if(target): the same tokens at another model's prices."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest

from dagster_project.books.publishing import queries
from dagster_project.dbt_runner.token_classes import token_classes
from ingestion.home import Home
from tests.dbt.conftest import FACTS, build, infron_line, land

#: Token class, USD per million, from which prompt size on.
SMALL = (("input", "0.15", 0), ("cache_read", "0.075", 0), ("output", "0.6", 0), ("input", "0.30", 200_000))

#: Models of the catalogue that the calls below are of: with prompt-size tiers, off-peak hours, and price changes.
IN_USE = ("anthropic/claude-sonnet-4-5", "deepseek/deepseek-v4-pro", "google/gemini-2.5-pro")


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    home = Home(tmp_path_factory.mktemp("what_if"))
    home.config.mkdir(parents=True)
    (home.config / "discount_rules.csv").write_text(
        "rule_id,workspace_id,group_name,kind,factor,valid_from,valid_to,reason\n"
        "ten-off,ws_1,,contract,0.9,2026-01-01,,worked example\n"
    )
    (home.config / "price_overrides.csv").write_text(
        "provider,model,token_class,usd_per_mtok,min_input_tokens,variant,valid_from,valid_to,reason\n"
        + "".join(
            f"lab,small,{name},{price},{start},standard,2026-01-01,,test\n" for name, price, start in SMALL
        )
        + "lab,later,input,1,0,standard,2026-12-01,,test\n"
    )
    mixed = {"prompt_tokens_details": {"cached_tokens": 6000, "cache_write_tokens": 1000}}
    land(
        home,
        "2026-11-01",
        [
            infron_line("mixed", usage=mixed),
            infron_line(
                "long", workspace_id="ws_2", usage={"prompt_tokens": 200_001, "total_tokens": 200_501}
            ),
            infron_line("small", model="lab/small", workspace_id="ws_3"),
            *(infron_line(model, model=model, workspace_id="ws_5") for model in IN_USE[1:]),
            infron_line("later", model="lab/later", workspace_id="ws_4"),
            infron_line("unknown", model="nobody/knows-this"),
        ],
    )
    build(home, (*FACTS, "+dim_prices", "+dim_catalogue_prices"))
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.build_database}' as build (read_only)")
        connection.execute("set search_path = 'memory.main,build.marts'")
        for macro in queries():
            connection.execute(macro)
        yield connection


def ask(
    books: duckdb.DuckDBPyConnection, columns: str, workspace: str, target: str = "lab/small"
) -> list[tuple]:
    query = f"select {columns} from what_if('{target}') where workspace_id = '{workspace}'"
    return books.execute(query).fetchall()


def test_the_same_tokens_are_priced_class_by_class_with_their_own_discount(
    books: duckdb.DuckDBPyConnection,
) -> None:
    """(3,000 x 0.15 + 6,000 x 0.075 + 1,000 x 0.15 + 500 x 0.6) / 1e6 = 0.00135; x 0.9 = 0.001215."""
    [row] = ask(
        books, "cost_usd, target_cost_usd, cost_without_cache_usd, cost_without_discounts_usd", "ws_1"
    )
    assert row == tuple(map(Decimal, ("0.019845", "0.001215", "0.03375", "0.02205")))


def test_the_target_s_tiers_are_chosen_by_each_prompt(books: duckdb.DuckDBPyConnection) -> None:
    """200,001 x 0.30 / 1e6 + 500 x 0.6 / 1e6 = 0.0600003 + 0.0003 = 0.0603003."""
    assert ask(books, "target_cost_usd", "ws_2") == [(Decimal("0.0603003"),)]


def test_a_model_at_its_own_prices_costs_what_it_cost(books: duckdb.DuckDBPyConnection) -> None:
    [(cost, target)] = ask(books, "cost_usd, target_cost_usd", "ws_3")
    assert cost == target == Decimal("0.0018")


def test_a_target_without_prices_that_day_has_no_cost_rather_than_none(
    books: duckdb.DuckDBPyConnection,
) -> None:
    """lab/later has prices from December on; the call is of November."""
    found = ask(books, "requests_without_target_price, target_cost_usd", "ws_3", target="lab/later")
    assert found == [(1, None)]


def test_a_model_nobody_has_used_is_priced_by_the_catalogue(books: duckdb.DuckDBPyConnection) -> None:
    """gpt-4o-mini: (3,000 x 0.15 + 6,000 x 0.075 + 1,000 x 0.15 + 500 x 0.6) / 1e6 = 0.00135; x 0.9 = 0.001215."""
    used = books.execute("select count(*) from dim_prices where price_model = 'gpt-4o-mini'").fetchall()
    assert used == [(0,)]
    found = ask(books, "requests_without_target_price, target_cost_usd", "ws_1", target="openai/gpt-4o-mini")
    assert found == [(0, Decimal("0.001215"))]


def test_prices_are_put_together_as_for_a_model_in_use(books: duckdb.DuckDBPyConnection) -> None:
    """Catalogue models in use cost the same when dim_prices is taken away, at every prompt size."""
    query = "select * from what_if('{}') order by all"
    used = [books.execute(query.format(model)).fetchall() for model in IN_USE]
    books.execute("create schema unused")
    books.execute("create view unused.dim_prices as select * from build.marts.dim_prices where false")
    books.execute("set search_path = 'memory.unused,memory.main,build.marts'")
    try:
        unused = [books.execute(query.format(model)).fetchall() for model in IN_USE]
    finally:
        books.execute("set search_path = 'memory.main,build.marts'")
        books.execute("drop schema unused cascade")
    assert used == unused
    assert all(row[5] == 0 for rows in used for row in rows)


def test_a_misspelt_name_is_answered_with_the_nearest(books: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match='such as "openai/gpt-4o-mini"'):
        ask(books, "*", "ws_3", target="openai/gpt-4o-mimi")


@pytest.mark.parametrize("target", ["nobody/else", "small", "", "lab/"])
def test_a_name_without_any_prices_is_refused(books: duckdb.DuckDBPyConnection, target: str) -> None:
    with pytest.raises(duckdb.Error, match=f'a model called "{target}"; write <provider>/<model>'):
        ask(books, "*", "ws_3", target=target)


def test_every_class_of_tokens_is_queried() -> None:
    [macro] = [query for query in queries() if "create macro what_if" in query]
    assert [
        entry.name
        for entry in token_classes()
        if f"coalesce({entry.tokens}, 0) * prices.{entry.price}" not in macro
    ] == []
