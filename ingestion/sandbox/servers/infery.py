"""Infery's `/v1/usage` over the sandbox's rows: requests behind a cursor, or one page of sums."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ingestion.sandbox.servers.rows import Asking, Books, Refused, Rows, instant, sums

_FIELDS = {"model": "model", "key": "api_key_id", "member": "member_id"}
_SUMMED = ("prompt_tokens", "completion_tokens", "credits_used")


def answer(books: Books, path: str, asking: Asking) -> dict[str, Any]:
    """Return the body for a request."""
    start, end = asking.moment("start"), asking.moment("end")
    rows = sorted(_within(books, start, end), key=lambda row: instant(row["timestamp"]))
    group = asking.text("group_by")
    if group is None:
        return _page(rows, asking, books.options.page_size)
    if group not in _FIELDS:
        raise refused("group_by must be model, key or member")
    column = _FIELDS[group]
    data = [{column: key, **sum_} for key, sum_ in sums(rows, lambda row: row.get(column), _SUMMED).items()]
    ends = {"start": asking.text("start"), "end": asking.text("end")}
    return {"data": data, "group_by": group, **ends, "has_more": False}


def refused(message: str, status: int = 400) -> Refused:
    """Return an error in Infery's shape."""
    return Refused(status, {"error": {"message": message}})


def _within(books: Books, start: datetime, end: datetime) -> Rows:
    inclusive = books.options.infery_end_inclusive
    found = []
    for row in books.visible("infery", lambda row: instant(row["timestamp"])):
        at = instant(row["timestamp"])
        if start <= at < end or (inclusive and at == end):
            found.append(row)
    return found


def _page(rows: Rows, asking: Asking, size: int) -> dict[str, Any]:
    cursor = asking.text("cursor", "after_0") or ""
    offset = cursor.removeprefix("after_")
    if not offset.isdecimal():
        raise refused("no such cursor")
    upto = int(offset) + size
    data = [{key: row[key] for key in row if key != "member_id"} for row in rows[int(offset) : upto]]
    if upto >= len(rows):
        return {"data": data, "has_more": False, "next_cursor": None}
    return {"data": data, "has_more": True, "next_cursor": f"after_{upto}"}
