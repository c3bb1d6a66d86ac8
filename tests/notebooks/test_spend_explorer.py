"""notebooks/01_spend_explorer.py: its numbers, its filters, its drill-down, without a browser."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from datetime import date
from decimal import Decimal
from types import ModuleType

import duckdb
import pytest
import yaml

from ingestion.home import Home

EVERYTHING = {
    "first_day": date(2026, 11, 1),
    "last_day": date(2026, 11, 2),
    "models": [],
    "keys": [],
    "members": [],
}


@pytest.fixture(scope="module")
def notebook(request: pytest.FixtureRequest) -> ModuleType:
    path = request.config.rootpath / "notebooks" / "01_spend_explorer.py"
    spec = importlib.util.spec_from_file_location("spend_explorer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_notebook_opens_on_all_spend_of_all_days(notebook, marts):
    """List 1.00 + 2.00 + 4.00 = 7.00, discounted 6.30, cache-optimized 0.50 + 1.80 + 3.60 = 5.90."""
    _, shown = notebook.app.run(defs={"con": marts})
    assert shown["totals"].row(0) == (4, 1, Decimal("7.00"), Decimal("6.30"), Decimal("5.90"))
    assert shown["by_day"]["cache_optimized_cost_usd"].to_list() == [Decimal("2.30"), Decimal("3.60")]
    assert (shown["models"].value, shown["keys"].value, shown["members"].value) == ([], [], [])


def test_the_table_lists_key_and_model_with_the_most_expensive_first_and_the_unpriced_last(notebook, marts):
    _, shown = notebook.app.run(defs={"con": marts})
    assert shown["by_key_and_model"].select("key", "model", "cache_optimized_cost_usd").rows() == [
        ("key_1", "anthropic/claude", Decimal("3.60")),
        ("key_2", "openai/gpt-4o", Decimal("1.80")),
        ("key_1", "openai/gpt-4o", Decimal("0.50")),
        ("key_1", "nobody/<b>knows</b>-*it*", Decimal("0")),
    ]


@pytest.mark.parametrize(
    ("narrowed", "spent"),
    [
        ({"last_day": date(2026, 11, 1)}, "2.30"),
        ({"models": ["openai/gpt-4o"]}, "2.30"),
        ({"keys": ["key_1"]}, "4.10"),
        ({"members": ["(none)"]}, "1.80"),
        ({"keys": ["key_1"], "models": ["openai/gpt-4o"]}, "0.50"),
    ],
)
def test_a_filter_narrows_the_sums(notebook, marts, narrowed, spent):
    """First day: 0.50 of key_1 and 1.80 of key_2, which no member owns; second day: 3.60 of key_1."""
    totals = notebook.spend(marts, EVERYTHING | narrowed)
    assert totals["cache_optimized_cost_usd"].to_list() == [Decimal(spent)]


def test_the_drill_down_shows_the_requests_of_one_key_on_one_model(notebook, marts):
    requests = notebook.requests_of(marts, EVERYTHING, "key_1", "openai/gpt-4o")
    assert requests.select("request_id", "cache_optimized_cost_usd", "raw_line").rows() == [
        ("req_1", Decimal("0.50"), 1)
    ]


def test_the_drill_down_stops_at_its_limit(notebook, marts):
    assert notebook.requests_of(marts, EVERYTHING, "key_1", "openai/gpt-4o", limit=0).is_empty()


@pytest.mark.parametrize("mart", ["fct_usage_daily", "fct_usage_costs"])
def test_the_hand_made_marts_hold_only_columns_the_warehouse_promises(marts, mart, request):
    """The contract in dbt/models/marts/usage/<mart>.yml is what the notebook can rely on."""
    promised = request.config.rootpath / "dbt" / "models" / "marts" / "usage" / f"{mart}.yml"
    [model] = yaml.safe_load(promised.read_text())["models"]
    assert set(marts.table(mart).columns) <= {column["name"] for column in model["columns"]}


def test_a_home_without_marts_reports_what_to_run(notebook, home: Home):
    """The notebook stops at a message instead of failing, and makes no file of its own."""
    outputs, shown = notebook.app.run()
    assert any("make run" in getattr(output, "text", "") for output in outputs)
    assert "totals" not in shown
    assert not home.published_database.exists()


def test_a_reader_that_ends_leaves_nothing_of_duckdb_behind(home: Home, request: pytest.FixtureRequest):
    """DuckDB reports at exit what still holds its objects."""
    program = (
        "import runpy; notebook = runpy.run_path('notebooks/01_spend_explorer.py');"
        " con = notebook['open_published_marts'](); print(notebook['frame'](con.sql('select 1 as one')).item())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=request.config.rootpath,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("1\n", "")


def test_marts_published_elsewhere_are_not_read(notebook, home: Home, publish):
    """Their requests are files of another place."""
    publish(home.root.with_name("old"))
    with notebook.open_published_marts() as con:
        assert not notebook.has_usage(con)


def test_published_marts_are_opened_for_reading_only(notebook, home: Home, publish):
    publish(home.root)
    with notebook.open_published_marts() as con:
        assert notebook.spend(con, EVERYTHING)["requests"].to_list() == [4]
        with pytest.raises(duckdb.Error, match="read-only"):
            con.execute("delete from fct_usage_daily")
