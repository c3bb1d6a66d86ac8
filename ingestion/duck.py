"""DuckDB for bulk reads: one private in-memory engine per process, bounded, offline, in UTC."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import duckdb

from ingestion.files import TEMPORARY_PREFIX

MEMORY_VARIABLE = "TOLLBOOK_MEMORY_LIMIT"
THREADS_VARIABLE = "TOLLBOOK_THREADS"
#: Set by a worker, whose home others may share: two engines must not spill to one folder.
SPILL_VARIABLE = "TOLLBOOK_SPILL"
#: COPY reserves 4 MiB per column and thread, and uses one thread if it cannot; it needs less: a hundred columns and two
#: threads stay below 750 MB.
DEFAULT_MEMORY = "1500MB"


@lru_cache(maxsize=1)
def _engine(spill: Path, memory: str, threads: int) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        ":memory:",
        config={
            "memory_limit": memory,
            "threads": threads,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )


def threads() -> int:
    """Return how many threads DuckDB may use: TOLLBOOK_THREADS, or as many as there are cores."""
    return int(os.environ.get(THREADS_VARIABLE) or os.cpu_count() or 1)


def session(folder: Path, time_zone: str = "UTC") -> duckdb.DuckDBPyConnection:
    """Return a session of this process's engine; close it after use.

    Args:
        folder: Folder for the temporary folder that DuckDB spills to.
        time_zone: Zone in which times without an offset are read.
    """
    memory = os.environ.get(MEMORY_VARIABLE) or DEFAULT_MEMORY
    spill = os.environ.get(SPILL_VARIABLE) or folder / f"{TEMPORARY_PREFIX}spill"
    cursor = _engine(Path(spill), memory, threads()).cursor()
    cursor.execute(f"set TimeZone = {literal(time_zone)}")
    return cursor


def literal(text: object) -> str:
    """Quote a value as an SQL string, for the places DuckDB takes no parameter."""
    return "'" + str(text).replace("'", "''") + "'"
