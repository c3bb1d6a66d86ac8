"""Usage API assets only: one per source with `api:` in sources.yml, upstream of its raw assets."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from dagster_project.books.locks import writing
from dagster_project.defs.raw import OWNERS
from dagster_project.defs.resources import HomeResource
from dagster_project.runs.names import usage_api_key
from dagster_project.steps.usage_apis import fetch_usage
from ingestion.home import Home
from ingestion.sources import Source, load_sources
from ingestion.usage_apis import CallFailed, UsageApiError

CHECK = "usage_api_was_read"
#: The client has already tried each call several times; these are for an API that is down for minutes.
RETRIES = 2
RETRY_SECONDS = 30


@dg.definitions
def usage_api_assets() -> dg.Definitions:
    """One asset per source of the home that `$TOLLBOOK_HOME` names, if it has a usage API."""
    return dg.Definitions(
        assets=[usage_api_asset(source) for source in load_sources(Home.locate()) if source.api]
    )


def usage_api_asset(source: Source) -> dg.AssetsDefinition:
    """Make the asset of one source; an API that is down fails its check but not the run."""
    key = usage_api_key(source)

    @dg.asset(
        key=key,
        group_name="landing",
        owners=OWNERS,
        kinds={"http", "json"},
        check_specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=key,
                description="The API answered, and its pages did not contradict each other. If not, what had "
                "landed stays, the run goes on without the rest, and the next one retries.",
            )
        ],
        description=f"Pages of {source.name}'s usage API ({source.api.kind}) at {source.api.url}, landed as "
        f"received in closed windows: {', '.join(source.api.streams)}. Windows are requested again until "
        f"they are {source.api.look_back_days} days old.",
    )
    def pages(
        context: dg.AssetExecutionContext, tollbook: HomeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        try:
            with writing(tollbook.home):
                result = fetch_usage(tollbook.home, source, datetime.now(UTC))
        except CallFailed as error:
            if context.retry_number < RETRIES:
                raise dg.RetryRequested(RETRIES, RETRY_SECONDS) from error
            yield from failed(error)
            return
        except UsageApiError as error:
            yield from failed(error)
            return
        yield dg.MaterializeResult(
            metadata={
                "windows": result.windows,
                "pages": result.pages,
                "dagster/row_count": result.rows,
                "unchanged": result.unchanged,
                "skipped": result.skipped,
                "findings": dg.MetadataValue.text("\n".join(f"- {one}" for one in result.findings) or "none"),
            }
        )
        yield dg.AssetCheckResult(
            check_name=CHECK,
            passed=not result.findings,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(result.findings) or None,
            metadata={"finding": True, "failures": len(result.findings)},
        )

    return pages


def failed(error: UsageApiError) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Report a failure without failing the step, because everything downstream would be skipped."""
    yield dg.MaterializeResult(metadata={"failure": str(error)})
    yield dg.AssetCheckResult(
        check_name=CHECK, passed=False, severity=dg.AssetCheckSeverity.ERROR, description=str(error)
    )
