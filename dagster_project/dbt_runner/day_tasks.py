"""Days of a model as tasks for workers: what macros/engine/workers.sql asks for, as a plugin of dbt-duckdb.

    size    rows of the missing days ► rows of a task; 0 where they are built here
    build   snapshot of what the model reads ► one task per batch of days ► files of the lake, or DuckDB files with rows
    done    remove what tasks made

An order is a dictionary from Jinja; what it asks for is added to it. Build state stays with the materializations, which
enter a day after its rows are there.

Rulings: docs/decisions/workers.md#workers-3
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.duckdb.utils import TargetConfig

from dagster_project.workers.admission import versions
from dagster_project.workers.days import ROWS_FILE, task_rows
from dagster_project.workers.driving import Work, send, slots
from dagster_project.workers.setting import setting
from ingestion.duck import literal
from ingestion.files import publish
from ingestion.home import Home

#: What workers did for the models of this invocation, by name.
DONE: dict[str, Work] = {}
_NAMED = re.compile(r'(?=\b(\w+)"?\."?(\w+))')


class Plugin(BasePlugin):
    """Takes the orders of models."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Keep the connection to build.duckdb, of which a task gets a snapshot."""
        self._warehouse = conn

    def store(self, target_config: TargetConfig) -> None:
        """Carry out an order.

        Raises:
            WorkersError: workers cannot be reached, are refused, or a task failed.
        """
        order = target_config.config
        {"size": _size, "build": self._build, "done": _forget}[order["step"]](order)

    def _build(self, order: dict[str, Any]) -> None:
        home = Home.locate()
        made = home.tasks / order["model"]
        made.mkdir(parents=True, exist_ok=True)
        snapshot = made / f"{uuid4().hex}.duckdb"
        tasks = [_task(order, task, made, snapshot) for task in order["tasks"]]
        missing = [task for task in tasks if not Path(task["folder"]).exists()]
        if missing:
            with self._warehouse.cursor() as warehouse:
                _ship(warehouse, snapshot, order)
        for _ in send(home, missing, DONE.setdefault(order["model"], Work())):
            pass
        order["rows_files"] = {}
        for batch, task in zip(order["tasks"], tasks, strict=True):
            if order["format"]:
                _put_in_place(Path(task["folder"]), home.lake / order["model"], batch["name"])
            else:
                order["rows_files"][batch["name"]] = f"{task['folder']}/{ROWS_FILE}"


def _size(order: dict[str, Any]) -> None:
    chosen = setting()
    order["task_rows"] = 0
    if chosen and sum(order["weights"]) >= 2 * chosen.task_rows:
        order["task_rows"] = task_rows(sum(order["weights"]), chosen.task_rows, order["limit"], slots(chosen))


def _forget(order: Mapping[str, Any]) -> None:
    shutil.rmtree(Home.locate().tasks / order["model"])


def _task(order: Mapping[str, Any], batch: Mapping[str, Any], made: Path, snapshot: Path) -> dict[str, Any]:
    days = batch["days"]
    content = json.dumps([batch["name"], days, order["format"], versions()])
    return {
        "do": "days",
        "name": f"{order['model']} {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else ""),
        "days": days,
        "folder": str(made / hashlib.sha256(content.encode()).hexdigest()[:32]),
        "snapshot": str(snapshot),
        "setup": [*_set(batch["variables"]), *batch["setup"]],
        "select": batch["select"],
        "format": order["format"],
    }


def _set(variables: Mapping[str, Any]) -> list[str]:
    """Return the statements that set the days and the raw files of a batch."""
    return [
        f"set variable {name} = "
        + (
            f"[{', '.join(map(literal, value))}]"
            if isinstance(value, list)
            else f"cast({literal(value)} as timestamp)"
        )
        for name, value in variables.items()
    ]


def _ship(warehouse: duckdb.DuckDBPyConnection, snapshot: Path, order: Mapping[str, Any]) -> None:
    """Write the relations of build.duckdb with the rows that the model reads; of a table kept by day, its own days.

    A view is copied as it is, which takes no time; to create it again would plan it.
    """
    views, tables = (
        {(schema, name): sql for schema, name, sql in warehouse.sql(query).fetchall()}
        for query in (
            "select schema_name, view_name, sql from duckdb_views() where database_name = 'build' and not internal",
            "select schema_name, table_name, null from duckdb_tables() where database_name = 'build'",
        )
    )
    dates = sorted(day for task in order["tasks"] for day in task["days"])
    margin = order["margin_days"] or 0
    warehouse.execute(f"attach {literal(snapshot)} as shipped")
    warehouse.execute("copy from database build to shipped (schema)")
    for schema, name in sorted(_read(order["sql"], views, tables)):
        where = (
            f" where event_date between date '{dates[0]}' - {margin} and date '{dates[-1]}' + {margin}"
            if name in order["kept_by_day"]
            else ""
        )
        warehouse.execute(f'insert into shipped."{schema}"."{name}" from build."{schema}"."{name}"{where}')
    warehouse.execute("detach shipped")


def _read(
    sql: str, views: Mapping[tuple[str, str], str], tables: Collection[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Return the tables that a statement names, directly or through views."""
    found: set[tuple[str, str]] = set()
    unread = [sql]
    while unread:
        for named in set(_NAMED.findall(unread.pop())) - found:
            if named in views:
                unread.append(views[named])
            if named in views or named in tables:
                found.add(named)
    return found.intersection(tables)


def _put_in_place(folder: Path, target: Path, name: str) -> None:
    """Move the files of a batch into the lake; those that an earlier attempt moved are there already."""
    for file in folder.glob("event_date=*/*.parquet"):
        number = file.stem.rpartition("_")[2]
        place = target / file.parent.name / f"{name}_{number}.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        publish(file, place)
