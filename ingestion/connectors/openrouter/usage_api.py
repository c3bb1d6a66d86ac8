"""OpenRouter `/api/v1/activity`: one response per completed UTC day; days older than the last 30 are not available.

Rows are sums over all workspaces unless `group_by` adds them to model, endpoint and provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ingestion.usage_apis.feed import Feed, Page, Request, Row, entries, identity, instant, params
from ingestion.usage_apis.settings import OpenRouterApi
from ingestion.usage_apis.windows import Window, midnight

_KEPT = timedelta(days=30)


def headers(settings: OpenRouterApi, token: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that identify the account."""
    return {"Authorization": f"Bearer {token}"}


def feeds(settings: OpenRouterApi) -> list[Feed]:
    """Return the only feed."""
    return [_Activity(settings)]


class _Activity(Feed):
    """Sums per model, endpoint, provider and workspace."""

    stream = "activity"

    def oldest(self, now: datetime) -> datetime | None:
        return midnight(now.date()) - _KEPT

    def request(self, window: Window, cursor: Any) -> Request:
        return Request("/api/v1/activity", params([("date", window.lo.date()), ("group_by", "workspace")]))

    def page(self, body: Any, window: Window, cursor: Any, gathered: int) -> Page:
        found = entries(body)
        return Page([Row(identity(one), instant(one.get("date"))) for one in found], None, len(found))
