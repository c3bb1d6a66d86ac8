"""Bring build.duckdb up to date with raw/: prepare a build, run it, and keep its result.

closed files unchanged? ► same inputs built before? ─yes► result of that build
                                                    └no─► prepare build state ► dbt build ► count ► keep result
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dagster_project.books import closing, restating, state
from dagster_project.books.inputs import inputs
from dagster_project.books.publication import reads_elsewhere, restore_days
from dagster_project.books.restating import Restatement
from dagster_project.clock import today
from dagster_project.dbt_runner.build import BuildResult, run
from dagster_project.dbt_runner.project import DbtProject
from ingestion.empty_parquet import write_empty
from ingestion.home import Home
from ingestion.raw_tables import DQ_RESULT_COLUMNS


def build(
    home: Home, project: DbtProject, select: Sequence[str] = (), restatement: Restatement | None = None
) -> BuildResult:
    """Build `select` (unique names; everything when empty) against `home`.

    A complete build of the same inputs is not repeated: its result is returned. After a home was moved everything is
    selected, and no day is rebuilt: views of build.duckdb read the lake at the path where they were made.

    Args:
        home: the home; the caller holds its lock.
        project: the dbt project.
        select: models to build.
        restatement: event days that get a reason if this build rates them differently than before.

    Raises:
        DbtBroken: dbt ended without results, for example because the profile or a hook failed.
        ClosedFileDamaged: a file of a closed month has changed.
        NotRestatable: the restatement names days of a closed month.
    """
    closing.verify(home)
    if restatement:
        restating.refuse_closed(home, restatement)
    moved = _was_built_elsewhere(home)
    select = () if moved else select
    made_of = inputs(home, project)
    known = None if select or moved else state.recall(home, made_of)
    if known:
        return known
    state.forget(home)
    home.restatements.mkdir(parents=True, exist_ok=True)
    home.status_history.mkdir(parents=True, exist_ok=True)
    write_empty(home, home.no_requests, [("event_date", "DATE")])
    write_empty(home, home.no_dq_results, DQ_RESULT_COLUMNS)
    restore_days(home)
    state.prepare(
        home,
        today(),
        {node["name"] for node in project.models},
        closing.closed_day_rows(home),
        restatement.row() if restatement else None,
    )
    result = _measured(home, project, run(home, project, select))
    if not select and not result.broken:
        state.remember(home, made_of, result)
    return result


def _was_built_elsewhere(home: Home) -> bool:
    if not home.build_database.exists():
        return False
    with state.open_build(home) as warehouse:
        return reads_elsewhere(warehouse, home)


def _measured(home: Home, project: DbtProject, result: BuildResult) -> BuildResult:
    """Add the stored rows of each built model, and the number of its days this build rebuilt."""
    built = [node.name for node in result.nodes if node.resource_type == "model" and node.passed]
    by_day = state.counts(home, result.invocation_id)
    rows = {model: row_count for model, (row_count, _) in by_day.items() if model in built}
    days = {model: count for model, (_, count) in by_day.items() if model in built}
    schemas = {
        node["name"]: node["schema"]
        for node in project.models
        if node["config"]["materialized"] != "view" or node["fqn"][1] == "marts"
    }
    with state.open_build(home) as warehouse:
        for name in built:
            if name not in rows and name in schemas:
                [(rows[name],)] = warehouse.table(f"{schemas[name]}.{name}").count("*").fetchall()
    return replace(result, rows=rows, days_rebuilt=days)
