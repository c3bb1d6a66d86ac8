"""The load records only: raw streams → raw/accepted, source by source; what holds a source back holds back no other.

Rulings: docs/decisions/deliveries.md#deliveries-2.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from dagster_project.books.locks import writing
from dagster_project.clock import today
from dagster_project.defs.raw import GROUP, OWNERS, check_result
from dagster_project.defs.resources import HomeResource
from dagster_project.runs.events import HELD_BACK, SILENT, VANISHED
from dagster_project.runs.names import LOAD_RECORDS, PAYMENTS, raw_key, usage_api_key
from dagster_project.steps.accepting import Taken, take_over
from ingestion.home import Home
from ingestion.sources import Sources, load

SOMETHING = "there_is_something_to_publish"


class AcceptConfig(dg.Config):
    """What a person says is meant."""

    accept_vanished: list[str] = Field(
        default=[], description="Sources that may lose what has gone from landing/."
    )


@dg.definitions
def accepted() -> dg.Definitions:
    """The load records of the home that `$TOLLBOOK_HOME` names."""
    return dg.Definitions(assets=[load_records_asset(load(Home.locate()))])


def load_records_asset(configured: Sources) -> dg.AssetsDefinition:
    """Make the asset; it comes after everything that is fetched or read, because it says how that went."""
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
                description="landing/ holds files, and some source counts. If not, nothing is published: an empty "
                "landing/ is a folder that was not mounted.",
            ),
            dg.AssetCheckSpec(
                HELD_BACK,
                asset=LOAD_RECORDS,
                description="Everything that landed was read, passed its gate, and holds what there was before. "
                "A source of which that is not so stays in the books as it was; the others go on.",
            ),
            dg.AssetCheckSpec(
                VANISHED,
                asset=LOAD_RECORDS,
                description="No source has lost anything that was believed, because it was little or somebody said so.",
            ),
            dg.AssetCheckSpec(
                SILENT,
                asset=LOAD_RECORDS,
                description="Every stream has delivered when it was due. Where what was learnt is wrong, set `cadence` "
                "and `grace_days` of the source in sources.yml.",
            ),
        ],
        description="Which landing files count: the load records of each source that was read whole and is sound, and "
        "how far each source is.",
    )
    def records(
        config: AcceptConfig, tollbook: HomeResource
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        with writing(tollbook.home):
            taken = take_over(tollbook.home, tollbook.sources, today(), config.accept_vanished)
        yield dg.MaterializeResult(
            metadata={"held_back": len(taken.held_back), "vanished": len(taken.vanished)}
        )
        yield from _checks(taken)

    return records


def _checks(taken: Taken) -> Iterator[dg.AssetCheckResult]:
    warning = dg.AssetCheckSeverity.WARN
    yield check_result(HELD_BACK, taken.held_back)
    yield check_result(VANISHED, taken.vanished, severity=warning)
    yield check_result(SILENT, taken.silent, {"finding": True}, warning)
    yield check_result(SOMETHING, [taken.nothing] if taken.nothing else [])
