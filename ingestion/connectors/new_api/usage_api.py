"""New-API (AIsa, TokenOpen and others): log items by page number, hourly sums, and the gateway's own units.

`end_timestamp` is inclusive and both ends are whole seconds. Failures are HTTP 200 with `success: false`; in older
builds a refused token is, too. All of `/api` accepts 180 calls in 180 seconds from one address and then answers 429
with an empty body. The order is newest first by OFFSET, so late rows shift the pages: what was read, in one fetch or
several, is compared with `total` and `/api/log/self/stat`. Old builds return a bare array, count pages from 0 and give
no total; the first page shows which build it is. The `id` of a user's log is a position in the list, not a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ingestion.usage_apis.errors import BadAnswer, Refusal, TokenMissing
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
from ingestion.usage_apis.settings import NewApiApi
from ingestion.usage_apis.windows import Window

_CONSUME = 2
_LAST_SECOND = timedelta(seconds=1)

_NOT_ACCEPTED = re.compile("(?i)unauthori[sz]ed|access token|api-user|banned|无权|無權|封禁|未登")
"""Messages of builds, in several languages, for a token they do not accept."""


def headers(settings: NewApiApi, token: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that identify the account: the token, and the account's number where the gateway requires it.

    Raises:
        TokenMissing: `user_env` names a variable that holds no number.
    """
    found = {"Authorization": f"Bearer {token}"}
    if settings.user_env:
        user = environment.get(settings.user_env, "").strip()
        if not user.isdecimal() or not user.isascii():
            raise TokenMissing(f"{settings.user_env} must hold the account's number; set it")
        found["New-Api-User"] = user
    return found


def feeds(settings: NewApiApi) -> list[Feed]:
    """Return the feeds of the streams that are asked for."""
    kinds: list[type[Feed]] = [_Logs, _Data, _Status]
    return [kind(settings) for kind in kinds if kind.stream in settings.streams]


def _data(body: Any) -> Any:
    """Return the data of a successful answer.

    Raises:
        Refusal: the gateway does not accept the token.
        BadAnswer: the answer has no data, or reports another failure.
    """
    if isinstance(body, dict) and body.get("success") is False:
        message = str(body.get("message") or "no message")
        if str(body.get("code", "")).startswith("AUTH_") or _NOT_ACCEPTED.search(message):
            raise Refusal(message)
        raise BadAnswer(f"success=false: {message}")
    if not isinstance(body, dict) or body.get("success") is not True or "data" not in body:
        raise BadAnswer("the answer is not one of New-API's: it has no data")
    return body["data"]


def _seconds(window: Window) -> list[tuple[str, int]]:
    """Map a half-open window to the gateway's inclusive seconds."""
    last = window.hi - _LAST_SECOND
    return [("start_timestamp", int(window.lo.timestamp())), ("end_timestamp", int(last.timestamp()))]


class _Logs(Feed):
    """Log items of every type."""

    stream = "logs"
    settings: NewApiApi
    first_cursor = 1
    resumes = True

    def __init__(self, settings: NewApiApi) -> None:
        super().__init__(settings)
        self.hours = settings.window_hours
        self._bare = False

    def request(self, window: Window, cursor: Any) -> Request:
        asked = [("p", cursor), ("page_size", self.settings.page_size), ("type", 0)]
        return Request("/api/log/self", params([*asked, *_seconds(window)]))

    def page(self, body: Any, window: Window, cursor: Any, gathered: int) -> Page:
        data = _data(body)
        if data is None or isinstance(data, list):
            return self._bare_page({"data": data or []}, cursor)
        found = entries(data, "items")
        total = whole_number(data, "total")
        size = whole_number(data, "page_size") or self.settings.page_size
        following = number_after(cursor, len(found), size, total, gathered)
        return Page([_item(one) for one in found], following, len(found), total)

    def _bare_page(self, body: dict[str, Any], cursor: Any) -> Page:
        found = entries(body)
        if not self._bare:
            self._bare, self.first_cursor = True, 0
            return Page([], 0, start_over=True)
        return Page([_item(one) for one in found], cursor + 1 if found else None, len(found))

    def control(self, window: Window) -> Request | None:
        if not self.settings.check_stat:
            return None
        return Request("/api/log/self/stat", params([("type", 0), *_seconds(window)]))

    def control_total(self, body: Any) -> int:
        data = _data(body)
        quota = whole_number(data, "quota") if isinstance(data, dict) else None
        if quota is None:
            raise BadAnswer("the statistics name no quota")
        return quota


def _item(found: dict[str, Any]) -> Row:
    """Return a log item; only consumption is in the gateway's own total."""
    quota = whole_number(found, "quota") or 0
    amount = quota if found.get("type") == _CONSUME else 0
    return Row(identity(found, "id"), instant(found.get("created_at")), amount, identity(found))


class _Data(Feed):
    """Hourly sums per model, one answer a day; buffered by the gateway, so they settle late."""

    stream = "data"

    @property
    def settle(self) -> timedelta:
        return super().settle + timedelta(hours=1)

    def request(self, window: Window, cursor: Any) -> Request:
        return Request("/api/data/self", params(_seconds(window)))

    def page(self, body: Any, window: Window, cursor: Any, gathered: int) -> Page:
        found = entries({"data": _data(body) or []})
        return Page([Row(identity(one), instant(one.get("created_at"))) for one in found], None, len(found))


class _Status(Feed):
    """The gateway's public settings, `quota_per_unit` among them, as they are today."""

    stream = "status"
    snapshot = True

    def request(self, window: Window, cursor: Any) -> Request:
        return Request("/api/status")

    def page(self, body: Any, window: Window, cursor: Any, gathered: int) -> Page:
        data = _data(body)
        if not isinstance(data, dict):
            raise BadAnswer("the status is not an object")
        return Page([Row(identity(data))], None, 1)
