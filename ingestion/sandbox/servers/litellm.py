"""LiteLLM's `/spend/logs/v2` over the sandbox's rows: both ends inclusive, whole seconds, a capped total.

Rows of one millisecond have no fixed order, as in its database: it differs on each page. A token that is not an admin's
gets only its own rows without notice, and is refused those of a team.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from ingestion.sandbox.servers.rows import Asking, Books, Refused, instant

_DEFAULT_SIZE = 50


def answer(books: Books, path: str, asking: Asking) -> dict[str, Any]:
    """Return the body for a request."""
    first, last = (_moment(asking.text(name)) for name in ("start_date", "end_date"))
    page, size = asking.number("page", 1), asking.number("page_size", _DEFAULT_SIZE)
    if not 1 <= size <= books.options.page_size:
        raise _out_of_range("page_size", f"Input should be less than or equal to {books.options.page_size}")
    if page < 1:
        raise _out_of_range("page", "Input should be greater than or equal to 1")
    own, team = books.options.litellm_own_user, asking.text("team_id")
    if own is not None and team is not None:
        raise refused(f"Not authorized to view team spend for team_id={team}", 403)
    rows = books.visible("litellm", lambda row: instant(row["startTime"]))
    rows = [row for row in rows if first <= _millisecond(row) <= last]
    rows = [row for row in rows if own is None or row.get("user") == own]
    rows = [row for row in rows if team is None or row.get("team_id") == team]
    rows.sort(key=lambda row: hashlib.blake2b(f"{page}{row['request_id']}".encode()).digest())
    rows.sort(key=_millisecond, reverse=asking.text("sort_order", "desc") == "desc")
    cap = books.options.litellm_count_cap
    total = min(len(rows), cap)
    return {
        "data": [_opened(row) for row in rows[(page - 1) * size : page * size]],
        "total": total,
        "page": page,
        "page_size": size,
        "total_pages": -(-total // size),
        "total_is_capped": len(rows) > cap,
    }


def refused(message: str, status: int = 400) -> Refused:
    """Return an error in the proxy's shape."""
    return Refused(
        status, {"error": {"message": message, "type": "None", "param": "None", "code": str(status)}}
    )


def _out_of_range(name: str, message: str) -> Refused:
    """Return the error of a parameter, in the shape of the proxy's framework."""
    return Refused(422, {"detail": [{"type": "value_error", "loc": ["query", name], "msg": message}]})


def _opened(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its metadata as the object that the table holds as text."""
    written = row.get("metadata")
    return {**row, "metadata": json.loads(written)} if isinstance(written, str) else row


def _millisecond(row: dict[str, Any]) -> datetime:
    """Its column has no finer ones."""
    at = instant(row["startTime"])
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _moment(text: str | None) -> datetime:
    try:
        return datetime.strptime(text or "", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise refused("dates must be written YYYY-MM-DD HH:MM:SS") from None
