"""What a build is made of, as one hash: a build of the same inputs is not made again.

dbt spends seconds on finding out that no day changed. Its inputs are the files below raw/ and rejects/, the months that
are closed, and the content of dbt/.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from dagster_project.dbt_runner.project import DbtProject
from ingestion.files import TEMPORARY_PREFIX
from ingestion.home import Home


def inputs(home: Home, project: DbtProject) -> str:
    """Return the content a build is made of as a hash."""
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
    """Know a day's file by size and time, as it is never written twice, and any other by its bytes."""
    if path.suffix == ".parquet" and path.parent.name.startswith("dt="):
        stat = path.stat()
        return f"{stat.st_size} {stat.st_mtime_ns}"
    return hashlib.sha256(path.read_bytes()).hexdigest()
