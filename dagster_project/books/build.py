"""Bring build.duckdb up to date with raw/: what a build needs before it, and what is kept of it.

closed files are whole? ► was this built before? ─yes► what that build said
└no─► dbt build ► rows and days counted ► remembered
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from dagster_project.books import closing, last_build, restating
from dagster_project.books.publishing import reads_elsewhere, restore_days
from dagster_project.dbt_runner import build as dbt_build
from dagster_project.dbt_runner.build import BuildResult
from dagster_project.dbt_runner.project import DbtProject
from ingestion.home import Home


def build(home: Home, project: DbtProject, select: Sequence[str] = ()) -> BuildResult:
    """Build `select` (unique names; everything when empty) against `home`.

    A complete build of the same inputs is not made again: what it said still holds. After a home was moved everything
    is selected, and no day rebuilt: views of build.duckdb read the lake at the place where they were made.

    Raises:
        DbtBroken: dbt ended without results, for example because the profile or a hook failed.
        ClosedFileDamaged: a file of a closed month is not what it was.
    """
    closing.verify(home)
    moved = _was_built_elsewhere(home)
    select = () if moved else select
    made_of = last_build.inputs(home, project)
    known = None if select or moved else last_build.recall(home, made_of)
    if known:
        return known
    last_build.forget(home)
    restating.folder(home).mkdir(parents=True, exist_ok=True)
    (home.lake / "recon_statuses").mkdir(parents=True, exist_ok=True)
    restore_days(home)
    result = _measured(home, project, dbt_build.run(home, project, select))
    if not select and not result.broken:
        last_build.remember(home, made_of, result)
    return result


def _was_built_elsewhere(home: Home) -> bool:
    if not home.build_database.exists():
        return False
    with duckdb.connect(str(home.build_database), read_only=True) as warehouse:
        return reads_elsewhere(warehouse, home)


def _measured(home: Home, project: DbtProject, result: BuildResult) -> BuildResult:
    """Add the rows of what was built, and how many days of it this build rebuilt."""
    built = [node.name for node in result.nodes if node.resource_type == "model" and node.passed]
    if not built or not home.build_database.exists():
        return result
    schemas = {node["name"]: node["schema"] for node in project.models}
    with duckdb.connect(str(home.build_database), read_only=True) as warehouse:
        ledger = warehouse.sql(
            """
            select model, sum(row_count)::bigint, count(*) filter (where invocation_id = $id)
            from meta.day_builds
            group by model
            """,
            params={"id": result.invocation_id},
        ).fetchall()
        rows = {model: count for model, count, _ in ledger if model in built}
        days = {model: count for model, _, count in ledger if model in built}
        for name in built:
            if name not in rows:
                [(rows[name],)] = warehouse.table(f"{schemas[name]}.{name}").count("*").fetchall()
    return replace(result, rows=rows, days_rebuilt=days)
