"""LiteLLM `/spend/logs/v2`: SpendLogs rows by page number.

Both ends are inclusive and given in seconds, while rows have milliseconds: requesting up to `hi` loses nothing and
repeats a row that starts exactly then, which its `request_id` shows. Order is oldest first, so that a late row does not
shift the pages. Rows of one millisecond come in any order, another on each page, so that one may be lost at a page's
edge and another come twice; `total` stops counting at 10,000 (`total_is_capped`). So a window is whole when it has as
many ids as `total` says, and is read in halves until it has. A token that is not a proxy admin's gets its own rows as
if they were all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ingestion.usage_apis.errors import BadAnswer
from ingestion.usage_apis.feed import (
    Feed,
    Page,
    Request,
    Row,
    entries,
    instant,
    number_after,
    params,
    whole_number,
)
from ingestion.usage_apis.settings import LiteLlmApi
from ingestion.usage_apis.windows import Window

_PATH = "/spend/logs/v2"
_NO_TEAM = "tollbook-asks-whether-this-token-sees-all"


def headers(settings: LiteLlmApi, token: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that identify the account."""
    return {"Authorization": f"Bearer {token}"}


def feeds(settings: LiteLlmApi) -> list[Feed]:
    """Return the only feed."""
    return [_SpendLogs(settings)]


class _SpendLogs(Feed):
    """One row a request."""

    stream = "spend_logs_api"
    settings: LiteLlmApi
    first_cursor = 1
    keyed = True
    narrowest = timedelta(seconds=1)

    def __init__(self, settings: LiteLlmApi) -> None:
        super().__init__(settings)
        self.hours = settings.window_hours

    def request(self, window: Window, cursor: Any) -> Request:
        order = [("sort_by", "startTime"), ("sort_order", "asc")]
        paging = [("page", cursor), ("page_size", self.settings.page_size)]
        return Request(_PATH, params([*_ends(window), *order, *paging]))

    def page(self, body: Any, window: Window, cursor: Any, gathered: int) -> Page:
        found = entries(body)
        if not all(isinstance(one.get("request_id"), str) for one in found):
            raise BadAnswer("the proxy answered with a summary: rows have no request_id")
        total, is_capped = whole_number(body, "total"), body.get("total_is_capped") is True
        size = whole_number(body, "page_size") or self.settings.page_size
        rows = [Row(one["request_id"].encode(), instant(one.get("startTime"))) for one in found]
        following = number_after(cursor, len(found), size, None if is_capped else total, gathered)
        return Page(rows, following, len(found), total, is_capped=is_capped)

    def probe(self, window: Window) -> Request | None:
        """Request the rows of a team without members: an admin gets none, any other token is refused."""
        if self.settings.own_calls_only:
            return None
        paging = [("page", 1), ("page_size", 1)]
        return Request(_PATH, params([*_ends(window), *paging, ("team_id", _NO_TEAM)]))


def _ends(window: Window) -> list[tuple[str, str]]:
    return [("start_date", _text(window.lo)), ("end_date", _text(window.hi))]


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")
