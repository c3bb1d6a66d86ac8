"""Which delivery days a run covers, for the command line, the schedule and the sensor alike.

    files not read, or read by an older reader    ┐
    days that have not passed their gate         ├─► from … to ─► days ─► the streams that have files on them
    days a fetch within the run may land on       ┘

A late file is unread, so its day is covered, however old. Days between the first and the last that need nothing cost
nothing. Which event days are rebuilt is decided from content in dbt (dbt/macros/engine/build_state.sql). A backfill in
the UI names its delivery days itself.

Rulings: docs/decisions/structure.md#structure-2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dagster_project.quality.gates import open_days
from dagster_project.steps.conversion import pending_days
from dagster_project.steps.usage_apis import days_a_fetch_may_land
from ingestion.home import Home
from ingestion.landing import landed
from ingestion.sources import Source

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


@dataclass(frozen=True)
class Plan:
    """The delivery days a run covers, in order."""

    days: tuple[date, ...]

    def tags(self) -> dict[str, str]:
        """Return the tags that make one run cover all days from the first to the last; none without days."""
        return range_tags(self.days[0], self.days[-1]) if self.days else {}


def plan(
    home: Home,
    sources: Sequence[Source],
    since: date | None = None,
    until: date | None = None,
    fetching_on: date | None = None,
) -> Plan:
    """Plan a run.

    Args:
        home: the home.
        sources: the configured sources.
        since: leave out earlier delivery days.
        until: leave out later ones.
        fetching_on: the current day in UTC if the run itself reads the usage APIs, whose files have not landed yet.
    """
    days = pending_days(home, sources) | open_days(home, sources)
    if fetching_on:
        days |= set(days_a_fetch_may_land(home, sources, fetching_on))
    chosen = sorted(day for day in days if (not since or day >= since) and (not until or day <= until))
    return Plan(tuple(chosen))


def streams_of(home: Home, sources: Sequence[Source], planned: Plan) -> set[tuple[str, str]]:
    """Return the (source, stream) that have a file on one of the days of a plan or between them."""
    if not planned.days:
        return set()
    return {
        (file.source.name, file.stream.name)
        for file in landed(home, sources)
        if planned.days[0] <= file.delivered_on <= planned.days[-1]
    }


def range_tags(first: date, last: date) -> dict[str, str]:
    """Return the tags that make one run cover all days from `first` to `last`."""
    return {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}
