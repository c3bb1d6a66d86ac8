"""What the last complete build was made of, and what it said: a build of the same inputs is not made again.

dbt spends seconds on finding out that no day changed. Its inputs are the files below raw/ and rejects/, the
months that are closed, and the content of dbt/; when these are what they were, and every lake file is still
there, the results of the last build still hold. They are kept inside build.duckdb and share its fate: a
restored one is judged by itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from dagster_project.books import closing
from dagster_project.dbt_runner.project import DbtProject
from ingestion import accepted
from ingestion.files import TEMPORARY_PREFIX
from ingestion.home import Home

if TYPE_CHECKING:
    from dagster_project.dbt_runner.build import BuildResult


def inputs(home: Home, project: DbtProject) -> str:
    """Return the content a build is made of as a hash."""
    content = hashlib.sha256(project.parse_folder.name.encode())
    for path in _files(home):
        content.update(f"\n{path.relative_to(home.root).as_posix()} {_content(path)}".encode())
    return content.hexdigest()


def recall(home: Home, made_of: str) -> BuildResult | None:
    """Return what the last build said, if it was made of this and what it wrote is still there."""
    from dagster_project.dbt_runner.build import BuildResult, NodeResult

    if not home.build_database.exists():
        return None
    try:
        with duckdb.connect(str(home.build_database), read_only=True) as warehouse:
            found = warehouse.sql(
                "select result from meta.last_build where inputs = $inputs", params={"inputs": made_of}
            ).fetchall()
            files = warehouse.sql("select file from meta.day_builds where file is not null").fetchall()
    except duckdb.Error:
        return None
    if not found or not all((home.lake / file).exists() for (file,) in files):
        return None
    said = json.loads(found[0][0])
    return BuildResult(
        **said
        | {
            "nodes": [NodeResult(**node) for node in said["nodes"]],
            "days_rebuilt": dict.fromkeys(said["days_rebuilt"], 0),
        }
    )


def forget(home: Home) -> None:
    """Take back what the last build said: a new one begins, and may die half way."""
    if home.build_database.exists():
        with duckdb.connect(str(home.build_database)) as warehouse:
            warehouse.sql("drop table if exists meta.last_build")


def remember(home: Home, made_of: str, result: BuildResult) -> None:
    """Keep what a complete build said."""
    with duckdb.connect(str(home.build_database)) as warehouse:
        warehouse.sql(
            "create or replace table meta.last_build as select $inputs as inputs, $result as result",
            params={"inputs": made_of, "result": json.dumps(asdict(result))},
        )


def _files(home: Home) -> Iterator[Path]:
    for folder, pattern in (
        (home.raw, "*.parquet"),
        (accepted.folder(home), "*.ndjson"),
        (home.rejects, "*.parquet"),
        (closing.folder(home), "*.json"),
    ):
        for path in sorted(folder.rglob(pattern)):
            if not any(part.startswith(TEMPORARY_PREFIX) for part in path.relative_to(folder).parts):
                yield path


def _content(path: Path) -> str:
    """Know a day's file by size and time, as it is never written twice, and any other by its bytes."""
    if path.suffix == ".parquet" and path.parent.name.startswith("dt="):
        stat = path.stat()
        return f"{stat.st_size} {stat.st_mtime_ns}"
    return hashlib.sha256(path.read_bytes()).hexdigest()
