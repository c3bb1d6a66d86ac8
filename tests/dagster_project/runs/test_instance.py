"""The run history: what dead runs held is free again, and old step logs go while their runs stay."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.events import EngineEventData

from dagster_project.runs.instance import (
    OF_THE_CODE_LOCATION,
    OURS,
    end_dead_runs,
    open_instance,
    remove_old_logs,
)
from ingestion.home import Home

#: A pool such as a home of version 0.2 has; a run waiting for a slot of it never ended.
POOL = "duckdb_writer"
Status = dg.DagsterRunStatus


@dg.op
def nothing() -> None:
    """Do nothing."""


@dg.job
def empty() -> None:
    """Do nothing once."""
    nothing()


def begun(instance: dg.DagsterInstance, process: int, tags: dict[str, str] | None = None) -> str:
    """A run that says in which process it runs, and holds a slot of a pool."""
    run = instance.create_run_for_job(empty, status=dg.DagsterRunStatus.STARTED, tags=tags)
    instance.report_engine_event("running", run, EngineEventData(metadata={"pid": str(process)}))
    instance.event_log_storage.claim_concurrency_slot(POOL, run.run_id, "nothing")
    return run.run_id


def a_dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


@pytest.mark.parametrize(
    ("ours", "dead", "buried"),
    [(True, False, True), (False, True, True), (False, False, False)],
    ids=["of a command line that has let go of the home", "of the UI, dead", "of the UI, alive"],
)
def test_a_run_that_died_without_a_word_does_not_hold_its_slot(
    home: Home, ours: bool, dead: bool, buried: bool
) -> None:
    with open_instance(home) as instance:
        instance.event_log_storage.set_concurrency_slots(POOL, 1)
        run_id = begun(instance, a_dead_process() if dead else os.getpid(), OURS if ours else None)
        end_dead_runs(instance, OURS)
        failed = instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE
        pool = instance.event_log_storage.get_concurrency_info(POOL)
    assert (failed, len(pool.active_run_ids)) == (buried, 0 if buried else 1)


def test_a_slot_outlives_no_run_whatever_became_of_it(home: Home) -> None:
    """A run of the command line in every state it can be in, and one that was deleted."""
    states = [status for status in Status if status != Status.QUEUED]
    with open_instance(home) as instance:
        storage = instance.event_log_storage
        storage.set_concurrency_slots(POOL, len(states) + 1)
        runs = [instance.create_run_for_job(empty, status=status, tags=OURS).run_id for status in states]
        for run_id in (*runs, str(uuid4())):
            storage.claim_concurrency_slot(POOL, run_id, "the step that has a slot")
            storage.claim_concurrency_slot(POOL, run_id, "the step that waits for one")
        end_dead_runs(instance, OURS)
        pool = storage.get_concurrency_info(POOL)
    assert pool.active_run_ids | pool.pending_run_ids == set()


def test_step_logs_go_after_their_time_and_the_runs_stay(home: Home) -> None:
    with open_instance(home) as instance:
        run_id = empty.execute_in_process(instance=instance).run_id
        logs = home.dagster / "history" / "runs"
        assert remove_old_logs(instance, home) == 0
        assert (logs / f"{run_id}.db").exists()
        assert remove_old_logs(instance, home, days=-1) == 1
        assert list(logs.glob(f"{run_id}.db*")) == []
    with open_instance(home) as instance:
        assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.SUCCESS
        assert list(instance.all_logs(run_id)) == []


def test_a_run_of_the_command_line_belongs_to_the_code_location_of_the_project() -> None:
    """The UI lists under a job the runs that have its name and this tag."""
    settings = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    name = settings["tool"]["dg"]["project"]["code_location_name"]
    assert {".dagster/repository": f"__repository__@{name}"} == OF_THE_CODE_LOCATION
