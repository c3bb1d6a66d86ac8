"""The Dagster instance of a home: run history and schedules in $TOLLBOOK_HOME/dagster.

dagster.yaml is written here and rewritten when it differs: one run at a time, no telemetry, old ticks and old runs'
logs removed. What a step prints is not captured: Dagster would start a process per run for that, and dbt has its own
log.

Runs, events and schedules are in SQLite files beside it, or in PostgreSQL where the environment names one; dagster.yaml
names the variable and holds no password.

No step uses a pool. A killed run keeps its slot in a pool, and the in-process executor waits for a slot forever in a
busy loop that ignores signals. The lock of the home keeps writers apart (locks.py).

Rulings: docs/decisions/runs.md#runs-7.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dagster_project.books.locks import writing
from ingestion.files import keep_private
from ingestion.home import Home, HomeLocked
from ingestion.locks import is_alive

if TYPE_CHECKING:
    import dagster as dg

#: Runs of the command line; only one at a time, under the writer lock of the home.
OURS = {"tollbook/started_by": "tollbook run"}
#: Tag by which the UI shows a run under the job of its code location (pyproject.toml, [tool.dg.project]).
OF_THE_CODE_LOCATION = {".dagster/repository": "__repository__@tollbook"}

#: How long the step logs of a run are kept.
KEPT_LOG_DAYS = 90

#: The address of a PostgreSQL for the run history; needs the package dagster-postgres.
POSTGRES_VARIABLE = "TOLLBOOK_DAGSTER_POSTGRES_URL"

DAGSTER_YAML = """\
# Written by tollbook; changes here are overwritten.
telemetry: {enabled: false}
nux: {enabled: false}
concurrency: {runs: {max_concurrent_runs: 1}}
retention: {sensor: {purge_after_days: 7}, schedule: {purge_after_days: 30}}
run_monitoring: {enabled: true}
python_logs: {managed_python_loggers: [tollbook.lock], python_log_level: INFO}
freshness: {enabled: true}
compute_logs: {module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}
"""
POSTGRES_YAML = f"storage: {{postgres: {{postgres_url: {{env: {POSTGRES_VARIABLE}}}}}}}\n"


def prepare(home: Home) -> None:
    """Make `home`'s Dagster folder and its dagster.yaml."""
    settings = home.dagster / "dagster.yaml"
    wanted = DAGSTER_YAML + (POSTGRES_YAML if os.environ.get(POSTGRES_VARIABLE) else "")
    if settings.exists() and settings.read_text() == wanted:
        return
    home.dagster.mkdir(parents=True, exist_ok=True)
    temporary = settings.with_name(f".tmp-{os.getpid()}")
    temporary.write_text(wanted)
    temporary.replace(settings)


def open_instance(home: Home) -> dg.DagsterInstance:
    """Return the persistent instance of `home`; `dg dev` shows it when DAGSTER_HOME names that folder."""
    import dagster as dg

    prepare(home)
    return dg.DagsterInstance.from_config(str(home.dagster))


def end_dead_runs(instance: dg.DagsterInstance, ours: dict[str, str]) -> None:
    """Mark runs of dead processes as failed, and free the pool slots of all runs that are not alive.

    Otherwise the UI would show them as running, and start no other. Call this only while holding the writer lock of the
    home: runs tagged `ours` hold it while they run, so those found are dead. Any other run is dead if its process is.
    """
    import dagster as dg

    begun = {dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING}
    for run in instance.get_runs(dg.RunsFilter(statuses=[*begun, dg.DagsterRunStatus.NOT_STARTED])):
        is_ours = ours.items() <= run.tags.items()
        if is_ours or (run.status in begun and _is_dead(instance, run)):
            instance.report_run_failed(run, "the process of this run was killed; the next run continues")
    storage = instance.event_log_storage
    for pool in map(storage.get_concurrency_info, storage.get_concurrency_keys()):
        for run_id in pool.active_run_ids | pool.pending_run_ids:
            run = instance.get_run_by_id(run_id)
            if run is None or run.status not in begun:
                storage.free_concurrency_slots_for_run(run_id)


def _is_dead(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Return whether the process of a run started in the UI is dead; a run without a process id may be starting."""
    import dagster as dg

    pids = [
        entry.dagster_event.event_specific_data.metadata["pid"].value
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        if "pid" in entry.dagster_event.event_specific_data.metadata
    ]
    return bool(pids) and not any(is_alive(int(pid)) for pid in pids)


def remove_old_logs(instance: dg.DagsterInstance, home: Home, days: int = KEPT_LOG_DAYS) -> int:
    """Remove the step logs of runs that ended more than `days` days ago; return how many.

    Dagster keeps a file per run forever. The runs and their materializations are kept: without them old partitions
    would look unmaterialized.
    """
    import dagster as dg

    before = datetime.now(UTC) - timedelta(days=days)
    removed = 0
    for run in instance.get_runs(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
            updated_before=before,
        )
    ):
        for log in (home.dagster / "history" / "runs").glob(f"{run.run_id}.db*"):
            log.unlink()
            removed += log.suffix == ".db"
    return removed


if __name__ == "__main__":
    keep_private()
    home = Home.locate()
    prepare(home)
    try:
        with writing(home, wait_seconds=0), open_instance(home) as opened:
            end_dead_runs(opened, OURS)
    except HomeLocked as error:
        print(error, file=sys.stderr)
