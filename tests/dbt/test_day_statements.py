"""What makes a day a task: its statement reads its own days and small tables, and gives the same rows each time.

Rulings: docs/decisions/workers.md#workers-5
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import duckdb
import pytest

from dagster_project.dbt_runner.project import project
from dagster_project.set_up import set_up

BY_DAY = ("daily", "lake")
#: Tables without a row per request: one per day, price, rule, stretch of credits or landing file.
SMALL = {
    "int_credit_stretch_days",
    "int_credit_stretches",
    "int_discount_days",
    "int_model_price_alternatives",
    "int_model_prices",
    "int_pricing_days",
    "int_usage_day_windows",
    "int_usage_days",
    "int_volume_days",
    "int_volume_rules_reached",
    "stg_raw__files",
}
#: Another result a minute later, on another machine, or in another order of rows.
CHANGING = re.compile(
    r"\b(?:current_date|current_timestamp|now\(|today\(|get_current_\w+|random\(|uuid\(|gen_random_uuid|run_state"
    r"|any_value\(|arg_max\(|arg_min\(|max_by\(|min_by\(|mode\(|using sample|tablesample)",
    re.IGNORECASE,
)
#: Their order is of whole rows, so it has no ties.
ORDERED = {"rpt_traffic_daily": {"min_by("}}


@cache
def nodes() -> dict[str, Any]:
    return dict(project().manifest_json["nodes"])


def kind(unique_id: str) -> str:
    return nodes()[unique_id]["config"]["materialized"] if unique_id in nodes() else "source"


def read_by(unique_id: str) -> set[str]:
    """Models and sources that a model reads, directly or through views, without its history."""
    history = {f"model.tollbook.{name}" for name in nodes()[unique_id]["config"].get("history", {}).values()}
    found: set[str] = set()
    unread = [unique_id]
    while unread:
        for upstream in set(nodes()[unread.pop()]["depends_on"]["nodes"]) - found - history:
            found.add(upstream)
            if kind(upstream) in ("view", "ephemeral"):
                unread.append(upstream)
    return found


def models(*kinds: str) -> Iterator[str]:
    for unique_id, node in nodes().items():
        if node["resource_type"] == "model" and kind(unique_id) in kinds:
            yield unique_id


def reads_requests(unique_id: str) -> bool:
    sources = project().manifest_json["sources"]
    return any(
        sources[name]["config"]["meta"].get("is_event_table")
        for name in read_by(unique_id)
        if name in sources
    )


def test_only_models_built_by_day_read_files_of_requests() -> None:
    kinds = {
        kind(unique_id) for unique_id in models("table", "incremental", *BY_DAY) if reads_requests(unique_id)
    }
    assert kinds == set(BY_DAY)


def test_what_a_day_reads_is_kept_by_day_or_small() -> None:
    found = {
        nodes()[name]["name"]
        for unique_id in models(*BY_DAY)
        for name in read_by(unique_id)
        if kind(name) not in ("view", "ephemeral", "source", *BY_DAY)
    }
    assert found == SMALL


@cache
def statements() -> dict[str, str]:
    """The code of every model that is built by day and of the views it reads, by name."""
    found = set(models(*BY_DAY))
    for unique_id in list(found):
        found |= {name for name in read_by(unique_id) if kind(name) in ("view", "ephemeral")}
    return {nodes()[unique_id]["name"]: nodes()[unique_id]["raw_code"] for unique_id in found}


def test_a_statement_of_a_day_gives_the_same_rows_each_time() -> None:
    assert len(statements()) > 50
    found = {name: set(CHANGING.findall(code)) for name, code in statements().items()}
    assert {name: words for name, words in found.items() if words} == ORDERED


def test_a_row_number_and_a_list_of_texts_say_in_which_order() -> None:
    unordered = re.compile(
        r"(?:row_number|rank|lag|lead|first_value)\(\)? over \((?:(?!order by)[^()])*\)"
        r"|string_agg\((?:(?!order by)[^()])*\)"
    )
    assert {name: found for name, code in statements().items() if (found := unordered.findall(code))} == {}


@pytest.fixture(scope="module")
def columns() -> list[tuple[str, str]]:
    """Table and column names of every relation, from the build of an empty home."""
    set_up()
    with duckdb.connect(str(project().parse_folder / "empty" / "build.duckdb"), read_only=True) as empty:
        return empty.sql("select table_name, column_name from duckdb_columns() where not internal").fetchall()


def test_no_column_has_its_name_twice(columns: list[tuple[str, str]]) -> None:
    """DuckDB calls the second one name_1 or name:1; Spark and Parquet readers refuse it."""
    assert len(columns) > 1000
    names = set(columns)
    assert [
        (table, name)
        for table, name in columns
        if (found := re.fullmatch(r"(.+)[_:]1", name)) and (table, found[1]) in names
    ] == []
