"""Exports only: what `config/exports.yml` asks for is written after the publication, and a job writes it again.

A failed export is a failed check that holds nothing back: the night is published, ends with 3, and sends its alert.

Rulings: docs/decisions/exports.md#exports-5.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from dagster_project.books.locks import writing
from dagster_project.defs.check_results import check_result
from dagster_project.defs.launch_form import event_day, first_day_of_month
from dagster_project.defs.publish import PUBLICATION
from dagster_project.defs.resources import HomeResource
from dagster_project.exports.scheduled import Written, write_monthly, write_nightly
from dagster_project.runs.names import EXPORT

GROUP = "exports"
NIGHTLY = dg.AssetKey(["exports", "nightly"])
MONTHLY = dg.AssetKey(["exports", "monthly"])
WRITTEN = "every_export_was_written"


class NightlyConfig(dg.Config):
    """Which days to write."""

    last_day: str = Field(
        default="", description="Last event day, such as 2026-08-31; empty: the last with usage."
    )


class MonthlyConfig(dg.Config):
    """Which month to write."""

    month: str = Field(
        default="", description="The month, such as 2026-08; empty: the last one that is over."
    )


def _check(key: dg.AssetKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        WRITTEN,
        asset=key,
        metadata={"finding": True},
        description="config/exports.yml can be used, and every export it names was written. If not, files of earlier "
        "nights stay as they are, and the marts are published all the same.",
    )


@dg.asset(
    key=NIGHTLY,
    deps=[PUBLICATION],
    group_name=GROUP,
    owners=["team:data-platform"],
    kinds={"file"},
    output_required=False,
    check_specs=[_check(NIGHTLY)],
    description="exports/nightly/<day>/: the reports that config/exports.yml names under `nightly`; none without it.",
)
def nightly_exports(
    config: NightlyConfig, tollbook: HomeResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Write the nightly exports."""
    last_day = event_day(config.last_day, "last_day", or_empty=True)
    yield from _reported(NIGHTLY, write_nightly(tollbook.home, last_day))


@dg.asset(
    key=MONTHLY,
    deps=[PUBLICATION],
    group_name=GROUP,
    owners=["team:data-platform"],
    kinds={"file"},
    output_required=False,
    check_specs=[_check(MONTHLY)],
    description="exports/monthly/<month>/ and exports/statements/<month>/: the reports that config/exports.yml names "
    "under `monthly`, and the statements of every workspace; none without it.",
)
def monthly_exports(
    config: MonthlyConfig, tollbook: HomeResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Write the monthly exports and statements."""
    month = first_day_of_month(config.month, "month", or_empty=True)
    with writing(tollbook.home):
        written = write_monthly(tollbook.home, month)
    yield from _reported(MONTHLY, written)


export = dg.define_asset_job(
    name=EXPORT,
    selection=dg.AssetSelection.groups(GROUP),
    executor_def=dg.in_process_executor,
    description="Write the exports of config/exports.yml from what is published now. Leave day and month empty for "
    "the last ones; files that are up to date are not written again.",
)


def _reported(key: dg.AssetKey, written: Written) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Yield the files as a materialization, if there are any, and the failures as a check."""
    if written.files:
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "files": len(written.files),
                "written": written.rewritten,
                "dagster/row_count": written.rows,
                "folder": dg.MetadataValue.path(str(written.files[-1].parent)),
            },
        )
    yield check_result(WRITTEN, written.failures, {"finding": True}, dg.AssetCheckSeverity.WARN, key)
