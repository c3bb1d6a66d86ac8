"""What a worker gets of build.duckdb, and how days become tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from dagster_project.dbt_runner import day_tasks
from ingestion.duck import literal


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A build.duckdb with a view that binds only with a variable, two tables it reads, and one it does not."""
    with duckdb.connect(str(tmp_path / "build.duckdb")) as session:
        session.execute("create schema intermediate; create schema marts")
        for name in ("kept", "prices", "unread"):
            session.execute(
                f"create table intermediate.{name} as"
                " select date '2026-11-01' + cast(range as integer) as event_date from range(5)"
            )
        session.execute("set variable files = 'intermediate.kept'")
        session.execute("create view marts.steps as select * from query_table(getvariable('files'))")
        session.execute(
            "create view marts.shown as select event_date from marts.steps"
            " semi join intermediate.kept using (event_date) semi join intermediate.prices using (event_date)"
        )
        session.execute("reset variable files")
        yield session


def order(**changes: object) -> dict[str, object]:
    return {
        "sql": 'select * from "build"."marts"."shown"',
        "tasks": [{"days": ["2026-11-02"]}, {"days": ["2026-11-03"]}],
        "kept_by_day": ["kept"],
        "margin_days": 0,
        **changes,
    }


@pytest.mark.parametrize(("margin", "kept"), [(0, 2), (1, 4)])
def test_a_snapshot_has_the_views_and_the_rows_they_need(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, margin: int, kept: int
) -> None:
    """Of a table kept by day 2 and 3 November, and the days around; of another all; of one that is not read none."""
    snapshot = tmp_path / "snapshot.duckdb"
    day_tasks._ship(warehouse, snapshot, order(margin_days=margin))
    with duckdb.connect(":memory:") as worker:
        worker.execute(f"attach {literal(snapshot)} as build (read_only)")
        worker.execute("use build")
        counted = {
            name: worker.sql(f"select count(*) from intermediate.{name}").fetchall()[0][0]
            for name in ("kept", "prices", "unread")
        }
        worker.execute("set variable files = 'intermediate.kept'")
        assert worker.sql("select count(*) from marts.shown").fetchall() == [(kept,)]
    assert counted == {"kept": kept, "prices": 5, "unread": 0}


def test_a_batch_is_named_by_its_fingerprints_and_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def folder(name: str) -> str:
        batch = {"name": name, "days": ["2026-11-01"], "variables": {}, "setup": [], "select": "select 1"}
        return day_tasks._task({"model": "m", "format": ""}, batch, tmp_path, tmp_path / "s")["folder"]

    own = folder("a fingerprint")
    assert (folder("a fingerprint"), folder("another") == own) == (own, False)
    monkeypatch.setattr(day_tasks, "versions", lambda: {"duckdb": "9.9.9"})
    assert folder("a fingerprint") != own


def test_variables_are_what_they_are_here() -> None:
    assert day_tasks._set({"first_day": "2026-11-01 00:00:00", "raw_infron_logs": ["/o'home/a.parquet"]}) == [
        "set variable first_day = cast('2026-11-01 00:00:00' as timestamp)",
        "set variable raw_infron_logs = ['/o''home/a.parquet']",
    ]


def test_a_small_night_is_built_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a start of the workers: 499,999 requests are not two tasks of 250,000."""
    monkeypatch.setenv("TOLLBOOK_WORKERS", "spark://nowhere:1")
    asked = {"weights": [300_000, 199_999], "limit": 2_000_000}
    day_tasks._size(asked)
    assert asked["task_rows"] == 0
