"""What a source would lose if its landed files replaced its accepted ones.

Events are compared by stream and delivery day: a file that was split or compressed differently loses nothing, a file
replaced by a smaller one loses the difference. Content that landed elsewhere in the source was moved, not lost. The
days of closed months lose nothing, because their files may be archived.

Rulings: docs/decisions/deliveries.md#deliveries-1.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Loss:
    """What would be lost.

    Attributes:
        files: Landing files that are gone or hold fewer events, by path.
        events: Events that would be lost.
        share: The largest share of one stream's events that would be lost, 0 to 1.
        first_day: First delivery day with a loss, ISO.
    """

    files: tuple[str, ...] = ()
    events: int = 0
    share: float = 0.0
    first_day: str | None = None


def lost(before: Iterable[Record], after: Iterable[Record], closed_months: Collection[str] = ()) -> Loss:
    """Compare the accepted load records with those that would replace them.

    Args:
        before: the accepted load records of a source.
        after: the load records of the landed files.
        closed_months: months (YYYY-MM) whose events are kept elsewhere.
    """
    accepted, landed = list(before), list(after)
    kept = {_content(record) for record in landed}
    known = {_content(record) for record in accepted}
    gone: dict[tuple[str, str], list[Record]] = defaultdict(list)
    found: Counter[tuple[str, str]] = Counter()
    stream_events: Counter[str] = Counter()
    for record in accepted:
        events = _events(record, closed_months)
        stream_events[record["stream"]] += events
        if events and _content(record) not in kept:
            gone[record["stream"], record["delivered_on"]].append(record)
    for record in landed:
        if _content(record) not in known:
            found[record["stream"], record["delivered_on"]] += _events(record, closed_months)

    short = {
        place: sum(_events(record, closed_months) for record in records) - found[place]
        for place, records in gone.items()
    }
    short = {place: events for place, events in short.items() if events > 0}
    by_stream: Counter[str] = Counter()
    for (stream, _), events in short.items():
        by_stream[stream] += events
    return Loss(
        files=tuple(sorted(record["landing_file"] for place in short for record in gone[place])),
        events=sum(short.values()),
        share=max((events / stream_events[stream] for stream, events in by_stream.items()), default=0.0),
        first_day=min((day for _, day in short), default=None),
    )


def _content(record: Record) -> tuple[str, str]:
    return record["stream"], record["blake3"]


def _events(record: Record, closed_months: Collection[str]) -> int:
    """Count a file's events on days that are not closed; rows without a day count on their delivery's."""
    days = record["event_days"] or [{"event_date": record["delivered_on"], "events": record["events"]}]
    return sum(day["events"] for day in days if day["event_date"][:7] not in closed_months)
