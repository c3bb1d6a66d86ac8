"""One GET with retries that never reveals the token.

    request ──► pace ──► httpx ──► status, size, JSON ──► parsed by the feed ──► (bytes as received, parsed)
        ├── 408, 425, 5xx, broken connections, web pages, half documents, success=false: retried
        └── 429: retried for `outlast_seconds`

Waits double from a second with jitter; `Retry-After` (seconds or a date) is honoured up to a limit. 401, 403 and
equivalent bodies end the fetch at once. httpx's exceptions hold the request and so the token: none of them leaves this
module.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, TypeVar

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from ingestion.usage_apis.errors import AccessRefused, BadAnswer, CallFailed, Refusal, TokenMissing
from ingestion.usage_apis.feed import Request, words_of
from ingestion.usage_apis.pace import Pace
from ingestion.usage_apis.settings import Api, is_loopback

ATTEMPTS = 7
LARGEST_BODY = 256 * 1024 * 1024
"""Bytes; a larger body is an error."""

_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0
_LONGEST_ASKED_WAIT_S = 300.0
_LONGEST_ANSWER_TIMEOUTS = 10
_SHOWN = 200
_TRANSIENT = frozenset({408, 425})
_LIMITED = 429

T = TypeVar("T")


class _Transient(Exception):
    """A failure that may be transient; `wait` is the API's `Retry-After` in seconds."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait


class _Limited(_Transient):
    """The API answered 429."""


class _StopRetrying:
    """Stop retrying after `ATTEMPTS` failures, or when 429 lasts too long."""

    def __init__(self, outlast_seconds: float) -> None:
        self._outlast_seconds, self._failures = outlast_seconds, 0

    def __call__(self, state: RetryCallState) -> bool:
        if state.outcome and isinstance(state.outcome.exception(), _Limited):
            return state.idle_for >= self._outlast_seconds
        self._failures += 1
        return self._failures >= ATTEMPTS


class Caller:
    """Calls one API for one source; use as a context manager."""

    def __init__(
        self,
        source: str,
        settings: Api,
        headers: Mapping[str, str],
        token: str,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._source, self._settings, self._token, self._sleep = source, settings, token, sleep
        self._pace = Pace(settings.rate, sleep, clock)
        self._client = httpx.Client(
            headers={**headers, "Accept": "application/json", "User-Agent": "tollbook"},
            timeout=settings.timeout_seconds,
            trust_env=not is_loopback(settings.url),
            verify=not settings.url.startswith("http:"),  # reading the machine's certificates is slow
        )

    def __enter__(self) -> Caller:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, request: Request, read: Callable[[Any], T]) -> tuple[bytes, T]:
        """Return the body of an answer as received, and the result of `read` on the parsed body.

        Raises:
            AccessRefused: the token is not accepted.
            CallFailed: the call was refused for good, or failed on its last try.
        """
        tries = Retrying(
            stop=_StopRetrying(self._settings.outlast_seconds),
            wait=_wait,
            retry=retry_if_exception_type(_Transient),
            sleep=self._sleep,
            reraise=True,
        )
        call = f"{self._source}: GET {request.path}"
        try:
            return tries(self._once, request, read)
        except _Limited:
            waited = f"{self._settings.outlast_seconds:g} seconds"
            what = f"{call} was answered with 429 for {waited}; call more slowly (api.rate) or wait longer"
            failed = CallFailed(f"{what} (api.outlast_seconds)")
        except _Transient as failure:
            last = self.safe(str(failure))
            failed = CallFailed(f"{call} failed {ATTEMPTS} times, the last time with: {last}")
        raise failed

    def pause(self, attempt: int) -> None:
        """Wait before a whole window is read again; `attempt` counts from 1."""
        self._sleep(_growing(attempt))

    def safe(self, text: str) -> str:
        """Return the API's text on one line, cut, without the token it may repeat."""
        return " ".join(text.replace(self._token, "***").split())[:_SHOWN]

    def _once(self, request: Request, read: Callable[[Any], T]) -> tuple[bytes, T]:
        self._pace.wait()
        try:
            response, body = self._received(request)
        except httpx.RequestError as error:
            failure: Exception = _Transient(f"{type(error).__name__} (no whole answer)")
        else:
            self._raise_for_status(request, response, body)
            try:
                return body, _understood(response, body, read)
            except Refusal as refusal:
                failure = self._refused(request, f"success=false ({self.safe(str(refusal))})")
        raise failure

    def _received(self, request: Request) -> tuple[httpx.Response, bytes]:
        """Return the answer and its whole body, decompressed but otherwise as received."""
        deadline = time.monotonic() + _LONGEST_ANSWER_TIMEOUTS * self._settings.timeout_seconds
        chunks, size = [], 0
        url = self._settings.url + request.path
        with self._client.stream("GET", url, params=list(request.params)) as response:
            for chunk in response.iter_bytes():
                chunks.append(chunk)
                size += len(chunk)
                if size > LARGEST_BODY or time.monotonic() > deadline:
                    raise _Transient("an answer without end")
        return response, b"".join(chunks)

    def _raise_for_status(self, request: Request, response: httpx.Response, body: bytes) -> None:
        """Raise the error of a status other than 200."""
        status = response.status_code
        if status == 200:
            return
        call = f"{self._source}: GET {request.path} was answered with {status}"
        if status in (401, 403):
            message = self.safe(_message(body))
            raise self._refused(request, f"{status} ({message})" if message else str(status))
        if status == _LIMITED:
            raise _Limited(f"status {status}", _asked_wait(response.headers))
        if status in _TRANSIENT or status >= 500:
            raise _Transient(f"status {status}", _asked_wait(response.headers))
        if 300 <= status < 400:
            raise CallFailed(f"{call}, a redirect; write the final address into api.url")
        raise CallFailed(f"{call}: {self.safe(_message(body)) or 'no message'}")

    def _refused(self, request: Request, answer: str) -> AccessRefused:
        """Return the error of a token that is not accepted."""
        return AccessRefused(
            f"{self._source}: GET {request.path} was answered with {answer}: the token in"
            f" {self._settings.credentials} is not accepted (expired, of another account, or without the right to"
            " read usage); set it to one that is"
        )


