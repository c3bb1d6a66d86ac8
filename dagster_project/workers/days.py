"""A task of days: the statement of a day-built model over some days → files or rows of these days.

    snapshot of the relations it names (read-only) ─┐
    variables: days, raw files ─────────────────────┴► statement ► folder of the task's name, renamed when complete

The folder is the claim: a rename onto a folder that is there fails, and the attempt is dropped. Its name is a hash of
the fingerprints of its days, so another attempt holds the same rows. Requests go to Parquet, one folder per day; rows
of a table go to a DuckDB file, because Parquet has no type for some of them.

Rulings: docs/decisions/workers.md#workers-3
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from ingestion.duck import SPILL_VARIABLE, literal
from ingestion.files import TEMPORARY_PREFIX

#: The file with the rows of a table, and their name in it.
ROWS_FILE, ROWS = "rows.duckdb", "rows"


def task_rows(rows: int, least: int, limit: int, slots: int) -> int:
    """Return how many rows a task may have: two tasks for each slot, as long as they are worth it.

    Args:
        rows: of all days together.
        least: that are worth a task.
        limit: that one statement may have.
        slots: tasks that run at once.
    """
    return min(limit, max(least, -(-rows // (2 * slots))))


def build(task: Mapping[str, Any]) -> int:
    """Run a task's statement, unless its folder is there; return the rows it wrote."""
    folder = Path(task["folder"])
    if folder.exists():
        return 0
    own = folder.with_name(f"{TEMPORARY_PREFIX}{uuid4().hex}")
    own.mkdir(parents=True)
    try:
        rows = _write(task, own)
        claim(own, folder)
        return rows
    finally:
        shutil.rmtree(own, ignore_errors=True)


def claim(own: Path, folder: Path) -> bool:
    """Rename a finished folder; return whether it was the first of its name."""
    try:
        own.rename(folder)
    except OSError:
        if not folder.exists():
            raise
        return False
    return True


def _write(task: Mapping[str, Any], own: Path) -> int:
    config = {
        "threads": task["threads"],
        "memory_limit": task["memory"],
        "temp_directory": os.environ[SPILL_VARIABLE],
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with closing(duckdb.connect(":memory:", config=config)) as session:
        session.execute("set enable_progress_bar = false")
        session.execute("set TimeZone = 'UTC'")
        session.execute(f"attach {literal(task['snapshot'])} as build (read_only)")
        session.execute("use build")
        for statement in task["setup"]:
            session.execute(statement)
        return _copy_days(session, task, own) if task["format"] else _copy_rows(session, task, own)


def _copy_days(session: duckdb.DuckDBPyConnection, task: Mapping[str, Any], own: Path) -> int:
    """Write Parquet, one folder per day; a day of its own needs no partitions, which are slower."""
    if len(task["days"]) > 1:
        target, partitions = own, ", partition_by (event_date), write_partition_columns true"
    else:
        target, partitions = own / f"event_date={task['days'][0]}" / "data_0.parquet", ""
        target.parent.mkdir()
    [(rows,)] = session.execute(
        f"copy ({task['select']}) to {literal(target)} ({task['format']}{partitions})"
    ).fetchall()
    return rows


def _copy_rows(session: duckdb.DuckDBPyConnection, task: Mapping[str, Any], own: Path) -> int:
    session.execute(f"attach {literal(own / ROWS_FILE)} as made")
    [(rows,)] = session.execute(f"create table made.{ROWS} as {task['select']}").fetchall()
    session.execute("detach made")
    return rows
