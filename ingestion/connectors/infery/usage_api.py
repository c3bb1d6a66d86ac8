"""Infery `/v1/usage`: requests behind a cursor, or sums per model, key or member; two contracts, two streams.

Whether `end` belongs to the window is undocumented, so it is a setting; times carry milliseconds.
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
    cursor_after,
    entries,
    identity,
    instant,
    params,
)
from ingestion.usage_apis.settings import InferyApi
from ingestion.usage_apis.windows import Window

_FINEST = timedelta(milliseconds=1)


def headers(settings: InferyApi, token: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that identify the account."""
    return {"Authorization": f"Bearer {token}"}


def feeds(settings: InferyApi) -> list[Feed]:
    """Return the feeds of the streams that are asked for."""
    found: list[Feed] = []
    if "usage_api" in settings.streams:
        found.append(_Requests(settings))
    if "usage_api_grouped" in settings.streams:
        found += [_Sums(settings, group) for group in settings.group_by]
    return found


class _Usage(Feed):
    """Common to both contracts."""

    settings: InferyApi
    group: str | None = None

    def request(self, window: Window, cursor: Any) -> Request:
        end = window.hi - _FINEST if self.settings.end == "inclusive" else window.hi
        asked = [("start", _text(window.lo)), ("end", _text(end)), ("group_by", self.group)]
        return Request("/v1/usage", params([*asked, (self.settings.cursor_param, cursor)]))

    def page(self, body: Any, window: Window, cursor: Any, gathered: int) -> Page:
        found = entries(body)
        return Page([self.row(one) for one in found], cursor_after(body, "next_cursor"), len(found))

    def row(self, found: dict[str, Any]) -> Row:
        """Return one entry as the engine sees it."""
        return Row(identity(found))


class _Requests(_Usage):
    """One row a request."""

    stream = "usage_api"

    def __init__(self, settings: InferyApi) -> None:
        super().__init__(settings)
        self.hours = settings.window_hours

    def row(self, found: dict[str, Any]) -> Row:
        return Row(identity(found), instant(found.get("timestamp")))


class _Sums(_Usage):
    """One row a group and day."""

    stream = "usage_api_grouped"

    def __init__(self, settings: InferyApi, group: str) -> None:
        super().__init__(settings)
        self.name = self.group = group

    def page(self, body: Any, window: Window, cursor: Any, gathered: int) -> Page:
        if isinstance(body, dict) and body.get("group_by") != self.group:
            raise BadAnswer(f"the answer is not grouped by {self.group}")
        return super().page(body, window, cursor, gathered)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
