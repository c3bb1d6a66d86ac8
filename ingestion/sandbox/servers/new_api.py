"""New-API's own endpoints over the sandbox's log items, in the newest shape or an old build's.

Newest first by offset, seconds inclusive at both ends, `id` is the position in the list, failures are HTTP 200. An
address may make so many calls in so many seconds; further calls get a 429 with an empty body and do not count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from ingestion.sandbox.servers.rows import Asking, Books, Options, Refused, Rows, instant, sums

_CONSUME = 2
_HOUR = 3600
_DEFAULT_SIZE = 10


def answer(books: Books, path: str, asking: Asking) -> dict[str, Any]:
    """Return the body for a request."""
    if path == "/api/status":
        return _well({"quota_per_unit": books.options.quota_per_unit, "system_name": "Sandbox"})
    rows = _within(books, asking)
    if path == "/api/log/self":
        return _well(_page(books, rows, asking))
    if path == "/api/log/self/stat":
        return _well({"quota": sum(row["quota"] for row in _consumed(rows)), "rpm": 0, "tpm": 0})
    if path == "/api/data/self":
        return _well(_hours(_consumed(rows)))
    raise Refused(404, {"success": False, "message": f"Invalid URL (GET {path})"})


def refused(message: str, status: int = 200) -> Refused:
    """Return a failure in New-API's shape, which has no failing status."""
    return Refused(status, {"success": False, "message": message})


def turned_away(options: Options) -> Refused:
    """Return the answer to a refused token: an old build has no failing status for it."""
    if options.new_api_old_build:
        return refused("无权进行此操作，access token 无效")
    body = {"success": False, "code": "AUTH_UNAUTHORIZED", "message": "Unauthorized, invalid access token"}
    return Refused(401, body)


class Limiter:
    """Counts the calls of one address, in whole seconds of its clock."""

    def __init__(self, calls: int, seconds: int, clock: Callable[[], float]) -> None:
        self._seconds, self._clock = seconds, clock
        self._taken: deque[int] = deque(maxlen=calls)

    def takes(self) -> bool:
        """Return whether one more call is allowed, and count it."""
        now = int(self._clock())
        is_full = len(self._taken) == self._taken.maxlen
        if is_full and now - self._taken[0] < self._seconds:
            return False
        self._taken.append(now)
        return True


def _well(data: Any) -> dict[str, Any]:
    return {"success": True, "message": "", "data": data}


def _within(books: Books, asking: Asking) -> Rows:
    first, last = asking.number("start_timestamp", 0), asking.number("end_timestamp", 2**40)
    kind = asking.number("type", 0)
    found = books.visible("new_api", lambda row: instant(row["created_at"]))
    found = [row for row in found if first <= row["created_at"] <= last and kind in (0, row["type"])]
    numbered = sorted(enumerate(found), key=lambda pair: (pair[1]["created_at"], pair[0]), reverse=True)
    return [row for _, row in numbered]


def _page(books: Books, rows: Rows, asking: Asking) -> Any:
    if books.options.new_api_old_build:
        return _cut(rows, asking.number("p", 0), books.options.page_size)
    size = min(asking.number("page_size", _DEFAULT_SIZE), books.options.page_size)
    page = max(asking.number("p", 1), 1)
    return {"page": page, "page_size": size, "total": len(rows), "items": _cut(rows, page - 1, size)}


def _cut(rows: Rows, page: int, size: int) -> Rows:
    offset = page * size
    return [{**row, "id": offset + place} for place, row in enumerate(rows[offset : offset + size], start=1)]


def _consumed(rows: Rows) -> Rows:
    return [row for row in rows if row["type"] == _CONSUME]


def _hours(rows: Rows) -> Rows:
    counted = [{**row, "token_used": row["prompt_tokens"] + row["completion_tokens"]} for row in rows]
    groups = sums(
        counted,
        lambda row: (row["created_at"] // _HOUR * _HOUR, row["model_name"]),
        ("token_used", "quota"),
    )
    return [
        {
            "created_at": hour,
            "model_name": model,
            "count": group["requests"],
            "token_used": group["token_used"],
            "quota": group["quota"],
        }
        for (hour, model), group in groups.items()
    ]
