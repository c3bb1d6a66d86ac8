"""The payments asset only: Stripe → raw/stripe_*. Absent where sources.yml names no Stripe."""

import dagster as dg

from dagster_project.defs.raw import GROUP, MANIFESTS, OWNERS
from dagster_project.defs.resources import HomeResource
from dagster_project.locks import writing
from dagster_project.payments import sync_payments
from ingestion.home import Home
from ingestion.sources import StripeSettings, load

PAYMENTS = dg.AssetKey(["raw", "stripe_payment_intents"])


@dg.definitions
def stripe_assets() -> dg.Definitions:
    """The payments asset, if the home that `$TOLLBOOK_HOME` names has Stripe settings."""
    settings = load(Home.locate()).stripe
    return dg.Definitions(assets=[payments_asset(settings)] if settings else [])


def payments_asset(settings: StripeSettings) -> dg.AssetsDefinition:
    """Make the asset; Stripe may be away for a minute, so it is tried again."""

    @dg.asset(
        key=PAYMENTS,
        deps=[MANIFESTS],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"stripe", "parquet"},
        retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL),
        description=f"Payment intents, refunds and disputes of Stripe ({settings.mode}), version by version.",
    )
    def sync(tollbook: HomeResource) -> dg.MaterializeResult:
        with writing(tollbook.home):
            result = sync_payments(tollbook.home, settings)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": result.new_versions,
                "listed": sum(stream.listed for stream in result.streams.values()),
                "read_up_to": result.window_end.isoformat(),
            }
        )

    return sync
