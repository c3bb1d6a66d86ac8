"""OpenRouter's `/api/v1/activity` over the sandbox's rows: completed UTC days, the last 30 of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from ingestion.sandbox.gateway_rows import Asking, Books, Refused, instant

_KEPT_DAYS = 30


def answer(books: Books, path: str, asking: Asking) -> dict[str, Any]:
    """Return the body for a request."""
    today = books.now.astimezone(UTC).date()
    kept = [today - timedelta(days=back) for back in range(1, _KEPT_DAYS + 1)]
    text = asking.text("date")
    wanted = kept if text is None else [_day(text)]
    if not set(wanted) <= set(kept):
        raise refused("date must be within the last 30 completed UTC days")
    rows = books.visible("openrouter", _appears)
    return {"data": [row for row in rows if date.fromisoformat(row["date"][:10]) in wanted]}


def refused(message: str, status: int = 400) -> Refused:
    """Return an error in OpenRouter's shape."""
    return Refused(status, {"error": {"code": status, "message": message}})


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refused("date must be YYYY-MM-DD") from None


def _appears(row: dict[str, Any]) -> datetime:
    """A day's sums appear when the day is over."""
    return instant(row["date"][:10]) + timedelta(days=1)
