"""The dbt models only: raw/ → build.duckdb and lake/, one asset per model, one check per dbt test."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets
from pydantic import Field

from dagster_project.books.build import build
from dagster_project.books.closing import ClosedFileDamaged
from dagster_project.books.locks import writing
from dagster_project.books.restating import NotRestatable, Restatement, summary_lines
from dagster_project.dbt_runner.build import BuildResult, DbtBroken, NodeResult
from dagster_project.dbt_runner.failing_rows import failing_rows
from dagster_project.dbt_runner.project import project
from dagster_project.dbt_runner.translator import Translator
from dagster_project.defs.check_results import table
from dagster_project.defs.resources import DbtResource, HomeResource
from dagster_project.reports.numbers import numbers_of
from ingestion.home import Home
from ingestion.sources import load_sources

NEXT_STEP = (
    "what to do: the last publication stays; the failing rows are on the check in Dagster, or run the compiled SQL on "
    "build.duckdb, opened read-only. Mend the cause and run again: it goes on with what is not built."
)


class RestateConfig(dg.Config):
    """The event days to rate again, and why."""

    first_day: str = Field(description="First event day, YYYY-MM-DD.")
    last_day: str = Field(description="Last event day, YYYY-MM-DD, included.")
    reason: str = Field(description="Why; recorded with the restatement.")
    restatement_id: str = Field(default="", description="The id of the record; empty makes a new one.")


class BuildConfig(dg.Config):
    """Options of a build."""

    restate: RestateConfig | None = Field(
        default=None,
        description="Event days that get a reason if this build rates them differently than before.",
    )

    only_what_changed: bool = Field(
        default=False,
        description="Build what is out of date, selected or not, instead of all that is selected.",
    )

    def restatement(self) -> Restatement | None:
        """Return the request.

        Raises:
            NotRestatable: its days are not dates, the range is reversed, or the reason is missing.
        """
        asked = self.restate
        return asked and Restatement.parse(
            asked.first_day, asked.last_day, asked.reason, asked.restatement_id
        )


@dg.definitions
def warehouse_assets() -> dg.Definitions:
    """Every model of dbt/, over the raw assets of the home that `$TOLLBOOK_HOME` names."""
    return dg.Definitions(assets=[dbt_models(Translator(load_sources(Home.locate())))])


def dbt_models(translator: Translator) -> dg.AssetsDefinition:
    """Make the assets of the dbt project."""

    @dbt_assets(
        manifest=dict(project().manifest_json),
        name="dbt",
        dagster_dbt_translator=translator,
    )
    def models(
        context: dg.AssetExecutionContext, config: BuildConfig, tollbook: HomeResource, dbt: DbtResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        with writing(tollbook.home):
            try:
                restatement = config.restatement()
                selected = [] if config.only_what_changed else selected_models(context)
                result = build(tollbook.home, dbt.project, selected, restatement)
            except (DbtBroken, ClosedFileDamaged, NotRestatable) as error:
                raise dg.Failure(str(error), allow_retries=False) from error
            yield from dagster_results(context, tollbook.home, result)
            for line in summary_lines(tollbook.home, restatement) if restatement else ():
                context.log.info(line)
        if result.broken:
            raise dg.Failure(
                f"{result.explain()}\n{NEXT_STEP}",
                metadata={"held_back_by": ", ".join(node.name for node in result.broken)},
                allow_retries=False,
            )

    return models


def selected_models(context: dg.AssetExecutionContext) -> list[str]:
    """Return the models selected in the UI, or an empty list for all of them."""
    if not context.is_subset:
        return []
    return sorted(key.path[-1] for key in context.selected_asset_keys)


def dagster_results(
    context: dg.AssetExecutionContext, home: Home, result: BuildResult
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Convert dbt's results, in order: a materialization per model, a result per test.

    Each is an event, which takes longer than a model of few rows. A model below the marts that was not built has none,
    and a test of it that passed before has none. Every selected mart has one, and its tests have, because the
    publication waits for them.
    """
    keys = {key.path[-1]: key for key in context.selected_asset_keys}
    checks = {key.name: key for key in context.selected_asset_check_keys}
    numbers = numbers_of(home)
    for node in result.nodes:
        is_new = node.unique_id in result.built
        if node.resource_type == "model":
            if not node.passed or node.name not in keys or not (is_new or keys[node.name].path[0] == "marts"):
                continue
            yield dg.MaterializeResult(
                asset_key=keys[node.name],
                metadata={
                    **({"dagster/row_count": result.rows[node.name]} if node.name in result.rows else {}),
                    "seconds": node.seconds,
                    **(
                        {"days_rebuilt": result.days_rebuilt[node.name]}
                        if node.name in result.days_rebuilt
                        else {}
                    ),
                    **(result.work[node.name].metadata() if node.name in result.work else {}),
                    **numbers.get(node.name, {}),
                },
            )
        elif node.status != "skipped" and node.name in checks:
            is_of_mart = checks[node.name].asset_key.path[0] == "marts"
            if is_new or is_of_mart or not node.passed:
                yield check_result(checks[node.name], node, failing_rows(home, node))


def check_result(
    key: dg.AssetCheckKey, node: NodeResult, rows: Sequence[Mapping[str, Any]] = ()
) -> dg.AssetCheckResult:
    """Convert a test's result and its failing rows to an AssetCheckResult; a finding warns, whatever its severity."""
    severe = node.status in ("fail", "error") and not node.is_finding
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=node.passed,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        description=node.message or None,
        metadata={
            "failures": node.failures or 0,
            "seconds": node.seconds,
            "finding": node.is_finding,
            "compiled_sql": node.compiled_path,
            **table(rows),
        },
    )
