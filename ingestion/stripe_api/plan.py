"""How far back a sync reads, decided from the marks and the moment it reads up to, never from a clock.

first    no marks: everything                     weekly   as nightly, and 35 days of every list
nightly  events since the last sync, the lists    monthly  everything, to find what others missed
         since their marks, what is still open    gap      everything, with a warning: events were lost
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from ingestion.stripe_api.shape import ObjectKind

Reach = Literal["first", "nightly", "weekly", "monthly", "gap"]
Marks = Mapping[str, int]

EVENTS = "events"
"""Mark of the change feed: the second up to which events have been read."""

LAST_WIDE_SYNC = "swept"
LAST_WHOLE_SYNC = "swept_whole"
"""Marks of the last weekly and the last complete sync: the window end of each."""

EVENT_OVERLAP = timedelta(minutes=10)
EVENTS_LAST = timedelta(days=29)
"""Stripe keeps events for thirty days; one day less leaves time for the run itself."""

WEEKLY_REACH = timedelta(days=35)
_WEEK, _MONTH = timedelta(days=7), timedelta(days=30)


@dataclass(frozen=True)
class Plan:
    """What one sync reads; seconds are epoch seconds.

    Attributes:
        reach: how far back, and why.
        high: end of every window, exclusive.
        events_from: start of the change feed, or None where everything is read anyway.
        warnings: sentences about changes that may have been missed.
    """

    reach: Reach
    high: int
    events_from: int | None
    warnings: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether every list is read from its beginning."""
        return self.reach in ("first", "monthly", "gap")

    @property
    def checks_drift(self) -> bool:
        """Whether this sync reads further back than a nightly one and so finds what those missed."""
        return self.reach in ("weekly", "monthly")

    def nightly_low(self, stream: ObjectKind, mark: int | None) -> int:
        """Return where a nightly list of a stream starts."""
        return 0 if mark is None else max(0, min(mark, self.high) - _seconds(stream.overlap))

    def low(self, stream: ObjectKind, mark: int | None) -> int:
        """Return where this sync's list of a stream starts."""
        if self.whole:
            return 0
        nightly = self.nightly_low(stream, mark)
        if self.reach != "weekly":
            return nightly
        return max(0, min(nightly, self.high - _seconds(WEEKLY_REACH)))

    def marks_after(self) -> dict[str, int]:
        """Return the marks to set when this sync has landed."""
        moved = {EVENTS: self.high}
        if self.reach != "nightly":
            moved[LAST_WIDE_SYNC] = self.high
        if self.whole:
            moved[LAST_WHOLE_SYNC] = self.high
        return moved


def make_plan(marks: Marks, end: datetime) -> Plan:
    """Decide what a sync up to `end` (UTC, without zone) has to read."""
    high = epoch(end)
    read_to = marks.get(EVENTS)
    if read_to is None:
        return Plan("first", high, None)
    if high - read_to > _seconds(EVENTS_LAST):
        return Plan("gap", high, None, (_lost(read_to, "longer ago than Stripe keeps events"),))
    if high < read_to:
        return Plan("gap", high, None, (_lost(read_to, f"after the {end:%Y-%m-%d %H:%M} of this sync"),))
    events_from = read_to - _seconds(EVENT_OVERLAP)
    if high - marks.get(LAST_WHOLE_SYNC, 0) >= _seconds(_MONTH):
        return Plan("monthly", high, events_from)
    if high - marks.get(LAST_WIDE_SYNC, 0) >= _seconds(_WEEK):
        return Plan("weekly", high, events_from)
    return Plan("nightly", high, events_from)


def epoch(moment: datetime) -> int:
    """Return epoch seconds of a time in UTC without zone."""
    return int(moment.replace(tzinfo=UTC).timestamp())


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def _lost(read_to: int, why: str) -> str:
    last = datetime.fromtimestamp(read_to, UTC)
    return (
        f"the last sync read up to {last:%Y-%m-%d %H:%M} UTC, {why}: the change feed cannot be trusted, "
        "so every payment object was read again"
    )
