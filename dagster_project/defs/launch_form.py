"""What a person writes into a launch form in the Dagster UI, checked."""

from __future__ import annotations

from datetime import date

import dagster as dg


def first_day_of_month(text: str, field: str, *, or_empty: bool = False) -> date | None:
    """Return the first day of a month; None for an empty field that may be empty.

    Raises:
        Failure: it is not written YYYY-MM, or is still the placeholder of the form.
    """
    return _parsed(text, f"{text}-01", field, "YYYY-MM, such as 2026-10", or_empty)


def event_day(text: str, field: str, *, or_empty: bool = False) -> date | None:
    """Return a day; None for an empty field that may be empty.

    Raises:
        Failure: it is not written YYYY-MM-DD, or is still the placeholder of the form.
    """
    return _parsed(text, text, field, "YYYY-MM-DD, such as 2026-10-31", or_empty)


def _parsed(text: str, day: str, field: str, pattern: str, or_empty: bool) -> date | None:
    if or_empty and not text:
        return None
    try:
        return date.fromisoformat(day)
    except ValueError:
        empty = ", or leave it empty" if or_empty else ""
        raise dg.Failure(
            f"{field}: {text!r} cannot be used; write {pattern}{empty}", allow_retries=False
        ) from None
