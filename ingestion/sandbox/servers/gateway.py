"""The usage APIs of every gateway and provider Tollbook reads, on the loopback device, from plain rows.

    with GatewayServer({"infery": rows, "new_api": items}, now=...) as gateway:
        client with base address gateway.url, token gateway.api_key, user gateway.user

Accepts test tokens only, listens on 127.0.0.1 only, changes nothing. Rows newer than `books.now` are invisible; set it
to let time pass. Limits use `clock`, in seconds. Faults are scripted (loopback.py).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from ingestion.sandbox.servers import infery, litellm, new_api, openrouter, providers
from ingestion.sandbox.servers.loopback import Answer, LoopbackServer, Query, Rule
from ingestion.sandbox.servers.rows import Asking, Books, Options, Refused, Rows

API_KEY = "test_sandbox_gateway_key"
"""Not a secret: the server accepts any test token."""

USER = "7"

_TEST_TOKEN = re.compile(r"test_\w+")


def _bearer(headers: Mapping[str, str]) -> bool:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return scheme == "Bearer" and _TEST_TOKEN.fullmatch(token) is not None


def _bearer_and_user(headers: Mapping[str, str]) -> bool:
    return _bearer(headers) and headers.get("New-Api-User") == USER


def _admin_key(headers: Mapping[str, str]) -> bool:
    return _TEST_TOKEN.fullmatch(headers.get("x-api-key", "")) is not None and "anthropic-version" in headers


def _anybody(headers: Mapping[str, str]) -> bool:
    return True


@dataclass(frozen=True)
class _Api:
    """Paths, authorization, answers and errors."""

    paths: str
    may_ask: Callable[[Mapping[str, str]], bool]
    answer: Callable[[Books, str, Asking], dict[str, Any]]
    refused: Callable[..., Refused]
    turned_away: Callable[[Options], Refused] | None = None


_APIS = (
    _Api(r"/v1/usage", _bearer, infery.answer, infery.refused),
    _Api(r"/api/status", _anybody, new_api.answer, new_api.refused),
    _Api(
        r"/api/(log|data)/self(/stat)?",
        _bearer_and_user,
        new_api.answer,
        new_api.refused,
        new_api.turned_away,
    ),
    _Api(r"/api/v1/activity", _bearer, openrouter.answer, openrouter.refused),
    _Api(r"/spend/logs/v2", _bearer, litellm.answer, litellm.refused),
    _Api(r"/v1/organization/(usage/\w+|costs)", _bearer, providers.openai, providers.refused),
    _Api(
        r"/v1/organizations/(usage_report/messages|cost_report)",
        _admin_key,
        providers.anthropic,
        providers.refused,
    ),
)


class GatewayServer(LoopbackServer):
    """All usage APIs on one address; `books` holds the rows and the clock."""

    api_key = API_KEY
    user = USER

    def __init__(
        self,
        rows: Mapping[str, Rows],
        now: datetime,
        lag: timedelta = timedelta(0),
        script: Sequence[Rule] = (),
        options: Options | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(script)
        copied = {table: [dict(row) for row in found] for table, found in rows.items()}
        self.books = Books(copied, now, lag, options or Options())
        self._limiter = new_api.Limiter(*self.books.options.new_api_limit, clock)

    def answer(self, path: str, query: Query, headers: Mapping[str, str]) -> Answer:
        """Return the answer of the API at a path, or its error in its own shape."""
        for api in _APIS:
            if re.fullmatch(api.paths, path):
                if api.answer is new_api.answer and not self._limiter.takes():
                    return Answer(b"", 429, "text/plain")
                try:
                    if not api.may_ask(headers):
                        raise (
                            api.turned_away(self.books.options)
                            if api.turned_away
                            else api.refused("the sandbox takes test tokens only", 401)
                        )
                    return Answer.of(api.answer(self.books, path, Asking(query, api.refused)))
                except Refused as refused:
                    return Answer.of(refused.body, refused.status)
        return Answer.of({"error": {"message": f"no such address: {path}"}}, 404)

    def arrive(self, rows: tuple[tuple[str, Mapping[str, Any]], ...]) -> None:
        """Add rows that a script lets arrive."""
        self.books.add(rows)

    def date(self) -> str:
        """Return the `Date` header by the server's own clock."""
        return format_datetime(self.books.now)
