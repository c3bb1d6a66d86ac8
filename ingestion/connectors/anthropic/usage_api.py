"""Anthropic's organization usage and cost reports: buckets, RFC 3339 times, an admin key in its own header.

Cost amounts are decimal strings in cents; pages land unchanged, so they are not read here. `ending_at` is documented as
"time buckets that end before" it, which excludes the bucket that ends exactly there; others take it as the exclusive
end of the range. So one more bucket is requested, and dropped if it is returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ingestion.usage_apis.buckets import WIDTHS, bucket_page, bucket_starts
from ingestion.usage_apis.feed import Feed, Page, Request, params
from ingestion.usage_apis.settings import AnthropicApi
from ingestion.usage_apis.windows import Window

_VERSION = "2023-06-01"


def headers(settings: AnthropicApi, token: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that identify the organization."""
    return {"x-api-key": token, "anthropic-version": _VERSION}


def feeds(settings: AnthropicApi) -> list[Feed]:
    """Return the feeds of the streams that are asked for."""
    kinds: list[type[_Report]] = [_Usage, _Costs]
    return [kind(settings) for kind in kinds if kind.stream in settings.streams]


class _Report(Feed):
    """Common to both reports."""

    settings: AnthropicApi
    path: str
    groups: tuple[str, ...]

    @property
    def width(self) -> str:
        """The requested grain."""
        return "1d"

    def request(self, window: Window, cursor: Any) -> Request:
        ends = [("starting_at", _text(window.lo)), ("ending_at", _text(window.hi + WIDTHS[self.width]))]
        groups = [("group_by[]", name) for name in self.groups]
        paging = [("limit", self.settings.buckets_per_page), ("page", cursor)]
        return Request(self.path, params([*ends, ("bucket_width", self.width), *groups, *paging]))

    def page(self, body: Any, window: Window, cursor: Any, gathered: int) -> Page:
        return bucket_page(body, "starting_at", window)

    def buckets(self, window: Window) -> tuple[datetime, ...]:
        return bucket_starts(window, WIDTHS[self.width])


class _Usage(_Report):
    """Disjoint token classes."""

    stream = "usage"
    path = "/v1/organizations/usage_report/messages"
    groups = ("api_key_id", "workspace_id", "model", "service_tier", "context_window", "inference_geo")

    @property
    def width(self) -> str:
        return self.settings.bucket_width


class _Costs(_Report):
    """Costs by day."""

    stream = "costs"
    path = "/v1/organizations/cost_report"
    groups = ("workspace_id", "description")

    @property
    def settle(self) -> timedelta:
        return timedelta(hours=self.settings.costs_settle_hours)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
