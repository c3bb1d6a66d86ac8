"""Answers of the published marts, and what is said where there are none."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import duckdb
import pytest

from dagster_project.notebooks.marts import Marts, open_marts
from ingestion.home import Home
from tests.conftest import REPOSITORY


@pytest.fixture
def marts() -> Marts:
    return Marts(duckdb.connect())


def test_money_stays_decimal(marts: Marts):
    rows = marts.ask("select 0.1::decimal(18, 12) as cost_usd").rows
    assert rows["cost_usd"].to_list() == [Decimal("0.100000000000")]


def test_the_words_for_a_value_are_a_column(marts: Marts):
    answer = marts.ask("select unnest(['short', 'odd']) as status, 1 as items")
    told = answer.with_words("what_to_do", "status", {"short": "collect it"}, "nothing", 1)
    assert told.rows.rows() == [("short", "collect it", 1), ("odd", "nothing", 1)]
    both = answer.with_words("what_to_do", ("status", "items"), {("odd", 1): "ask"}, "nothing", 2)
    assert both.rows["what_to_do"].to_list() == ["nothing", "ask"]


def test_sums_are_of_numbers_alone(marts: Marts):
    assert marts.ask("select 'a' as name, 2 as items, null::decimal(18, 2) as cost_usd").sums() == {
        "items": 2,
        "cost_usd": 0,
    }


def test_the_published_marts_are_read_only(finished_night):
    marts = open_marts(finished_night.home)
    with pytest.raises(duckdb.Error, match="read-only"):
        marts.ask("delete from fct_usage_daily")


def test_a_column_has_the_description_of_its_mart(finished_night):
    described = (
        open_marts(finished_night.home)
        .ask("select cache_optimized_cost_usd from fct_usage_costs limit 1")
        .descriptions
    )
    assert described["cache_optimized_cost_usd"]


def test_a_bill_is_written_out_as_trace_prints_it(finished_night):
    marts = open_marts(finished_night.home)
    request = marts.ask(
        "select request_id from fct_usage_costs where list_cost_usd > 0 order by 1 limit 1"
    ).first()["request_id"]
    assert "cache-optimized cost" in marts.bill_of(request)


def test_a_reader_that_ends_leaves_nothing_of_duckdb_behind(home: Home):
    """DuckDB reports at exit what still holds its objects."""
    program = (
        "import duckdb; from dagster_project.notebooks.marts import Marts;"
        " print(Marts(duckdb.connect()).ask('select 1 as one').first()['one'])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (ended.stdout, ended.stderr) == ("1\n", "")
