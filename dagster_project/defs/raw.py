"""Raw assets only: landing/ → raw/ and rejects/, one asset per source and stream, one partition per day."""

import warnings
from collections.abc import Iterator

import dagster as dg

from dagster_project.books.locks import writing
from dagster_project.defs.check_results import HOLDS_BACK, check_result, suite_result
from dagster_project.defs.partitions import delivery_days
from dagster_project.defs.resources import HomeResource
from dagster_project.quality.gates import event_streams, judge_raw
from dagster_project.quality.suites.raw_day import RAW_DAY
from dagster_project.runs.names import TABLES, raw_key, usage_api_key
from dagster_project.steps.accepting import accept_records_of_0_2
from dagster_project.steps.conversion import DayTotals, convert_days, landed_days
from ingestion.home import Home
from ingestion.load import write_schemas
from ingestion.sources import Source, load_sources

GROUP = "raw"
OWNERS = ["team:data-platform"]
GATE = "day_looks_like_a_day"
USUAL = "day_looks_usual"
READ = "every_file_was_read"
#: A file still being written may be complete a minute later.
RETRIES = 2
RETRY_SECONDS = 30


@dg.definitions
def raw_assets() -> dg.Definitions:
    """The raw assets of the home that `$TOLLBOOK_HOME` names; none before anything landed."""
    home = Home.locate()
    sources = load_sources(home)
    days = delivery_days(landed_days(home, sources))
    streams = [raw_asset(source, stream, days) for source in sources for stream in source.streams]
    return dg.Definitions(assets=[tables, *streams])


@dg.asset(
    key=TABLES,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "parquet"},
    description="Every raw table has its schema; leftovers of a killed run are removed.",
)
def tables(tollbook: HomeResource) -> dg.MaterializeResult:
    """Prepare raw/."""
    with writing(tollbook.home):
        write_schemas(tollbook.home)
        accept_records_of_0_2(tollbook.home, tollbook.sources)
    return dg.MaterializeResult()


def raw_asset(source: Source, stream: str, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """Make the asset of one stream; a run over a range of days converts all of them in one go.

    A fault in its files fails a check and holds back only this source (defs/accepted.py). No check of it is `blocking`,
    because Dagster would then skip all that follows, for every source: docs/decisions/quality.md#quality-5.
    """
    key = raw_key(source, stream)
    is_judged = stream in event_streams(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        single_run = dg.BackfillPolicy.single_run()

        @dg.asset(
            key=key,
            deps=[TABLES, *([usage_api_key(source)] if _is_fetched(source, stream) else [])],
            partitions_def=days,
            backfill_policy=single_run,
            group_name=GROUP,
            owners=OWNERS,
            kinds={"duckdb", "parquet"},
            check_specs=[_read_check(key), *([_gate(key, source), _usual(key)] if is_judged else [])],
            metadata={"dagster/column_schema": _schema(source, stream)},
            description=f"{source.name} {stream}, as typed Parquet: one file per delivered file, nothing "
            f"thrown away. Connector {source.connector}; bad lines are in rejects/ with their reason.",
        )
        def convert(
            context: dg.AssetExecutionContext, tollbook: HomeResource
        ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
            with writing(tollbook.home):
                converted = convert_days(tollbook.home, source, stream, set(context.partition_keys))
                verdict = judge_raw(tollbook.home, source, stream) if is_judged else None
            if converted.is_changing and context.retry_number < RETRIES:
                raise dg.RetryRequested(RETRIES, RETRY_SECONDS)
            yield reported(context, converted.days)
            if converted.work.tasks:
                context.log.info("read by workers: %s", converted.work.metadata())
            yield check_result(READ, list(converted.unread.values()))
            if verdict:
                yield suite_result(GATE, verdict, verdict.failures, tollbook.home)
                yield suite_result(USUAL, verdict, verdict.warnings, tollbook.home)

    return convert


def _schema(source: Source, stream: str) -> dg.TableSchema:
    columns = source.reader.stream(stream).table_columns()
    return dg.TableSchema([dg.TableColumn(name, sql_type) for name, sql_type in columns])


def _read_check(key: dg.AssetKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        READ,
        asset=key,
        metadata={HOLDS_BACK: "the source"},
        description="No file changed while it was read, and each could be opened. If not, the source keeps its "
        "accepted files, and the next run reads the file again.",
    )


def _gate(key: dg.AssetKey, source: Source) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        GATE,
        asset=key,
        metadata={HOLDS_BACK: RAW_DAY.holds_back},
        description="Lines are accounted for, ids are there, statuses, times and token counts are possible, "
        f"and at most {source.reject_threshold:.0%} of the lines, or {source.reject_minimum_lines}, were "
        "rejected. If not, the source keeps its accepted files: replace or remove the delivered file and run "
        "again.",
    )


def _usual(key: dg.AssetKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        USUAL,
        asset=key,
        description="Volume, filled and declared fields, models and hours are as in the weeks before. If not, it is a "
        "warning and holds nothing back.",
    )


def _is_fetched(source: Source, stream: str) -> bool:
    return source.api is not None and stream in source.api.streams


def reported(context: dg.AssetExecutionContext, days: dict[str, DayTotals]) -> dg.MaterializeResult:
    """Put each day's counts on its own partition."""
    for day, totals in days.items():
        context.add_asset_metadata(totals.metadata(), partition_key=day)
    return dg.MaterializeResult()
