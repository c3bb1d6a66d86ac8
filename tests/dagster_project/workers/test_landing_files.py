"""Landing files read by workers: the same load records, Parquet and rejects as here."""

from __future__ import annotations

import json
import shutil
from typing import Any

import duckdb
import pytest

from dagster_project.steps.conversion import Converted, convert_days
from dagster_project.workers import landing_files
from dagster_project.workers.driving import DONE, Work, send
from dagster_project.workers.setting import WorkersError
from ingestion.home import Home
from ingestion.landing import landed
from ingestion.load import write_schemas
from ingestion.load_records import every
from ingestion.sources import load_sources

DAYS = ["2026-11-01", "2026-11-02", "2026-11-03"]


def line(number: int) -> str:
    call = {
        "request_id": f"gen-{number}",
        "created_at": "2026-11-01T07:21:59.391Z",
        "model": "openai/gpt-4o",
        "status": "failure",
        "workspace_id": "ws_1",
    }
    return json.dumps(call) + "\n"


@pytest.fixture
def landed_home(home: Home) -> Home:
    """Three days with a file each, of which one has a bad line."""
    for number, day in enumerate(DAYS):
        folder = home.landing / "infron" / "logs" / f"dt={day}"
        folder.mkdir(parents=True)
        (folder / "a.ndjson").write_text(
            "".join(line(10 * number + i) for i in range(5)) + "no json\n" * (number == 1)
        )
    write_schemas(home)
    return home


def convert(home: Home, days: list[str] = DAYS) -> Converted:
    [source] = load_sources(home)
    return convert_days(home, source, "logs", days)


def what_is_read(home: Home) -> tuple[list[dict[str, Any]], list[tuple], list[tuple]]:
    """All load records, raw rows and rejects."""
    found = [
        duckdb.sql(
            f"select * from read_parquet('{folder}/**/dt=*/*.parquet', hive_partitioning = false) order by all"
        ).fetchall()
        for folder in (home.raw / "infron_logs", home.rejects)
    ]
    return [content for _, content in every(home)], *found


def test_workers_leave_what_is_left_without_them(
    landed_home: Home, monkeypatch: pytest.MonkeyPatch, pool: None
) -> None:
    converted = convert(landed_home)
    assert converted.work.tasks == len(DAYS)
    there = what_is_read(landed_home)
    monkeypatch.delenv("TOLLBOOK_WORKERS")
    for folder in (landed_home.raw, landed_home.rejects):
        shutil.rmtree(folder)
    write_schemas(landed_home)
    here = convert(landed_home)
    assert (here.work.tasks, what_is_read(landed_home)) == (0, there)
    assert [(day.files, day.rows, day.rejects) for day in here.days.values()] == [
        (1, 5, 0),
        (1, 5, 1),
        (1, 5, 0),
    ]
    assert [(day.files, day.rows, day.rejects) for day in converted.days.values()] == [
        (day.files, day.rows, day.rejects) for day in here.days.values()
    ]


def test_nothing_new_is_no_task(landed_home: Home, pool: None) -> None:
    convert(landed_home)
    before = DONE.tasks
    assert [day.unchanged for day in convert(landed_home).days.values()] == [1, 1, 1]
    assert DONE.tasks == before


def test_one_file_is_read_here(landed_home: Home, pool: None) -> None:
    assert convert(landed_home, DAYS[:1]).work.tasks == 0


def test_small_files_are_read_together(landed_home: Home, pool: None) -> None:
    """A call has 130 bytes, and a task at least 650, as many as a request has on average: of 6 files of one call
    on the first day, 4 of them are a task, 2 another, and the larger files of the other days one each.
    """
    folder = landed_home.landing / "infron" / "logs" / f"dt={DAYS[0]}"
    (folder / "a.ndjson").unlink()
    for number in range(6):
        (folder / f"{number}.ndjson").write_text(line(number))
    assert 4 * len(line(1)) <= 650 < 5 * len(line(1))
    converted = convert(landed_home)
    assert (converted.work.tasks, converted.days[DAYS[0]].files) == (4, 6)


def test_a_file_that_cannot_be_opened_is_told_as_here(landed_home: Home, pool: None) -> None:
    path = landed_home.landing / "infron" / "logs" / f"dt={DAYS[1]}" / "b.ndjson"
    path.symlink_to(path.parent / "nothing")
    assert convert(landed_home).unread == {
        path.relative_to(
            landed_home.landing
        ).as_posix(): f"{path.relative_to(landed_home.landing)} cannot be opened: No such file or directory"
    }


def test_a_worker_with_another_reader_is_refused(landed_home: Home, pool: None) -> None:
    [source] = load_sources(landed_home)
    [task, *_] = landing_files.tasks(landed_home, landed(landed_home, [source]), 1, 2)
    task["files"][0]["reader_version"] = "another"
    with pytest.raises(WorkersError, match=r"landing/infron/.* is read differently here than on the driver"):
        list(send(landed_home, [task], Work()))
