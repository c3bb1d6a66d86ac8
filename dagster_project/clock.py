"""The current day, for all comparisons with the calendar; $TOLLBOOK_TODAY sets it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta

#: Marts that no run has confirmed in this time are stale: a day and two hours' grace.
STALE_AFTER = timedelta(hours=26)


def today() -> date:
    """Return the current day in UTC."""
    stated = os.environ.get("TOLLBOOK_TODAY")
    return date.fromisoformat(stated) if stated else datetime.now(UTC).date()
