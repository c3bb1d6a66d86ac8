"""`tollbook doctor --workers`: who can work, who is refused and why, and what is said when nobody answers."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest

from dagster_project.reports import doctor_workers
from dagster_project.workers import admission
from dagster_project.workers.driving import close_all
from dagster_project.workers.setting import Setting, WorkersError
from ingestion.home import Home

POOL = Setting("pool:1", "pool", memory="500MB")


@pytest.fixture(scope="module", autouse=True)
def _processes() -> Iterator[None]:
    yield
    close_all()


def test_a_worker_that_can_work_leaves_nothing_in_the_home(home: Home) -> None:
    report = doctor_workers.examine(home, POOL)
    [answer] = report.answers
    assert (answer.probes, answer.problem, report.needs_a_person) == (2, "", False)
    assert [path for path in home.tasks.rglob("*") if path.is_file()] == []
    lines = list(report.lines())
    assert lines[0] == "workers   pool:1, 1 task at once"
    assert lines[-1] == "all workers can work"


def test_a_refused_worker_is_named_with_the_reason(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "versions", lambda: {"duckdb": "9.9.9"})
    report = doctor_workers.examine(home, POOL)
    [answer] = report.answers
    assert answer.problem.endswith("here and 9.9.9 on the driver; install the same on both")
    assert any(f"{answer.worker}  refused: duckdb" in line for line in report.lines())
    assert report.as_json()["needs_a_person"]


def test_a_cluster_that_cannot_be_reached_is_a_problem(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*_: object) -> None:
        raise WorkersError("spark://nowhere:1: no such host")

    monkeypatch.setattr(doctor_workers, "look", look)
    report = doctor_workers.examine(home, POOL)
    assert (report.problem, report.needs_a_person) == ("spark://nowhere:1: no such host", True)


def test_no_answer_is_told_after_a_while(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    enough = Event()

    def look(*_: object) -> list[dict]:
        enough.wait()
        return []

    monkeypatch.setattr(doctor_workers, "look", look)
    monkeypatch.setattr(doctor_workers, "PATIENCE_SECONDS", 0.01)
    report = doctor_workers.examine(home, POOL)
    enough.set()
    assert report.problem == "no answer within 0 s: does the cluster have room for a task?"
