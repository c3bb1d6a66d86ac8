"""What a worker does with a task: perform(task) → result, both plain data.

    {do, name, stated, memory, threads, environment, …} ► admission ► do ► {name, worker, seconds, …,
                                                                            given | refused | failed}

A refusal or an error is a result, so that an engine does not try it again; a worker that dies has none.
"""

from __future__ import annotations

import resource
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any

from dagster_project.workers import days, landing_files, probe
from dagster_project.workers.admission import why_refused, worker_name
from ingestion.duck import MEMORY_VARIABLE, SPILL_VARIABLE, THREADS_VARIABLE
from ingestion.environment import environment_with
from ingestion.files import keep_private

#: What a task can be, by the name in `do`.
KINDS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "files": landing_files.read,
    "days": days.build,
    "probe": probe.look,
}


def perform(task: Mapping[str, Any]) -> dict[str, Any]:
    """Do one task in this process.

    Returns:
        name: of the task.
        worker: host and process.
        seconds, cpu_seconds: that it took.
        peak_bytes: the most memory this process has held so far.
        given: what the task gives; or
        refused: why this worker must not do it; or
        failed: the error, as text.
    """
    started, cpu = time.monotonic(), time.process_time()
    outcome: dict[str, Any] = {}
    keep_private()
    try:
        if reason := why_refused(task["stated"]):
            outcome["refused"] = reason
        else:
            with _limits(task):
                outcome["given"] = KINDS[task["do"]](task)
    except Exception as error:
        outcome["failed"] = "".join(traceback.format_exception_only(error)).strip()
        outcome["trace"] = traceback.format_exc()
    return {
        "name": task["name"],
        "worker": worker_name(),
        "seconds": round(time.monotonic() - started, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        **outcome,
    }


@contextmanager
def _limits(task: Mapping[str, Any]):
    """Set memory, threads and an own folder to spill to, for every DuckDB of this process."""
    spill = tempfile.mkdtemp(prefix="tollbook-")
    wanted = {
        MEMORY_VARIABLE: task["memory"],
        THREADS_VARIABLE: str(task["threads"]),
        SPILL_VARIABLE: spill,
        **task.get("environment", {}),
    }
    try:
        with environment_with(wanted):
            yield
    finally:
        shutil.rmtree(spill, ignore_errors=True)
