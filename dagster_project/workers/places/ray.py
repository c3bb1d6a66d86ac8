"""Ray: every task is a remote function with its CPUs and memory reserved."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence

from dagster_project.workers.performing import perform
from dagster_project.workers.places import Result, Task
from dagster_project.workers.setting import RAY_HERE, WHERE, Setting, WorkersError

# They are read when Ray is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
if os.environ.get(WHERE) == RAY_HERE:
    # Ray's own switch for one machine: its servers listen on 127.0.0.1 alone.
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    # Else Ray writes one to a file, and keeps it.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))

import ray
from ray.exceptions import RayError

#: What a worker needs beside DuckDB: Python and the packages.
_OVERHEAD_BYTES = 300 * 10**6


class Ray:
    """The cluster at the address of the setting, the one this process is part of, or one of its own on this machine."""

    def __init__(self, setting: Setting) -> None:
        self._is_given = ray.is_initialized()
        self._where = setting.where
        try:
            if not self._is_given:
                _start(setting)
            cpus = int(ray.cluster_resources().get("CPU", 1))
        except (RayError, ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise WorkersError(f"{setting.where}: {str(error).strip().splitlines()[0]}") from error
        self.slots = max(1, cpus // setting.threads)
        self._perform = ray.remote(
            num_cpus=setting.threads, memory=setting.memory_bytes + _OVERHEAD_BYTES, max_retries=3
        )(perform)

    def results(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield results as they come; Ray does the task of a worker that died again."""
        waiting = [self._perform.remote(task) for task in tasks]
        try:
            while waiting:
                [done], waiting = ray.wait(waiting, num_returns=1)
                yield ray.get(done)
        except RayError as error:
            raise WorkersError(f"{self._where}: {str(error).strip().splitlines()[-1]}") from error
        finally:
            for reference in waiting:
                ray.cancel(reference)

    def close(self) -> None:
        """Leave the cluster, unless somebody else joined it; one of its own ends."""
        if not self._is_given:
            ray.shutdown()


def _start(setting: Setting) -> None:
    path = os.environ.get("PYTHONPATH")
    environment = {"env_vars": {"PYTHONPATH": path}} if path else None
    if setting.where == RAY_HERE:
        ray.init(
            address="local",
            num_cpus=os.cpu_count(),
            object_store_memory=100 * 10**6,  # tasks and results are small
            include_dashboard=False,
            log_to_driver=False,
            runtime_env=environment,
        )
    else:
        address = "auto" if setting.where == "ray" else setting.where
        ray.init(address=address, log_to_driver=False, runtime_env=environment)
