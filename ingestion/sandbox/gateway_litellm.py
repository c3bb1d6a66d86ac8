"""LiteLLM's `/spend/logs/v2` over the sandbox's rows: both ends inclusive, whole seconds, a capped total."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ingestion.sandbox.gateway_rows import Asking, Books, Refused, instant

_DEFAULT_SIZE = 50


def answer(books: Books, path: str, asking: Asking) -> dict[str, Any]:
    """Return the body for a request."""
    first, last = (_moment(asking.text(name)) for name in ("start_date", "end_date"))
    page, size = asking.number("page", 1), asking.number("page_size", _DEFAULT_SIZE)
    if page < 1 or not 1 <= size <= books.options.page_size:
        raise refused(f"page_size must be between 1 and {books.options.page_size}, page at least 1", 422)
    rows = books.visible("litellm", lambda row: instant(row["startTime"]))
    rows = [row for row in rows if first <= instant(row["startTime"]) <= last]
    rows.sort(key=lambda row: instant(row["startTime"]), reverse=asking.text("sort_order", "desc") == "desc")
    cap = books.options.litellm_count_cap
    total = min(len(rows), cap)
    return {
        "data": rows[(page - 1) * size : page * size],
        "total": total,
        "page": page,
        "page_size": size,
        "total_pages": -(-total // size),
        "total_is_capped": len(rows) > cap,
    }


def refused(message: str, status: int = 400) -> Refused:
    """Return an error in the proxy's shape."""
    return Refused(status, {"detail": message})


def _moment(text: str | None) -> datetime:
    try:
        return datetime.strptime(text or "", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise refused("dates must be written YYYY-MM-DD HH:MM:SS") from None
