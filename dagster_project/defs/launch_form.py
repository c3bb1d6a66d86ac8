"""What a person writes into a launch form in the Dagster UI, checked."""

from __future__ import annotations

from datetime import date

import dagster as dg


def first_day_of_month(text: str, field: str) -> date:
    """Return the first day of a month.

    Raises:
        Failure: it is not written YYYY-MM, or is still the placeholder of the form.
    """
    return _parsed(f"{text}-01", text, field, "YYYY-MM, such as 2026-10")


def event_day(text: str, field: str) -> date:
    """Return a day.

    Raises:
        Failure: it is not written YYYY-MM-DD, or is still the placeholder of the form.
    """
    return _parsed(text, text, field, "YYYY-MM-DD, such as 2026-10-31")


def _parsed(day: str, text: str, field: str, pattern: str) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError:
        raise dg.Failure(f"{field}: {text!r} cannot be used; write {pattern}", allow_retries=False) from None
