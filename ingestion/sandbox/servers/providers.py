"""The bills of OpenAI and Anthropic over the sandbox's rows: pages of time buckets, empty ones included.

A row has the start of its bucket in addition to its result, and for OpenAI's usage the `endpoint`; it is served at its
own grain. Anthropic's end of the range is inclusive or exclusive, by option.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion.sandbox.servers.rows import Asking, Books, Refused, Rows, instant

_WIDTHS = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1), "1d": timedelta(days=1)}
_DEFAULT_LIMIT = 7
_KINDS = {"file_search_calls": "file_searches", "web_search_calls": "web_searches"}
"""OpenAI's names for the results of endpoints, where they differ."""


def openai(books: Books, path: str, asking: Asking) -> dict[str, Any]:
    """Return the body for a request to OpenAI."""
    start = datetime.fromtimestamp(asking.number("start_time", 0), UTC)
    end = datetime.fromtimestamp(asking.number("end_time", int(books.now.timestamp())), UTC)
    endpoint = path.removeprefix("/v1/organization/usage/")
    costs = path == "/v1/organization/costs"
    kind = _KINDS.get(endpoint, endpoint)
    name = "organization.costs.result" if costs else f"organization.usage.{kind}.result"
    table = "openai_costs" if costs else "openai_usage"
    rows = books.visible(table, lambda row: instant(row["start_time"]))
    rows = [row for row in rows if costs or row["endpoint"] == endpoint]

    def bucket(lo: datetime, hi: datetime) -> dict[str, Any]:
        results = [{"object": name, **row} for row in _taken(rows, "start_time", lo, hi, "endpoint")]
        ends = {"start_time": int(lo.timestamp()), "end_time": int(hi.timestamp())}
        return {"object": "bucket", **ends, "results": results}

    return {"object": "page", **_page(asking, start, end, bucket)}


def anthropic(books: Books, path: str, asking: Asking) -> dict[str, Any]:
    """Return the body for a request to Anthropic."""
    start, end = asking.moment("starting_at"), asking.moment("ending_at")
    if books.options.anthropic_ends_before:
        end -= _width(asking)  # a bucket that starts before this ends before `ending_at`
    table = "anthropic_costs" if path.endswith("/cost_report") else "anthropic_usage"
    rows = books.visible(table, lambda row: instant(row["starting_at"]))

    def bucket(lo: datetime, hi: datetime) -> dict[str, Any]:
        ends = {"starting_at": f"{lo:%Y-%m-%dT%H:%M:%SZ}", "ending_at": f"{hi:%Y-%m-%dT%H:%M:%SZ}"}
        return {**ends, "results": _taken(rows, "starting_at", lo, hi)}

    return _page(asking, start, end, bucket)


def refused(message: str, status: int = 400) -> Refused:
    """Return an error in the shape both share."""
    return Refused(status, {"error": {"type": "invalid_request_error", "message": message}})


def _taken(rows: Rows, start: str, lo: datetime, hi: datetime, *without: str) -> Rows:
    """Return the results of one bucket."""
    dropped = {start, *without}
    return [
        {key: value for key, value in row.items() if key not in dropped}
        for row in rows
        if lo <= instant(row[start]) < hi
    ]


def _width(asking: Asking) -> timedelta:
    width = _WIDTHS.get(asking.text("bucket_width", "1d") or "")
    if width is None:
        raise refused("bucket_width must be 1m, 1h or 1d")
    return width


def _page(
    asking: Asking, start: datetime, end: datetime, bucket: Callable[[datetime, datetime], dict[str, Any]]
) -> dict[str, Any]:
    width = _width(asking)
    limit = asking.number("limit", _DEFAULT_LIMIT)
    at = start
    page = asking.text("page")
    if page is not None:
        try:
            at = instant(page.removeprefix("page_"))
        except ValueError:
            raise refused("no such page") from None
    buckets = []
    while at < end and len(buckets) < limit:
        buckets.append(bucket(at, at + width))
        at += width
    more = at < end
    return {"data": buckets, "has_more": more, "next_page": f"page_{at.isoformat()}" if more else None}
