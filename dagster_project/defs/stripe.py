"""The payments asset only: Stripe → raw/stripe_*. Absent if sources.yml has no `stripe:`."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from dagster_project.books.locks import writing
from dagster_project.defs.check_results import check_result
from dagster_project.defs.raw import GROUP, OWNERS
from dagster_project.defs.resources import HomeResource
from dagster_project.runs.events import PAYMENTS_READ
from dagster_project.runs.names import PAYMENTS, TABLES
from dagster_project.sandbox_home import stripe_address
from dagster_project.steps.payments import NotRead, sync_payments
from ingestion.home import Home
from ingestion.raw_tables import STRIPE_TABLES
from ingestion.sources import StripeSettings, load

if TYPE_CHECKING:
    from ingestion.stripe_api import SyncResult

FINDINGS = ("nothing_to_warn_about", "no_change_came_unannounced")
RETRIES = 2
RETRY_SECONDS = 5


@dg.definitions
def stripe_assets() -> dg.Definitions:
    """The payments asset, if the home that `$TOLLBOOK_HOME` names has Stripe settings."""
    settings = load(Home.locate()).stripe
    return dg.Definitions(assets=[payments_asset(settings)] if settings else [])


def payments_asset(settings: StripeSettings) -> dg.AssetsDefinition:
    """Make the asset; a failed sync is retried, and then the run goes on without it."""

    @dg.asset(
        key=PAYMENTS,
        deps=[TABLES],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"stripe", "parquet"},
        check_specs=[
            dg.AssetCheckSpec(
                PAYMENTS_READ,
                asset=PAYMENTS,
                description="Stripe answered. If not, earlier data stays, the run goes on without new data, and "
                "the next one retries.",
            ),
            dg.AssetCheckSpec(
                FINDINGS[0],
                asset=PAYMENTS,
                description="The change feed has no gap, and no known object is missing in Stripe.",
            ),
            dg.AssetCheckSpec(
                FINDINGS[1],
                asset=PAYMENTS,
                description="A weekly or monthly sync found nothing that earlier nightly syncs had "
                "missed. If it did, the sync has repaired it; the events of the account are incomplete.",
            ),
        ],
        description=f"Stripe ({settings.mode}), version by version: {_streams()}. Each night the change "
        "feed, new objects and all open ones; weekly and monthly also objects without events.",
    )
    def sync(
        context: dg.AssetExecutionContext, tollbook: HomeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        try:
            with writing(tollbook.home), stripe_address(tollbook.home, settings) as address:
                result = sync_payments(tollbook.home, settings, address)
        except NotRead as error:
            if context.retry_number < RETRIES:
                raise dg.RetryRequested(RETRIES, RETRY_SECONDS) from error
            yield dg.MaterializeResult(metadata={"failure": str(error), "dagster/row_count": 0})
            yield check_result(PAYMENTS_READ, [str(error)])
            for name in FINDINGS:
                yield check_result(
                    name, ["not known, as the payments were not read"], severity=dg.AssetCheckSeverity.WARN
                )
            return
        for warning in result.warnings:
            context.log.warning(warning)
        yield dg.MaterializeResult(metadata=metadata_of(result))
        yield check_result(PAYMENTS_READ, [])
        for name, sentences in zip(FINDINGS, (result.warnings, drifted(result)), strict=True):
            yield finding(name, sentences)

    return sync


def metadata_of(result: "SyncResult") -> dict[str, object]:
    """Return the result of a sync as metadata."""
    return {
        "dagster/row_count": result.new_versions,
        "listed": sum(stream.listed for stream in result.streams.values()),
        "events": result.events,
        "reach": result.reach,
        "drift": result.drift,
        "other_mode": result.other_mode,
        "warnings": dg.MetadataValue.text("\n".join(f"- {one}" for one in result.warnings) or "none"),
        "read_up_to": result.window_end.isoformat(),
        **{f"new_{name}": stream.new_versions for name, stream in result.streams.items()},
    }


def drifted(result: "SyncResult") -> list[str]:
    """Describe the objects that changed without an event."""
    return [
        f"{len(stream.drifted)} {name}, for example {stream.drifted[0]}"
        for name, stream in result.streams.items()
        if stream.drifted
    ]


def finding(check: str, sentences: Sequence[str]) -> dg.AssetCheckResult:
    """Convert sentences to an AssetCheckResult that only warns."""
    return dg.AssetCheckResult(
        check_name=check,
        passed=not sentences,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(sentences) or None,
        metadata={"finding": True, "failures": len(sentences)},
    )


def _streams() -> str:
    """List every kind of object that is read."""
    return ", ".join(table.removeprefix("stripe_").replace("_", " ") for table in STRIPE_TABLES)
