"""A task of days: what its folder holds, and that attempts which race leave what one leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.workers.days import ROWS_FILE, build, claim, task_rows
from ingestion.duck import SPILL_VARIABLE, literal

MOST = 2**127 - 1
DAYS = ["2026-11-01", "2026-11-02"]


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Two days of a table with a row each, and a third that is not asked for."""
    monkeypatch.setenv(SPILL_VARIABLE, str(tmp_path / "spill"))
    snapshot = tmp_path / "snapshot.duckdb"
    with duckdb.connect(str(snapshot)) as session:
        session.execute("create schema marts")
        session.execute("create table marts.requests (event_date date, tokens hugeint)")
        session.execute(
            f"insert into marts.requests select date '2026-11-01' + cast(range as integer), {MOST} from range(3)"
        )
        session.execute(
            "create view marts.shown as from marts.requests where event_date <= getvariable('last_day')"
        )
    return {
        "days": DAYS,
        "folder": str(tmp_path / "made" / "batch"),
        "snapshot": str(snapshot),
        "setup": [f"set variable last_day = date '{DAYS[-1]}'"],
        "select": 'select * from "build"."marts"."shown"',
        "format": "",
        "threads": 1,
        "memory": "200MB",
    }


def test_rows_of_a_table_keep_their_type(task: dict[str, Any]) -> None:
    """2**127 - 1 tokens are a HUGEINT, which Parquet would round."""
    assert build(task) == 2
    with duckdb.connect(f"{task['folder']}/{ROWS_FILE}", read_only=True) as made:
        assert made.sql("select max(tokens), count(*) from rows").fetchall() == [(MOST, 2)]


@pytest.mark.parametrize("days", [DAYS, DAYS[:1]])
def test_requests_are_parquet_by_day(task: dict[str, Any], days: list[str]) -> None:
    task |= {
        "days": days,
        "setup": [f"set variable last_day = date '{days[-1]}'"],
        "format": "format parquet",
    }
    assert build(task) == len(days)
    found = sorted(Path(task["folder"]).rglob("*.parquet"))
    assert [path.relative_to(task["folder"]).as_posix() for path in found] == [
        f"event_date={day}/data_0.parquet" for day in days
    ]
    for path, day in zip(found, days, strict=True):
        assert duckdb.sql(f"select event_date::varchar from {literal(path)}").fetchall() == [(day,)]


def test_what_is_there_is_not_made_again(task: dict[str, Any]) -> None:
    build(task)
    Path(task["snapshot"]).unlink()
    assert build(task) == 0


def test_the_first_of_two_attempts_counts(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert claim(tmp_path / "first", tmp_path / "batch")
    assert not claim(tmp_path / "second", tmp_path / "batch")
    assert [path.name for path in (tmp_path / "batch").iterdir()] == ["first"]


def test_an_attempt_that_fails_leaves_nothing(task: dict[str, Any]) -> None:
    task["select"] = "select * from nothing"
    with pytest.raises(duckdb.CatalogException):
        build(task)
    assert list(Path(task["folder"]).parent.iterdir()) == []


@pytest.mark.parametrize(
    ("rows", "slots", "wanted"),
    [
        (4_000_000, 2, 1_000_000),  # two tasks for each slot
        (4_000_001, 2, 1_000_001),
        (4_000_000, 16, 250_000),  # a task is worth 250,000 rows
        (40_000_000, 2, 2_000_000),  # one statement has at most two million
    ],
)
def test_a_task_has_so_many_rows(rows: int, slots: int, wanted: int) -> None:
    assert task_rows(rows, 250_000, 2_000_000, slots) == wanted
