"""Checks of the built marts only: they run between the build and the publication, and a blocking one stops it."""

from collections.abc import Iterator

import dagster as dg

from dagster_project.books.locks import writing
from dagster_project.defs.check_results import HOLDS_BACK, suite_result
from dagster_project.defs.resources import HomeResource
from dagster_project.quality import data_docs
from dagster_project.quality.warehouse import GATES, Gate, judge

KEYS = {gate.suite.name: dg.AssetKey(["marts", gate.mart]) for gate in GATES}


def _name(gate: Gate, *, is_blocking: bool) -> str:
    return f"{gate.suite.name}_{'is_sound' if is_blocking else 'looks_usual'}"


def _spec(gate: Gate, *, is_blocking: bool) -> dg.AssetCheckSpec:
    expectations = [one for one in gate.suite.expectations if one.is_blocking == is_blocking]
    return dg.AssetCheckSpec(
        _name(gate, is_blocking=is_blocking),
        asset=KEYS[gate.suite.name],
        blocking=is_blocking,
        metadata={HOLDS_BACK: gate.suite.holds_back} if is_blocking else {"finding": False},
        description=f"Suite {gate.suite.name}, version {gate.suite.version}: "
        + " ".join(f"{one.meaning} It {one.demand({})}." for one in expectations),
    )


@dg.multi_asset_check(
    name="suites",
    specs=[_spec(gate, is_blocking=is_blocking) for gate in GATES for is_blocking in (True, False)],
    can_subset=True,
)
def suites(context: dg.AssetCheckExecutionContext, tollbook: HomeResource) -> Iterator[dg.AssetCheckResult]:
    """Judge the marts that were built, keep the results, and write the Data Docs."""
    with writing(tollbook.home):
        verdicts = [judge(tollbook.home, gate) for gate in GATES]
        data_docs.write(tollbook.home)
    for gate, verdict in zip(GATES, verdicts, strict=True):
        key = KEYS[gate.suite.name]
        for is_blocking, failed in ((True, verdict.failures), (False, verdict.warnings)):
            name = _name(gate, is_blocking=is_blocking)
            if dg.AssetCheckKey(key, name) in context.selected_asset_check_keys:
                yield suite_result(name, verdict, failed, tollbook.home, key)
