"""What day it is, for everything that compares books with the calendar; $TOLLBOOK_TODAY sets it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime


def today() -> date:
    """Return the current day in UTC."""
    said = os.environ.get("TOLLBOOK_TODAY")
    return date.fromisoformat(said) if said else datetime.now(UTC).date()
