"""Raw assets only: landing/ → raw/ and rejects/, one asset per source and stream, one partition a day."""

import warnings

import dagster as dg

from dagster_project.conversion import DayTotals, convert_days, landed_days
from dagster_project.defs.partitions import delivery_days
from dagster_project.defs.resources import HomeResource
from dagster_project.locks import writing
from ingestion.home import Home
from ingestion.raw import forget_vanished, write_schemas
from ingestion.sources import Source, load_sources

GROUP = "raw"
OWNERS = ["team:data-platform"]
MANIFESTS = dg.AssetKey(["raw", "manifests"])


def raw_key(source: Source, stream: str) -> dg.AssetKey:
    """Return the asset of a stream; a source named as its dialect has the key of the dbt source."""
    return dg.AssetKey(["raw", source.name, stream])


def usage_api_key(source: Source) -> dg.AssetKey:
    """Return the asset that fills landing/ from the usage API of a source."""
    return dg.AssetKey(["landing", source.name, "usage_api"])


@dg.definitions
def raw_assets() -> dg.Definitions:
    """The raw assets of the home that `$TOLLBOOK_HOME` names; none before anything landed."""
    home = Home.locate()
    sources = load_sources(home)
    days = delivery_days(landed_days(home, sources))
    streams = [raw_asset(source, stream, days) for source in sources for stream in source.streams]
    return dg.Definitions(assets=[manifests_asset(sources), *streams])


def manifests_asset(sources: list[Source]) -> dg.AssetsDefinition:
    """Make the asset; usage APIs come before it, because a page they replace vanishes like any other file."""

    @dg.asset(
        key=MANIFESTS,
        deps=[usage_api_key(source) for source in sources if source.api],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"python", "parquet"},
        description="Which landing files count: schemas of every raw table are there, and what was made of "
        "files that have vanished from landing/ is forgotten.",
    )
    def manifests(tollbook: HomeResource) -> dg.MaterializeResult:
        with writing(tollbook.home):
            write_schemas(tollbook.home)
            forgotten = forget_vanished(tollbook.home, tollbook.sources)
        return dg.MaterializeResult(metadata={"files_vanished": len(forgotten)})

    return manifests


def raw_asset(source: Source, stream: str, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """Make the asset of one stream; a run over a range of days converts all of them in one go."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        single_run = dg.BackfillPolicy.single_run()

        @dg.asset(
            key=raw_key(source, stream),
            deps=[MANIFESTS, *([usage_api_key(source)] if _is_fetched(source, stream) else [])],
            partitions_def=days,
            # A file that is still being written is whole a minute later.
            retry_policy=dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL),
            backfill_policy=single_run,
            group_name=GROUP,
            owners=OWNERS,
            kinds={"duckdb", "parquet"},
            description=f"{source.name} {stream}, as typed Parquet: one file per delivered file, nothing "
            f"thrown away. Dialect {source.dialect}; bad lines are in rejects/ with their reason.",
        )
        def convert(context: dg.AssetExecutionContext, tollbook: HomeResource) -> dg.MaterializeResult:
            with writing(tollbook.home):
                days = convert_days(tollbook.home, source, stream, set(context.partition_keys))
            return reported(context, days)

    return convert


def _is_fetched(source: Source, stream: str) -> bool:
    return source.api is not None and stream in source.api.streams


def reported(context: dg.AssetExecutionContext, days: dict[str, DayTotals]) -> dg.MaterializeResult:
    """Put each day's counts on its own partition."""
    for day, totals in days.items():
        context.add_asset_metadata(totals.metadata(), partition_key=day)
    return dg.MaterializeResult()
