"""A build makes only what changed, and the marts are those of a build that makes everything."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dagster_project.books.build import build as build_books
from dagster_project.dbt_runner.build import BuildResult
from dagster_project.dbt_runner.project import project
from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, ingest, land

DAYS = ("2026-11-01", "2026-11-02")


def call(day: str, name: str = "call", **changes: object) -> dict:
    return infron_line(f"{name}-{day}", created_at=f"{day}T07:00:00Z", **changes)


def built(result: BuildResult) -> set[str]:
    """The names of the models that a build made."""
    return {
        node.name for node in result.nodes if node.unique_id in result.built and node.resource_type == "model"
    }


@pytest.fixture
def books(home: Home) -> Home:
    """A home with one call on each of two days, built whole."""
    for day in DAYS:
        land(home, day, [call(day)])
    build(home, ())
    return home


def contents(home: Home) -> dict[str, list[tuple]]:
    """Rows and a hash of every mart but the history of restatements, which only a home that lived has."""
    with duckdb.connect(str(home.build_database), read_only=True) as warehouse:
        return {
            mart.name: warehouse.sql(
                f"select count(*), sum(hash(t::varchar)::hugeint)::varchar from marts.{mart.name} as t"
            ).fetchall()
            for mart in project().marts
            if mart.name not in ("fct_restatements", "rpt_restated_requests")
        }


def test_a_new_call_builds_what_is_made_of_calls_and_no_payment(books: Home, tmp_path: Path) -> None:
    """The second home gets the same files at once: its marts have the same rows.

    A third call of 0.0375 USD: 3 requests, 0.1125 USD. Neither Stripe, nor credits, nor another gateway has anything
    to do with it.
    """
    land(books, DAYS[1], [call(DAYS[1], "late")], "late.ndjson")
    made = built(build(books, ()))
    assert {"fct_usage_costs", "fct_usage_daily", "rpt_usage_by_key_daily", "rpt_source_days"} <= made
    assert not {
        name for name in made if "stripe" in name or "payment" in name or name.startswith("stg_openai")
    }
    with duckdb.connect(str(books.build_database), read_only=True) as warehouse:
        total = warehouse.sql(
            "select sum(requests)::int, sum(list_cost_usd)::varchar from marts.fct_usage_daily"
        ).fetchall()
    assert total == [(3, "0.112500000000")]

    other = Home(tmp_path / "other")
    for day in DAYS:
        land(other, day, [call(day)])
    land(other, DAYS[1], [call(DAYS[1], "late")], "late.ndjson")
    ingest(other)
    duckdb.connect(str(other.build_database)).close()  # It does not begin with the build of an empty home.
    whole = build_books(other, project())
    assert built(whole) == {node["name"] for node in project().models}
    assert contents(other) == contents(books)


def test_nothing_new_makes_nothing_and_has_the_same_results(books: Home) -> None:
    again = build(books, ())
    assert again.built == frozenset()
    assert {node.status for node in again.nodes} <= {"success", "pass", "warn"}
    kinds = [node.kind for node in project().graph.nodes.values()]
    assert len(again.nodes) == len(kinds) - kinds.count("ephemeral")
    assert set(again.days_rebuilt.values()) == {0}


def test_a_setting_builds_what_reads_it(books: Home) -> None:
    books.config.mkdir()
    (books.config / "anomaly_settings.csv").write_text("setting,value,reason\nnew_spender_floor_usd,2,ours\n")
    made = built(build(books, ()))
    assert "int_anomaly_settings" in made
    assert not {"fct_usage_costs", "fct_usage_daily", "fct_invoices"} & made


def test_what_a_broken_build_did_not_reach_is_built_by_the_next(
    books: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is stopped before the second wave."""
    from dagster_project.books import build as module

    land(books, DAYS[1], [call(DAYS[1], "late")], "late.ndjson")
    ingest(books)
    runs = []

    def dying(*arguments: object) -> object:
        runs.append(arguments)
        if len(runs) == 2:
            raise KeyboardInterrupt
        return run(*arguments)

    run = module.run
    monkeypatch.setattr(module, "run", dying)
    with pytest.raises(KeyboardInterrupt):
        build_books(books, project())
    monkeypatch.undo()
    assert "fct_usage_costs" in built(build_books(books, project()))
    with duckdb.connect(str(books.build_database), read_only=True) as warehouse:
        assert warehouse.sql("select count(*) from marts.fct_usage_costs").fetchall() == [(3,)]
