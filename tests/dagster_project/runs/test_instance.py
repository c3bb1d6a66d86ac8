"""The run history: what dead runs held is free again, and old step logs go while their runs stay."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest
import yaml

from dagster_project.runs.instance import (
    OF_THE_CODE_LOCATION,
    OURS,
    POSTGRES_VARIABLE,
    end_dead_runs,
    open_instance,
    prepare,
    remove_old_logs,
)
from ingestion.home import Home

#: A pool such as a home of version 0.2 has; a run waiting for a slot of it never ended.
POOL = "duckdb_writer"
#: How a process ends that was killed.
KILLED = 137
REPOSITORY = Path(__file__).parents[3]
Status = dg.DagsterRunStatus


@dg.op
def nothing() -> None:
    """Do nothing."""


@dg.job
def empty() -> None:
    """Do nothing once."""
    nothing()


@dg.op
def hold_a_slot(context: dg.OpExecutionContext) -> None:
    """Hold a slot of a pool for as long as the run lives."""
    context.instance.event_log_storage.set_concurrency_slots(POOL, 1)
    context.instance.event_log_storage.claim_concurrency_slot(POOL, context.run_id, "hold_a_slot")


@dg.op(ins={"held": dg.In(dg.Nothing)})
def die() -> None:
    """End the process without any handler."""
    os._exit(KILLED)


@dg.op(ins={"held": dg.In(dg.Nothing)})
def check_alive(context: dg.OpExecutionContext) -> tuple[bool, int]:
    """End dead runs while this run is alive."""
    return end_dead_and_check(context.instance, context.run_id)


@dg.job
def dying() -> None:
    """Hold a slot, and die."""
    die(hold_a_slot())


@dg.job
def living() -> None:
    """Hold a slot, and end dead runs."""
    check_alive(hold_a_slot())


def end_dead_and_check(instance: dg.DagsterInstance, run_id: str) -> tuple[bool, int]:
    """End the dead runs; return whether this is one of them, and how many runs hold a slot."""
    end_dead_runs(instance, OURS)
    failed = instance.get_run_by_id(run_id).status == Status.FAILURE
    return failed, len(instance.event_log_storage.get_concurrency_info(POOL).active_run_ids)


def run_and_die(root: str) -> None:
    """Run `dying` in the home at `root`, for a process of its own."""
    with open_instance(Home(Path(root))) as instance:
        dying.execute_in_process(instance=instance)


def test_a_run_of_a_killed_process_does_not_hold_its_slot(home: Home) -> None:
    script = f"from {__name__} import run_and_die; run_and_die({str(home.root)!r})"
    process = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=False)
    assert process.returncode == KILLED
    with open_instance(home) as instance:
        [run] = instance.get_runs()
        assert run.status == Status.STARTED
        assert end_dead_and_check(instance, run.run_id) == (True, 0)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [(OURS, (True, 0)), ({}, (False, 1))],
    ids=["of a command line that has released the home", "of the UI"],
)
def test_a_run_whose_process_is_alive_holds_its_slot_unless_it_is_of_the_command_line(
    home: Home, tags: dict[str, str], expected: tuple[bool, int]
) -> None:
    with open_instance(home) as instance:
        result = living.execute_in_process(instance=instance, tags=tags)
    assert result.output_for_node("check_alive") == expected


def test_a_slot_is_freed_with_its_run_in_every_state(home: Home) -> None:
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
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    name = settings["tool"]["dg"]["project"]["code_location_name"]
    assert {".dagster/repository": f"__repository__@{name}"} == OF_THE_CODE_LOCATION


def test_a_postgres_of_the_environment_holds_the_runs_and_no_file_holds_its_password(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(POSTGRES_VARIABLE, "postgresql://tollbook:secret@127.0.0.1/dagster")
    prepare(home)
    settings = yaml.safe_load((home.dagster / "dagster.yaml").read_text())
    assert settings["storage"] == {"postgres": {"postgres_url": {"env": POSTGRES_VARIABLE}}}
    assert "secret" not in str(settings)
    monkeypatch.delenv(POSTGRES_VARIABLE)
    prepare(home)
    assert "storage" not in yaml.safe_load((home.dagster / "dagster.yaml").read_text())
