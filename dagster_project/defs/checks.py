"""The Great Expectations gate of the reconciliation only; those of the streams are part of their assets."""

import dagster as dg

from dagster_project.books.locks import writing
from dagster_project.defs.raw import check_result
from dagster_project.defs.resources import HomeResource
from dagster_project.quality.gates import judge_reconciliation

WHOLE = "reconciliation_is_whole"


@dg.definitions
def gates() -> dg.Definitions:
    """The gate of the reconciliation."""
    return dg.Definitions(asset_checks=[reconciliation_is_whole])


@dg.asset_check(
    name=WHOLE,
    asset=dg.AssetKey(["marts", "recon_invoice_payments"]),
    blocking=True,
    description="Every item is there once, has one known status, and differs by received less payable.",
)
def reconciliation_is_whole(tollbook: HomeResource) -> dg.AssetCheckResult:
    """Judge the reconciliation."""
    with writing(tollbook.home):
        verdict = judge_reconciliation(tollbook.home)
    return check_result(WHOLE, verdict.failures, {"items_judged": verdict.judged})
