"""TOLLBOOK_WORKERS and the variables beside it.

    unset            this process, no tasks
    pool:N           N processes on this machine
    spark://HOST:P   a standalone Spark cluster; `spark` alone takes the session that spark-submit gives
    ray://HOST:P     a Ray cluster; `ray` alone joins the one this process is started in
    ray://local      Ray on this machine, started and ended with the run

Rulings: docs/decisions/workers.md#workers-1
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

WHERE = "TOLLBOOK_WORKERS"
MEMORY = "TOLLBOOK_WORKER_MEMORY"
THREADS = "TOLLBOOK_WORKER_THREADS"
TASK_ROWS = "TOLLBOOK_TASK_ROWS"
RAY_HERE = "ray://local"

#: Below it, planning the statement of a day (2 CPU-s) takes longer than its rows.
_DEFAULT_TASK_ROWS = 250_000
_FORMS = re.compile(
    r"pool:(?P<processes>[1-9][0-9]{0,3})|(?P<spark>spark(://[^\s]+)?)|(?P<ray>ray(://[^\s]+)?)"
)
_MEMORY = re.compile(r"([1-9][0-9]*) ?(MB|GB|MiB|GiB)")
_UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}


class WorkersError(RuntimeError):
    """The workers cannot be used; the message says what to do."""


class SettingError(WorkersError):
    """A variable holds something else than what it can hold."""


@dataclass(frozen=True)
class Setting:
    """Where tasks run and what each may take.

    Attributes:
        where: the value of TOLLBOOK_WORKERS.
        kind: pool, spark or ray.
        memory: memory limit of DuckDB in one task, as DuckDB reads it.
        threads: threads of DuckDB in one task.
        task_rows: the least number of rows worth a task of its own.
    """

    where: str
    kind: str
    memory: str = "1GB"
    threads: int = 1
    task_rows: int = _DEFAULT_TASK_ROWS

    @property
    def processes(self) -> int:
        """Processes of a pool."""
        return int(self.where.partition(":")[2])

    @property
    def memory_bytes(self) -> int:
        """The memory limit in bytes."""
        [(number, unit)] = _MEMORY.findall(self.memory)
        return int(number) * _UNITS[unit]


def setting(environment: Mapping[str, str] = os.environ) -> Setting | None:
    """Return the setting; None where TOLLBOOK_WORKERS is not set.

    Raises:
        SettingError: a variable holds something else than what it can hold.
    """
    where = environment.get(WHERE, "").strip()
    if not where:
        return None
    form = _FORMS.fullmatch(where)
    if form is None:
        raise SettingError(
            f"{WHERE} is {where!r}; it can be pool:N, spark, spark://host:port, ray, ray://host:port or ray://local"
        )
    memory = environment.get(MEMORY) or Setting.memory
    if not _MEMORY.fullmatch(memory):
        raise SettingError(f"{MEMORY} is {memory!r}; it must be a size such as 1500MB or 2GB")
    return Setting(
        where,
        "pool" if form["processes"] else "spark" if form["spark"] else "ray",
        memory,
        _whole(environment, THREADS, 1),
        _whole(environment, TASK_ROWS, _DEFAULT_TASK_ROWS),
    )


def _whole(environment: Mapping[str, str], name: str, default: int) -> int:
    written = environment.get(name) or str(default)
    if not (written.isascii() and written.isdigit() and int(written)):
        raise SettingError(f"{name} is {written!r}; it must be a whole number from 1 on")
    return int(written)
