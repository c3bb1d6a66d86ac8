"""The rows that a failed dbt test found, selected again by its compiled SQL."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from dagster_project.dbt_runner.build import NodeResult
from dagster_project.dbt_runner.failing_rows import failing_rows
from ingestion.home import Home


@pytest.fixture
def items(home: Home) -> Home:
    """build.duckdb with seven items of 0.10, 1.10, ... in a schema of its own."""
    with duckdb.connect(str(home.build_database)) as build:
        build.sql("create schema marts")
        build.sql("create table marts.items as select range as id, range + 0.10 as usd from range(7)")
    return home


def failed(home: Home, sql: str | None, status: str = "fail") -> NodeResult:
    path = home.root / "test.sql"
    if sql is not None:
        path.write_text(sql)
    return NodeResult(
        unique_id="test.tollbook.a",
        name="a",
        resource_type="test",
        status=status,
        seconds=0.1,
        failures=7,
        message="Got 7 results",
        compiled_path=str(path) if sql is not None else str(Path("gone.sql")),
        is_finding=False,
    )


def test_the_first_five_rows_are_shown_exactly(items: Home) -> None:
    rows = failing_rows(items, failed(items, "select * from build.marts.items order by id -- every item"))
    assert [row["id"] for row in rows] == [0, 1, 2, 3, 4]
    assert rows[0]["usd"] == Decimal("0.10")


@pytest.mark.parametrize("sql", ["select * from build.marts.gone", None])
def test_a_test_that_cannot_be_selected_again_shows_no_rows(items: Home, sql: str | None) -> None:
    assert failing_rows(items, failed(items, sql)) == []


def test_a_test_that_passed_is_not_selected_again(items: Home) -> None:
    assert failing_rows(items, failed(items, "select * from build.marts.items", status="pass")) == []
