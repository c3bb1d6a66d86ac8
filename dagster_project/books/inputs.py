"""A hash of a build's inputs: a build of the same inputs is not repeated.

dbt needs seconds to find that no day changed. The inputs are the files below raw/ and rejects/, the closed months, and
the content of dbt/.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from dagster_project.dbt_runner.project import DbtProject
from ingestion.files import TEMPORARY_PREFIX
from ingestion.home import Home


def inputs(home: Home, project: DbtProject) -> str:
    """Return a hash of all inputs of a build."""
    content = hashlib.sha256(project.parse_folder.name.encode())
    for path in _files(home):
        content.update(f"\n{path.relative_to(home.root).as_posix()} {_content(path)}".encode())
    return content.hexdigest()


def _files(home: Home) -> Iterator[Path]:
    for folder, pattern in (
        (home.raw, "*.parquet"),
        (home.accepted, "*.ndjson"),
        (home.rejects, "*.parquet"),
        (home.closings, "*.json"),
    ):
        for path in sorted(folder.rglob(pattern)):
            if not any(part.startswith(TEMPORARY_PREFIX) for part in path.relative_to(folder).parts):
                yield path


def _content(path: Path) -> str:
    """Identify a day's file by size and time, because it is never rewritten, and any other by its bytes."""
    if path.suffix == ".parquet" and path.parent.name.startswith("dt="):
        stat = path.stat()
        return f"{stat.st_size} {stat.st_mtime_ns}"
    return hashlib.sha256(path.read_bytes()).hexdigest()
