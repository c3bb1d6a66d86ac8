"""OpenRouter's `/api/v1/activity` over the sandbox's rows: completed UTC days, the last 30 of them.

Rows are per workspace only with `group_by=workspace`, and added up otherwise.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from ingestion.sandbox.servers.rows import Asking, Books, Refused, Rows, instant

_KEPT_DAYS = 30
_DIMENSIONS = ("date", "model", "model_permaslug", "endpoint_id", "provider_name")


def answer(books: Books, path: str, asking: Asking) -> dict[str, Any]:
    """Return the body for a request."""
    today = books.now.astimezone(UTC).date()
    kept = [today - timedelta(days=back) for back in range(1, _KEPT_DAYS + 1)]
    text = asking.text("date")
    wanted = kept if text is None else [_day(text)]
    if not set(wanted) <= set(kept):
        raise refused("date must be within the last 30 completed UTC days")
    rows = [
        row for row in books.visible("openrouter", _appears) if date.fromisoformat(row["date"][:10]) in wanted
    ]
    group = asking.text("group_by")
    if group not in (None, "workspace"):
        raise refused("group_by must be workspace")
    return {"data": _over_workspaces(rows) if group is None else rows}


def refused(message: str, status: int = 400) -> Refused:
    """Return an error in OpenRouter's shape."""
    return Refused(status, {"error": {"code": status, "message": message}})


def _over_workspaces(rows: Rows) -> Rows:
    """Return rows added up over workspaces, without the workspace."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        place = tuple(row.get(name) for name in _DIMENSIONS)
        whole = found.setdefault(place, {name: row[name] for name in _DIMENSIONS if name in row})
        for name in row.keys() - {*_DIMENSIONS, "workspace_id"}:
            whole[name] = whole.get(name, 0) + row[name]
    return list(found.values())


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refused("date must be YYYY-MM-DD") from None


def _appears(row: dict[str, Any]) -> datetime:
    """A day's sums appear when the day is over."""
    return instant(row["date"][:10]) + timedelta(days=1)
