"""On which days a stream delivers, from sources.yml or from its past deliveries; and which deliveries are missing.

Learnt is a set of weekdays if deliveries follow one, else the longest pause in days. Two deliveries are not enough. A
weekend day is expected once it was seen, a working day until it was missed twice. A pause much longer than usual counts
as an outage and is ignored.

Rulings: docs/decisions/deliveries.md#deliveries-3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

DAY = timedelta(days=1)
CADENCES = ("daily", "weekdays", "weekly", "none")

_SATURDAY = 5
#: Deliveries before anything is learnt: a set of weekdays, a longest pause.
_FEWEST_FOR_WEEKDAYS = 3
_FEWEST_FOR_PAUSE = 4
#: Older deliveries are ignored.
_WEEKS = 8
#: A pause is an outage when it is longer than a week and than so many usual ones.
_OUTAGE = 3


@dataclass(frozen=True)
class Rhythm:
    """When to expect a delivery: on each of some weekdays (0 is Monday), or so many days after the last one."""

    weekdays: frozenset[int] = frozenset()
    pause_days: int | None = None

    @property
    def is_known(self) -> bool:
        """Whether anything is expected at all."""
        return bool(self.weekdays) or self.pause_days is not None

    def next_after(self, last: date) -> date | None:
        """Return the day of the next delivery after `last`."""
        if self.weekdays:
            return next(day for day in _days(last + DAY, last + 7 * DAY) if day.weekday() in self.weekdays)
        return last + timedelta(days=self.pause_days) if self.pause_days else None

    def between(self, first: date, last: date) -> list[date]:
        """Return the days from `first` to `last` on which a delivery was due; without weekdays there are none."""
        return [day for day in _days(first, last) if day.weekday() in self.weekdays]


NOTHING = Rhythm()
_STATED = {
    "daily": Rhythm(frozenset(range(7))),
    "weekdays": Rhythm(frozenset(range(_SATURDAY))),
    "weekly": Rhythm(pause_days=7),
    "none": NOTHING,
}


def rhythm(deliveries: Collection[date], stated: str | None = None) -> Rhythm:
    """Return when to expect deliveries.

    Args:
        deliveries: days on which something was delivered.
        stated: one of CADENCES; it overrides what was learnt.
    """
    if stated:
        return _STATED[stated]
    days = _recent(sorted(set(deliveries)))
    if len(days) < _FEWEST_FOR_WEEKDAYS:
        return NOTHING
    pauses = [(after - before).days for before, after in pairwise(days)]
    longest = max(7, _OUTAGE * median(pauses))
    if weekdays := _weekdays(days, longest):
        return Rhythm(weekdays)
    if len(days) < _FEWEST_FOR_PAUSE:
        return NOTHING
    return Rhythm(pause_days=max(pause for pause in pauses if pause <= longest))


def silent_since(
    deliveries: Collection[date], today: date, grace_days: int, stated: str | None
) -> date | None:
    """Return the day of the next due delivery if it and its grace days have passed without one, else None."""
    due = due_after(deliveries, stated)
    return due if due and due + timedelta(days=grace_days) < today else None


def due_after(deliveries: Collection[date], stated: str | None) -> date | None:
    """Return the day of the delivery that is due next."""
    return rhythm(deliveries, stated).next_after(max(deliveries)) if deliveries else None


def gaps(deliveries: Collection[date], stated: str | None) -> list[date]:
    """Return the days between the first and the last delivery on which one was due but missing.

    Until a rhythm is known, a delivery is due every day.
    """
    if not deliveries or stated == "none":
        return []
    known = rhythm(deliveries, stated)
    expected = known if known.is_known else _STATED["daily"]
    return [day for day in expected.between(min(deliveries), max(deliveries)) if day not in deliveries]


def _recent(days: list[date]) -> list[date]:
    """Leave out days older than `_WEEKS`, if enough newer ones remain."""
    recent = [day for day in days if day > days[-1] - _WEEKS * 7 * DAY]
    return recent if len(recent) > _WEEKS else days


def _weekdays(days: list[date], longest_pause: float) -> frozenset[int]:
    """Return the weekdays on which a stream delivers; empty if there is no pattern."""
    stretches = [pair for pair in pairwise(days) if (pair[1] - pair[0]).days <= longest_pause]
    watched = {day for before, after in stretches for day in _days(before, after)}
    possible = Counter(day.weekday() for day in watched)
    delivered = Counter(day.weekday() for day in days)

    def is_kept(weekday: int) -> bool:
        if possible[weekday] < 2 and weekday < _SATURDAY:
            return True
        return possible[weekday] > 0 and 2 * delivered[weekday] >= possible[weekday]

    kept = frozenset(weekday for weekday in range(7) if is_kept(weekday))
    due = {day for day in watched if day.weekday() in kept}
    return kept if 3 * len(due & set(days)) >= 2 * len(due) else frozenset()


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