def token_of(settings: Api, environment: Mapping[str, str] = os.environ) -> str:
    """Return the token from the environment.

    Raises:
        TokenMissing: it is not set, or cannot be sent in a header.
    """
    token = environment.get(settings.token_env, "").strip()
    if not token:
        raise TokenMissing(f"{settings.token_env} is not set; put the API's token into it")
    if not all("!" <= character <= "~" for character in token):
        raise TokenMissing(f"{settings.token_env} holds characters no token has; set it again")
    return token


def _understood(response: httpx.Response, body: bytes, read: Callable[[Any], T]) -> T:
    """Return the body as parsed by the feed."""
    try:
        return read(json.loads(body))
    except BadAnswer as error:
        what = str(error)
    except (ValueError, RecursionError):
        kind = response.headers.get("Content-Type", "no type").partition(";")[0]
        what = f"{len(body)} bytes of {kind} that are no whole JSON document"
    raise _Transient(what)


def _wait(state: RetryCallState) -> float:
    """Return the seconds to wait after a failed try."""
    failure = state.outcome.exception() if state.outcome else None
    if isinstance(failure, _Transient) and failure.wait is not None:
        return failure.wait
    return _growing(state.attempt_number)


def _growing(attempt: int) -> float:
    return min(_FIRST_WAIT_S * 2 ** (attempt - 1), _LONGEST_WAIT_S) * random.uniform(0.5, 1.0)


def _asked_wait(headers: httpx.Headers) -> float | None:
    """Return the seconds of `Retry-After`, limited; None if it is missing or not readable."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            until = parsedate_to_datetime(text)
            sent = parsedate_to_datetime(headers["Date"]) if "Date" in headers else datetime.now(UTC)
            seconds = (until - sent).total_seconds()
        except (TypeError, ValueError):
            return None
    return min(max(seconds, 0.0), _LONGEST_ASKED_WAIT_S)


def _message(body: bytes) -> str:
    """Return the message of an error body."""
    try:
        return words_of(json.loads(body))
    except (ValueError, RecursionError):
        return ""
