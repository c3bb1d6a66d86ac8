"""The asset raw/load_records: raw streams → raw/accepted, source by source; a source held back does not hold back
others.

Rulings: docs/decisions/deliveries.md#deliveries-2.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from dagster_project.books.locks import writing
from dagster_project.clock import today
from dagster_project.defs.check_results import HOLDS_BACK, check_result, docs_link
from dagster_project.defs.raw import GROUP, OWNERS
from dagster_project.defs.resources import HomeResource
from dagster_project.quality import data_docs
from dagster_project.runs.events import HELD_BACK, SILENT, VANISHED
from dagster_project.runs.names import LOAD_RECORDS, PAYMENTS, raw_key, usage_api_key
from dagster_project.steps.accepting import AcceptanceResult, accept_sources
from ingestion.home import Home
from ingestion.sources import Sources, load

SOMETHING = "there_is_something_to_publish"


class AcceptConfig(dg.Config):
    """Losses that the user accepts."""

    accept_vanished: list[str] = Field(
        default=[], description="Sources whose files may have been removed from landing/."
    )


@dg.definitions
def accepted() -> dg.Definitions:
    """The load records of the home that `$TOLLBOOK_HOME` names."""
    return dg.Definitions(assets=[load_records_asset(load(Home.locate()))])


def load_records_asset(configured: Sources) -> dg.AssetsDefinition:
    """Make the asset; it runs after everything is fetched and read, because it reports on that."""
    streams = [raw_key(source, stream) for source in configured.sources for stream in source.streams]
    fetched = [usage_api_key(source) for source in configured.sources if source.api]

    @dg.asset(
        key=LOAD_RECORDS,
        deps=[*streams, *fetched, *([PAYMENTS] if configured.stripe else [])],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"python", "json"},
        check_specs=[
            dg.AssetCheckSpec(
                SOMETHING,
                asset=LOAD_RECORDS,
                blocking=True,
                metadata={HOLDS_BACK: "the publication"},
                description="landing/ holds files, and some source is accepted. If not, nothing is published: an empty "
                "landing/ is a folder that was not mounted.",
            ),
            dg.AssetCheckSpec(
                HELD_BACK,
                asset=LOAD_RECORDS,
                metadata={HOLDS_BACK: "the source"},
                description="Every landed file was read, passed its gate, and no events were lost. "
                "Otherwise the source keeps its accepted files; other sources are not affected.",
            ),
            dg.AssetCheckSpec(
                VANISHED,
                asset=LOAD_RECORDS,
                description="No source has lost accepted files. Small losses, and those of `accept_vanished`, are "
                "let through and reported here.",
            ),
            dg.AssetCheckSpec(
                SILENT,
                asset=LOAD_RECORDS,
                description="Every stream has delivered when it was due. If the learnt cadence is wrong, set `cadence` "
                "and `grace_days` of the source in sources.yml.",
            ),
        ],
        description="Which landing files are used: the load records of each source that was read completely and "
        "passed its gates, and the status of each source.",
    )
    def records(
        config: AcceptConfig, tollbook: HomeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        with writing(tollbook.home):
            result = accept_sources(tollbook.home, tollbook.sources, today(), config.accept_vanished)
            data_docs.write(tollbook.home)
        yield dg.MaterializeResult(
            metadata={
                "held_back": len(result.held_back),
                "vanished": len(result.vanished),
                **docs_link(tollbook.home),
            }
        )
        yield from _checks(result)

    return records


def _checks(result: AcceptanceResult) -> Iterator[dg.AssetCheckResult]:
    warning = dg.AssetCheckSeverity.WARN
    yield check_result(HELD_BACK, result.held_back)
    yield check_result(VANISHED, result.vanished, severity=warning)
    yield check_result(SILENT, result.silent, {"finding": True}, warning)
    yield check_result(SOMETHING, [result.nothing] if result.nothing else [])
