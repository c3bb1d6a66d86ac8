"""Partitions only: delivery days in UTC, covering all that has landed, even in the future."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import dagster as dg

FIRST_DAY = date(2026, 1, 1)


def delivery_days(landed: Iterable[date], today: date | None = None) -> dg.DailyPartitionsDefinition:
    """Return the days from the first that landed to today or the last that landed.

    Before anything has landed they begin on 1 January 2026.

    Args:
        landed: days that hold files; a restored home may have files of the future.
        today: the current day in UTC.
    """
    today = today or datetime.now(UTC).date()
    days = sorted(landed)
    first = min(today, days[0]) if days else FIRST_DAY
    last = max([today, *days[-1:]])
    return dg.DailyPartitionsDefinition(
        start_date=first.isoformat(), end_offset=(last - today + timedelta(days=1)).days
    )
