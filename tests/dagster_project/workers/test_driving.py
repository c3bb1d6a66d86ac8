"""What a driver is told of its workers: results, refusals, errors, deaths; and what a worker may take."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from dagster_project.workers import admission, performing
from dagster_project.workers.admission import marked
from dagster_project.workers.driving import Work, send, slots
from dagster_project.workers.setting import WorkersError, setting
from ingestion.home import Home


def probes(count: int) -> list[dict[str, str]]:
    return [{"do": "probe", "name": f"probe {number}"} for number in range(count)]


@pytest.fixture
def raw_home(home: Home) -> Home:
    home.raw.mkdir()
    return home


def stated(home: Home, **changes: object) -> dict[str, object]:
    """A probe as a worker gets it, with what the driver states changed."""
    with marked(home) as told:
        pass  # The mark is gone again, unless a test keeps one.
    mark = home.tasks / "marks" / str(told["mark"])
    mark.write_text(str(told["mark"]))
    return {**probes(1)[0], "memory": "500MB", "threads": 1, "stated": {**told, **changes}}


def test_every_task_is_done_once_and_counted(raw_home: Home, pool: None) -> None:
    work = Work()
    given = dict(send(raw_home, probes(3), work))
    assert sorted(given) == ["probe 0", "probe 1", "probe 2"]
    assert all(Path(found["file"]).exists() for found in given.values())
    assert (work.tasks, len(work.workers)) == (3, 2)
    assert set(work.metadata()) == {"tasks", "worker_cpu_seconds", "worker_peak_mib", "workers"}
    assert list((raw_home.tasks / "marks").iterdir()) == []


def test_a_worker_is_as_the_driver_says(raw_home: Home) -> None:
    assert performing.perform(stated(raw_home))["given"]["rows"] > 0


@pytest.mark.parametrize("name", ["duckdb", "tollbook", "schema"])
def test_another_version_is_refused_by_name(raw_home: Home, name: str) -> None:
    told = performing.perform(stated(raw_home, versions={**admission.versions(), name: "0.0.1"}))
    own = admission.versions()[name]
    assert told["refused"] == f"{name} is {own} here and 0.0.1 on the driver; install the same on both"


def test_a_worker_that_does_not_see_the_home_is_refused(raw_home: Home) -> None:
    told = performing.perform(stated(raw_home, mark="somewhere else"))
    assert told["refused"].startswith(f"it does not see the home {raw_home.root}")


def test_refused_workers_end_the_build_by_name(
    raw_home: Home, pool: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "versions", lambda: {"duckdb": "9.9.9"})
    with pytest.raises(WorkersError, match=r"worker \S+:\d+ is refused: duckdb is \S+ here and 9\.9\.9"):
        list(send(raw_home, probes(2), Work()))


def test_an_error_of_a_task_names_task_and_worker(raw_home: Home, pool: None) -> None:
    tasks = [{"do": "files", "name": "landing of nothing", "files": [{"source": "nobody", "path": "a"}]}]
    with pytest.raises(WorkersError, match=r"landing of nothing, on worker \S+:\d+: KeyError: 'nobody'"):
        list(send(raw_home, tasks, Work()))


def test_a_task_whose_worker_died_is_done_by_another(raw_home: Home, pool: None) -> None:
    """The first probe of six is killed as soon as one of the others is done."""
    work, killed = Work(), 0
    for _, _ in send(raw_home, probes(6), work):
        if not killed:
            killed = int(next(iter(work.workers)).rpartition(":")[2])
            os.kill(killed, signal.SIGKILL)
    assert work.tasks == 6
    assert len(work.workers) > 2


def test_a_task_has_its_memory_and_spills_beyond_it(raw_home: Home) -> None:
    """300,000 hashes are sorted in 60 MB, and not in 1 MB."""
    assert performing.perform({**stated(raw_home), "memory": "60MB"})["given"]["rows"] == 300_000
    told = performing.perform({**stated(raw_home), "memory": "1MB"})
    assert "OutOfMemory" in told["failed"]


def test_a_task_leaves_the_settings_of_its_process_as_they_were(raw_home: Home) -> None:
    before = dict(os.environ)
    performing.perform(stated(raw_home))
    assert dict(os.environ) == before


def test_a_pool_has_as_many_slots_as_processes(pool: None) -> None:
    chosen = setting()
    assert chosen is not None
    assert slots(chosen) == 2


def test_without_the_variable_nothing_is_sent(raw_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOLLBOOK_WORKERS", raising=False)
    assert setting() is None
    assert list(send(raw_home, probes(2), Work())) == []
