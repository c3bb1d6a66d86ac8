"""Processes on this machine: concurrent.futures, spawned, because a fork of a process that used DuckDB hangs."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from dagster_project.workers.performing import perform
from dagster_project.workers.places import Result, Task
from dagster_project.workers.setting import MEMORY, TASK_ROWS, Setting, WorkersError

#: How often the tasks of processes that died are done again.
ATTEMPTS = 3


class Pool:
    """N spawned processes; a pool that lost one is replaced."""

    def __init__(self, setting: Setting) -> None:
        self.slots = setting.processes
        self._pool: ProcessPoolExecutor | None = None

    def results(self, tasks: Sequence[Task]) -> Iterator[Result]:
        """Yield results as they come; the tasks that were running when a process died are done again."""
        for attempt in range(1, ATTEMPTS + 1):
            waiting = {self._started().submit(perform, task): task for task in tasks}
            tasks = []
            for future in as_completed(waiting):
                if _is_lost(future):
                    tasks.append(waiting[future])
                else:
                    yield future.result()
            if not tasks:
                return
            self.close()
            if attempt == ATTEMPTS:
                break
        names = ", ".join(sorted(task["name"] for task in tasks))
        raise WorkersError(
            f"a process of the pool died {ATTEMPTS} times, perhaps for lack of memory; not done: {names}. "
            f"Lower {MEMORY} or {TASK_ROWS}, or start fewer processes"
        )

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.slots, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_driver
            )
        return self._pool


def _is_lost(future: Future) -> bool:
    return isinstance(future.exception(), BrokenProcessPool)


def _end_with_driver() -> None:
    """End this process when the driver is gone: a killed driver cannot tell its pool."""
    driver = multiprocessing.parent_process()

    def wait() -> None:
        driver.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
