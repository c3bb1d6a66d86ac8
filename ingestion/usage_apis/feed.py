"""What is specific to one API: its windows, its requests, how a page is read.

The engine (reading.py) knows paging, checks and retries; a feed knows paths, names and units. A UsageApi is a `headers`
function and a few feeds: `ingestion/connectors/<gateway>/usage_api.py`.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from ingestion.usage_apis.errors import BadAnswer
from ingestion.usage_apis.settings import Api
from ingestion.usage_apis.windows import Window


@dataclass(frozen=True)
class Request:
    """One GET: a path below the API's address, and its parameters in order."""

    path: str
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Row:
    """What the engine needs to know about one row of a page.

    Attributes:
        identity: Digest that identifies a row when a page repeats it.
        at: When it happened, if known.
        amount: Its part of the control total, in its own unit.
        whole: Digest of the whole row, where that is more than its identity.
    """

    identity: bytes
    at: datetime | None = None
    amount: int = 0
    whole: bytes = b""


@dataclass(frozen=True)
class Page:
    """A parsed body.

    Attributes:
        rows: Its rows.
        following: The cursor of the next page; None on the last.
        entries: Entries on the page; buckets count even if they hold no row.
        total: Rows of the window, as stated by the API, if it is.
        starts: Where its time buckets start, if it has any.
        is_capped: The API stopped counting at `total`, so no number of rows proves the window whole.
        kept: The body to land instead, where the received one holds more than the window.
        start_over: The body only showed which build answers: drop what was read and continue with `following`.
    """

    rows: list[Row]
    following: Any = None
    entries: int = 0
    total: int | None = None
    starts: tuple[datetime, ...] = ()
    is_capped: bool = False
    kept: bytes | None = None
    start_over: bool = False


class Feed(ABC):
    """One series of windows of one stream.

    Attributes:
        stream: Folder of the pages.
        name: Tells apart the feeds of one stream; empty if there is only one.
        hours: Width of a window.
        snapshot: The answer describes this moment, not a window; it is fetched once a day.
        first_cursor: The cursor of the first page.
        resumes: Pages of a closed window do not change, so a later fetch continues after those already read.
        keyed: The identity of a row is a key, so a row that comes twice may hide a missing one.
        narrowest: A window that cannot be proven whole is read in halves down to this width, if at all.
    """

    stream: str
    name: str = ""
    hours: int = 24
    snapshot: bool = False
    first_cursor: Any = None
    resumes: bool = False
    keyed: bool = False
    narrowest: timedelta | None = None

    def __init__(self, settings: Api) -> None:
        self.settings = settings

    @property
    def settle(self) -> timedelta:
        """How long after its end a window is requested."""
        return timedelta(minutes=self.settings.settle_minutes)

    def oldest(self, now: datetime) -> datetime | None:
        """Return the oldest time the API still has data for, if it is limited."""
        return None

    @abstractmethod
    def request(self, window: Window, cursor: Any) -> Request:
        """Return the request for a page."""

    @abstractmethod
    def page(self, body: Any, window: Window, cursor: Any, gathered: int) -> Page:
        """Return a parsed body as a page of a window; `gathered` rows came before it.

        Raises:
            BadAnswer: the body is not a page.
            Refusal: the body says that the token is not accepted.
        """

    def buckets(self, window: Window) -> tuple[datetime, ...]:
        """Return where the time buckets of a window start; nothing if the API has none."""
        return ()

    def probe(self, window: Window) -> Request | None:
        """Return a request that succeeds only with a token that sees every row, if the API has one."""
        return None

    def control(self, window: Window) -> Request | None:
        """Return the request for a control total over the window, if the API has one."""
        return None

    def control_total(self, body: Any) -> int:
        """Return the total a control body states, in the unit of `Row.amount`."""
        raise NotImplementedError


def entries(body: Any, key: str = "data") -> list[Any]:
    """Return the list under a key of a body; raises BadAnswer if there is none or it holds no objects."""
    found = body.get(key) if isinstance(body, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        message = words_of(body)
        raise BadAnswer(
            f"the answer has no list of objects under {key!r}" + (f" but says: {message}" if message else "")
        )
    return found


def words_of(body: Any) -> str:
    """Return the message of an error body; empty if there is none."""
    for key in ("error", "message", "detail"):
        inner = body.get(key) if isinstance(body, dict) else None
        if isinstance(inner, list) and inner:  # FastAPI's error of a wrong parameter
            first = inner[0] if isinstance(inner[0], dict) else {}
            place = first.get("loc") if isinstance(first.get("loc"), list) else []
            inner = ": ".join(str(part) for part in [*place[-1:], first.get("msg", "")] if part)
        if isinstance(inner, dict):
            inner = inner.get("message")
        if isinstance(inner, str) and inner:
            return inner
    return ""


def identity(row: dict[str, Any], *without: str) -> bytes:
    """Return the digest of a row's content, without fields that describe the page, not the row."""
    kept = {key: value for key, value in row.items() if key not in without}
    return hashlib.blake2b(json.dumps(kept, sort_keys=True).encode(), digest_size=16).digest()


def cursor_after(body: dict[str, Any], key: str) -> str | None:
    """Return the cursor of the next page where `has_more` announces one.

    Raises:
        BadAnswer: the page does not say whether it is the last, or announces more without a cursor.
    """
    more = body.get("has_more")
    if not isinstance(more, bool):
        raise BadAnswer("the answer does not say whether there are more pages (has_more)")
    if not more:
        return None
    cursor = body.get(key)
    if not isinstance(cursor, str) or not cursor:
        raise BadAnswer(f"the answer announces more pages but gives no {key}")
    return cursor


def number_after(number: int, rows: int, size: int, total: int | None, gathered: int) -> int | None:
    """Return the next page number, or None on the last page.

    A page is the last when it is empty, or when it is not full and the total is reached: some gateways cap totals and
    others page sizes, so neither alone is reliable.
    """
    full = rows >= size
    reached = total is None or gathered + rows >= total
    return None if rows == 0 or (not full and reached) else number + 1


def whole_number(body: dict[str, Any], key: str) -> int | None:
    """Return a whole number of a body, or None."""
    value = body.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def instant(value: Any) -> datetime:
    """Return a time of a row: epoch seconds, or RFC 3339 (UTC if it has no offset).

    Raises:
        BadAnswer: it is neither.
    """
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError, OverflowError, OSError):
        raise BadAnswer("a row has no readable time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def params(pairs: Iterable[tuple[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Return parameters as text, without those that are None."""
    return tuple((name, str(value)) for name, value in pairs if value is not None)


class UsageApi(Protocol):
    """One kind of usage API; a module of a connector has both functions."""

    def headers(self, settings: Any, token: str, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request.

        Raises:
            TokenMissing: the environment lacks a value the headers need.
        """

    def feeds(self, settings: Any) -> list[Feed]:
        """Return the feeds of the configured streams."""
