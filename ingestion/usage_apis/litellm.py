"""LiteLLM `/spend/logs/v2`: SpendLogs rows by page number.

Both ends are inclusive and only written to the second, while rows carry microseconds: asking up to `hi`
itself loses nothing and repeats a row that starts exactly on it, which its `request_id` tells. Oldest first,
so that a row that arrives late does not shift the pages. `total` stops counting at 10 000
(`total_is_capped`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingestion.usage_apis.errors import BadAnswer
from ingestion.usage_apis.feed import (
    Feed,
    Page,
    Request,
    Row,
    entries,
    identity,
    instant,
    number_after,
    params,
    whole_number,
)
from ingestion.usage_apis.settings import LiteLlmApi
from ingestion.usage_apis.windows import Window


def headers(settings: LiteLlmApi, token: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what identifies the account."""
    return {"Authorization": f"Bearer {token}"}


def feeds(settings: LiteLlmApi) -> list[Feed]:
    """Return the only feed."""
    return [_SpendLogs(settings)]


class _SpendLogs(Feed):
    """One row a request."""

    stream = "spend_logs_api"
    settings: LiteLlmApi
    first_cursor = 1

    def __init__(self, settings: LiteLlmApi) -> None:
        super().__init__(settings)
        self.hours = settings.window_hours

    def request(self, window: Window, cursor: Any) -> Request:
        ends = [("start_date", _text(window.lo)), ("end_date", _text(window.hi))]
        order = [("sort_by", "startTime"), ("sort_order", "asc")]
        paging = [("page", cursor), ("page_size", self.settings.page_size)]
        return Request("/spend/logs/v2", params([*ends, *order, *paging]))

    def page(self, body: Any, cursor: Any, gathered: int) -> Page:
        found = entries(body)
        if not all(isinstance(one.get("request_id"), str) for one in found):
            raise BadAnswer("the proxy answered with a summary: rows have no request_id")
        total = None if body.get("total_is_capped") else whole_number(body, "total")
        size = whole_number(body, "page_size") or self.settings.page_size
        rows = [Row(identity(one), instant(one.get("startTime"))) for one in found]
        return Page(rows, number_after(cursor, len(found), size, total, gathered), len(found), total)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")
