"""Great Expectations gates only: of the day's raw rows, and of the reconciliation."""

import dagster as dg

from dagster_project.defs.raw import raw_key
from dagster_project.defs.resources import HomeResource
from dagster_project.gates import Verdict, event_streams, judge_raw, judge_reconciliation
from dagster_project.locks import writing
from ingestion.home import Home
from ingestion.sources import Source, load_sources


@dg.definitions
def gates() -> dg.Definitions:
    """One gate per stream of usage events, and the one of the reconciliation."""
    streams = [
        raw_gate(source, stream) for source in load_sources(Home.locate()) for stream in event_streams(source)
    ]
    return dg.Definitions(asset_checks=[*streams, reconciliation_is_whole])


def raw_gate(source: Source, stream: str) -> dg.AssetChecksDefinition:
    """Make the gate of one stream; what it stops is the whole publication, so that no half day is shown."""

    @dg.asset_check(
        name="day_looks_like_a_day",
        asset=raw_key(source, stream),
        blocking=True,
        description="Lines are accounted for, ids are there, statuses, times and token counts are possible, "
        f"and at most {source.reject_threshold:.0%} of the lines, or {source.reject_minimum_lines}, were "
        "rejected. Replace or remove the delivered file and run again.",
    )
    def gate(tollbook: HomeResource) -> dg.AssetCheckResult:
        with writing(tollbook.home):
            return told(judge_raw(tollbook.home, source, stream), "days")

    return gate


@dg.asset_check(
    asset=dg.AssetKey(["marts", "recon_invoice_payments"]),
    blocking=True,
    description="Every item is there once, has one known status, and differs by received less payable.",
)
def reconciliation_is_whole(tollbook: HomeResource) -> dg.AssetCheckResult:
    """Judge the reconciliation."""
    with writing(tollbook.home):
        return told(judge_reconciliation(tollbook.home), "items")


def told(verdict: Verdict, unit: str) -> dg.AssetCheckResult:
    """Tell a verdict to Dagster."""
    return dg.AssetCheckResult(
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(verdict.failures) or None,
        metadata={f"{unit}_judged": verdict.judged, "failures": len(verdict.failures)},
    )
