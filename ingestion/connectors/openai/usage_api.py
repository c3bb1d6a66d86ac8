"""OpenAI's organization usage (one endpoint per kind of call) and costs: buckets, half-open, epoch seconds.

Dimensions that are not grouped by come back as null, so every endpoint is grouped by all it has; `batch` and
`service_tier` decide a price.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ingestion.usage_apis.buckets import WIDTHS, bucket_page, bucket_starts
from ingestion.usage_apis.feed import Feed, Page, Request, params
from ingestion.usage_apis.settings import OpenAiApi
from ingestion.usage_apis.windows import Window

_WHO = ("project_id", "user_id", "api_key_id")
_GROUPS = {
    "completions": (*_WHO, "model", "batch", "service_tier"),
    "embeddings": (*_WHO, "model"),
    "moderations": (*_WHO, "model"),
    "images": (*_WHO, "model", "size", "source"),
    "audio_speeches": (*_WHO, "model"),
    "audio_transcriptions": (*_WHO, "model"),
    "vector_stores": ("project_id",),
    "code_interpreter_sessions": ("project_id",),
    "file_search_calls": (*_WHO, "vector_store_id"),
    "web_search_calls": (*_WHO, "model", "context_level"),
}


def headers(settings: OpenAiApi, token: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that identify the organization."""
    return {"Authorization": f"Bearer {token}"}


def feeds(settings: OpenAiApi) -> list[Feed]:
    """Return the feeds of the streams that are asked for."""
    found: list[Feed] = []
    if "usage" in settings.streams:
        found += [_Usage(settings, endpoint) for endpoint in settings.endpoints]
    if "costs" in settings.streams:
        found.append(_Costs(settings))
    return found


class _Buckets(Feed):
    """Common to usage and costs."""

    settings: OpenAiApi
    path: str
    width: str
    groups: tuple[str, ...]

    def request(self, window: Window, cursor: Any) -> Request:
        ends = [("start_time", int(window.lo.timestamp())), ("end_time", int(window.hi.timestamp()))]
        groups = [("group_by", name) for name in self.groups]
        paging = [("limit", self.settings.buckets_per_page), ("page", cursor)]
        return Request(self.path, params([*ends, ("bucket_width", self.width), *groups, *paging]))

    def page(self, body: Any, window: Window, cursor: Any, gathered: int) -> Page:
        return bucket_page(body, "start_time", window)

    def buckets(self, window: Window) -> tuple[datetime, ...]:
        return bucket_starts(window, WIDTHS[self.width])


class _Usage(_Buckets):
    """Tokens, seconds, characters or calls of one endpoint."""

    stream = "usage"

    def __init__(self, settings: OpenAiApi, endpoint: str) -> None:
        super().__init__(settings)
        self.name, self.width = endpoint, settings.bucket_width
        self.path, self.groups = f"/v1/organization/usage/{endpoint}", _GROUPS[endpoint]


class _Costs(_Buckets):
    """Costs by day."""

    stream = "costs"
    path, width, groups = "/v1/organization/costs", "1d", ("project_id", "line_item", "api_key_id")

    @property
    def settle(self) -> timedelta:
        return timedelta(hours=self.settings.costs_settle_hours)
