"""Remove unneeded files: lake files without a reference, and half-written publications."""

from __future__ import annotations

import shutil

from dagster_project.books import closing, publication, restating, state
from ingestion.files import remove_unfinished
from ingestion.home import Home


def remove_abandoned(home: Home) -> None:
    """Remove half-written files of killed publications, gates and tasks."""
    for pattern in ("tollbook.duckdb.tmp-*", "marts.duckdb.tmp-*"):
        for path in home.root.glob(pattern):
            path.unlink()
    remove_unfinished(home.dq_results)
    shutil.rmtree(home.tasks, ignore_errors=True)


def remove_unneeded(home: Home) -> int:
    """Remove lake files that no build state, publication, closing or restatement refers to; return how many."""
    needed = closing.kept_files(home) | restating.kept_files(home)
    needed |= state.lake_files(home) | publication.kept_files(home)
    removed = 0
    for path in home.lake.rglob("*.parquet"):
        if home.dq_results in path.parents:
            continue
        file = path.relative_to(home.lake).as_posix()
        if file not in needed and not path.name.startswith("."):
            path.unlink()
            removed += 1
    for folder in sorted(home.lake.rglob("event_date=*")):
        if not any(folder.iterdir()):
            folder.rmdir()
    return removed
