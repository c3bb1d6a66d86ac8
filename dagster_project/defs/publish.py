"""The publication only: build.duckdb → tollbook.duckdb. Runs if no check upstream fails."""

from datetime import timedelta

import dagster as dg

from dagster_project.books.locks import writing
from dagster_project.books.publishing import publish, queries
from dagster_project.clock import STALE_AFTER
from dagster_project.dbt_runner.project import project
from dagster_project.defs.resources import DbtResource, HomeResource

PUBLICATION = dg.AssetKey(["publication"])


@dg.asset(
    key=PUBLICATION,
    deps=[dg.AssetKey(["marts", mart.name]) for mart in project().marts],
    group_name="published",
    owners=["team:data-platform"],
    kinds={"duckdb"},
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=STALE_AFTER, warn_window=timedelta(hours=25)),
    description="tollbook.duckdb: every mart, replaced by one rename, not touched if nothing changed.",
)
def publication(tollbook: HomeResource, dbt: DbtResource) -> dg.MaterializeResult:
    """Publish the marts of tonight."""
    with writing(tollbook.home):
        result = publish(tollbook.home, dbt.project.marts, queries())
    return dg.MaterializeResult(
        metadata={
            "publication_id": result.publication_id,
            "replaced": result.replaced,
            "dagster/row_count": sum(result.rows.values()),
            "tables": len(result.rows),
            "lake_files_removed": result.removed_files,
        }
    )
