"""The Dagster instance of a home: run history, schedules and pools live in $TOLLBOOK_HOME/dagster.

dagster.yaml is written by us and rewritten when it differs: one writer of the warehouse at a time whoever
starts the run, nothing sent anywhere, old ticks purged. What a step prints is not captured: Dagster would
start a process per run to do so, and dbt keeps its own log beside the run history.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ingestion.home import Home

if TYPE_CHECKING:
    import dagster as dg

WRITER_POOL = "duckdb_writer"

DAGSTER_YAML = """\
# Written by tollbook; changes here are overwritten.
telemetry: {enabled: false}
nux: {enabled: false}
concurrency: {pools: {granularity: op, default_limit: 1}, runs: {max_concurrent_runs: 2}}
retention: {sensor: {purge_after_days: 7}, schedule: {purge_after_days: 30}}
compute_logs: {module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}
"""


def prepare(home: Home) -> None:
    """Make `home`'s Dagster folder and its dagster.yaml."""
    settings = home.dagster / "dagster.yaml"
    if settings.exists() and settings.read_text() == DAGSTER_YAML:
        return
    home.dagster.mkdir(parents=True, exist_ok=True)
    temporary = settings.with_name(f".tmp-{os.getpid()}")
    temporary.write_text(DAGSTER_YAML)
    temporary.replace(settings)


def open_instance(home: Home) -> dg.DagsterInstance:
    """Return the persistent instance of `home`; `dg dev` shows it when DAGSTER_HOME names that folder."""
    import dagster as dg

    prepare(home)
    return dg.DagsterInstance.from_config(str(home.dagster))


def bury(instance: dg.DagsterInstance, tags: dict[str, str]) -> None:
    """End the runs with these tags that a dead process left open, and free the pools they still occupy.

    Only while holding the writer lock of the home: whoever holds it knows that no such run is alive. Without
    this a killed run would occupy the writer pool for ever, and the next one would wait for it.
    """
    import dagster as dg

    alive = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for run in instance.get_runs(dg.RunsFilter(statuses=alive, tags=tags)):
        instance.report_run_failed(run, "the process of this run ended without a word; the next run goes on")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


if __name__ == "__main__":
    prepare(Home.locate())
