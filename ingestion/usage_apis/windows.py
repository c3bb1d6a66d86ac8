"""Windows of time, half-open: [lo, hi) in UTC, never across midnight, never ending in the future."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_STAMP = "%Y%m%dT%H%M%SZ"

DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Window:
    """The time from `lo`, inclusive, to `hi`, exclusive; both UTC with a zone, whole seconds."""

    lo: datetime
    hi: datetime

    @classmethod
    def day(cls, day: date) -> Window:
        """Return a whole UTC day."""
        lo = midnight(day)
        return cls(lo, lo + DAY)

    @classmethod
    def named(cls, name: str) -> Window:
        """Return the window of a name that `name` made."""
        lo, hi = (datetime.strptime(text, _STAMP).replace(tzinfo=UTC) for text in name.split("-"))
        return cls(lo, hi)

    @property
    def name(self) -> str:
        """The window as part of a file name."""
        return f"{self.lo:{_STAMP}}-{self.hi:{_STAMP}}"


def midnight(day: date) -> datetime:
    """Return the start of a UTC day."""
    return datetime.combine(day, time(), tzinfo=UTC)


def plan(first: date, until: datetime, hours: int, known: list[Window]) -> list[Window]:
    """Cover the time from a day to a moment with closed windows.

    Windows that are known stay as they are, so that another width never makes two windows share an hour.

    Args:
        first: the first day.
        until: no window ends later.
        hours: width of new windows; a whole number of them is a day.
        known: windows that have landed, in any order, none of which overlap.
    """
    found, left, at = [], sorted(known), midnight(first)
    while at < until:
        while left and left[0].hi <= at:
            left.pop(0)
        if left and left[0].lo <= at:
            window = left[0]
        else:
            edge = midnight(at.date()) + (at.hour // hours + 1) * timedelta(hours=hours)
            window = Window(at, min(edge, left[0].lo) if left else edge)
        if window.hi > until:
            break
        found.append(window)
        at = window.hi
    return found
