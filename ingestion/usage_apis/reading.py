"""Read all pages of one window, and check them for contradictions.

    page, page, … until a page says it is the last ──► rows = total? control total? no row twice? every bucket?
                                                            ├── doubtful: read the whole window again
                                                            └── still doubtful, and the API allows it: read its halves

A window that is the same twice in a row is accepted in spite of repeated rows or a different control total, and this is
reported. Fewer rows or buckets than the API announces are never accepted. An empty page after others only marks the
end; it is not kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from ingestion.usage_apis.calls import Caller
from ingestion.usage_apis.errors import AccessRefused, BadAnswer, PagingError
from ingestion.usage_apis.feed import Feed, Page
from ingestion.usage_apis.store import Record, Staging, Store
from ingestion.usage_apis.windows import Window

READINGS = 4
READINGS_BEFORE_HALVES = 2
MOST_PAGES = 50_000


@dataclass
class Reading:
    """One pass over the pages of a window.

    Attributes:
        window: The window.
        keyed: The identity of a row is its key.
        rows: Rows within it.
        gathered: Rows received, those on the window's end included.
        amount: What the rows add up to.
        total: Rows announced by the API, if it did.
        control: The API's own control total, if it has one.
        is_capped: The API stopped counting.
        is_outside: Rows lie outside the window, so a narrower one would not help.
        odd: What is unusual, but possible.
        wrong: Contradictions.
    """

    window: Window
    keyed: bool = False
    rows: int = 0
    gathered: int = 0
    amount: int = 0
    total: int | None = None
    control: int | None = None
    is_capped: bool = False
    is_outside: bool = False
    odd: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _wholes: set[bytes] = field(default_factory=set)
    _identities: set[bytes] = field(default_factory=set)
    _cursors: set[Any] = field(default_factory=set)
    _starts: list[datetime] = field(default_factory=list)
    _moved: bool = False

    def take(self, page: Page) -> None:
        """Add a page and note its contradictions."""
        for row in page.rows:
            if row.at is not None and not self.window.lo <= row.at <= self.window.hi:
                self.is_outside = True
                self._doubt(
                    self.wrong,
                    f"a row of {row.at:%Y-%m-%d %H:%M:%S} lies outside; the API ignores the window or"
                    " reads it in another time zone",
                )
            on_far_edge = row.at == self.window.hi
            self.rows += not on_far_edge
            self.amount += row.amount
        identities = {row.identity for row in page.rows}
        if identities & self._identities:
            self._doubt(self.odd, "a row came on two pages")
        self._identities |= identities
        wholes = {row.whole or row.identity for row in page.rows}
        if wholes and wholes <= self._wholes and page.following is not None:
            self._doubt(self.wrong, "a page brought nothing new although more was announced")
        self._wholes |= wholes
        self._starts += page.starts
        self.gathered += len(page.rows)
        if self.total is not None and page.total is not None and page.total != self.total:
            self._moved = True
        self.total = page.total if page.total is not None else self.total
        if not page.entries and page.following is not None:
            self._doubt(self.wrong, "a page was empty although more was announced")
        if page.is_capped:
            self.is_capped = True
            self._doubt(self.wrong, f"the API stopped counting at {page.total} rows")

    def follow(self, cursor: Any) -> bool:
        """Return whether a cursor is new; a repeated one would not end."""
        if cursor in self._cursors:
            self._doubt(self.wrong, "a cursor came twice")
            return False
        self._cursors.add(cursor)
        return True

    def conclude(self, control: int | None, buckets: Collection[datetime]) -> None:
        """Compare what was read with the API's totals and with the buckets of the window."""
        self.control = control
        if self._moved:
            self._doubt(self.odd, "the total changed between pages")
        came = len(self._identities) if self.keyed else self.gathered
        if self.total is not None and came < self.total:
            what = "different rows" if self.keyed else "rows"
            self._doubt(self.wrong, f"{came} {what} were read but {self.total} announced")
        elif self.total is not None and self.gathered > self.total:
            self._doubt(self.odd, f"{self.gathered} rows were read but only {self.total} announced")
        elif self.keyed and came < self.gathered:
            self._doubt(self.wrong, "a row came twice, so another may be missing")
        if control is not None and control != self.amount:
            self._doubt(self.odd, f"the rows add up to {self.amount} but the API's own total is {control}")
        self._compare_buckets(buckets)

    def _compare_buckets(self, buckets: Collection[datetime]) -> None:
        if not buckets:
            return
        if missing := sorted(set(buckets) - set(self._starts)):
            first = f"{missing[0]:%Y-%m-%d %H:%M}"
            self._doubt(
                self.wrong, f"{len(missing)} of {len(buckets)} buckets are missing, the first that of {first}"
            )
        if strange := sorted(set(self._starts) - set(buckets)):
            first = f"{strange[0]:%Y-%m-%d %H:%M}"
            self._doubt(self.wrong, f"a bucket of {first} came that was not asked for")
        if len(set(self._starts)) < len(self._starts):
            self._doubt(self.wrong, "a bucket came twice")

    def joined(self, later: Reading) -> Reading:
        """Return this reading and that of the following window as one."""
        total = None if self.total is None or later.total is None else self.total + later.total
        return Reading(
            Window(self.window.lo, later.window.hi),
            self.keyed,
            self.rows + later.rows,
            self.gathered + later.gathered,
            self.amount + later.amount,
            total,
            odd=list(dict.fromkeys(self.odd + later.odd)),
        )

    @staticmethod
    def _doubt(doubts: list[str], what: str) -> None:
        if what not in doubts:
            doubts.append(what)


class WindowReader:
    """Reads windows of one source's feeds into staging."""

    def __init__(self, source: str, caller: Caller, store: Store) -> None:
        self._source, self._caller, self._store = source, caller, store

    def read(self, feed: Feed, window: Window, staging: Staging, now: datetime) -> tuple[Record, list[str]]:
        """Read a window until it is consistent; its pages are then in staging.

        Returns:
            The record of the window, and what is odd about it.

        Raises:
            PagingError: its pages contradict each other every time.
            UsageApiError: a page could not be read.
        """
        reading = self._consistent(feed, window, staging)
        return _record(feed, reading, staging, now), reading.odd

    def sees_all(self, feed: Feed, window: Window) -> bool:
        """Return whether the token sees every row; true where the API has no such check.

        Raises:
            UsageApiError: the call failed.
        """
        request = feed.probe(window)
        if request is None:
            return True
        try:
            self._caller.get(request, lambda body: feed.page(body, window, feed.first_cursor, 0))
        except AccessRefused:
            return False
        return True

    def _consistent(self, feed: Feed, window: Window, staging: Staging) -> Reading:
        """Read a window after the pages already in staging, whole or in halves, until it is consistent."""
        behind, before = len(staging.pages), None
        middle = _middle(window, feed.narrowest)
        readings = READINGS_BEFORE_HALVES if middle else READINGS
        for attempt in range(1, readings + 1):
            reading = self._pass(feed, window, staging)
            content = tuple(page.sha256 for page in staging.pages[behind:])
            if not reading.wrong and (not reading.odd or content == before):
                return reading
            before = content
            if reading.is_capped and middle:
                break
            if attempt < readings:
                staging.drop(behind)
                self._caller.pause(attempt)
        if middle and not reading.is_outside:
            staging.drop(behind)
            earlier = self._consistent(feed, Window(window.lo, middle), staging)
            return earlier.joined(self._consistent(feed, Window(middle, window.hi), staging))
        doubts = "; ".join(reading.wrong + reading.odd)
        is_full = feed.narrowest is not None and not reading.is_outside
        hint = "; it cannot be halved further, so raise api.page_size" if is_full else ""
        what = f"{self._source}: {feed.stream} {window.name} was read {readings} times"
        raise PagingError(f"{what}: {doubts}{hint}")

    def _pass(self, feed: Feed, window: Window, staging: Staging) -> Reading:
        reading, cursor, behind = Reading(window, feed.keyed), feed.first_cursor, len(staging.pages)
        while reading.follow(cursor):
            read = partial(feed.page, window=window, cursor=cursor, gathered=reading.gathered)
            left = _left(staging, read)
            body, page = left or self._caller.get(feed.request(window, cursor), read)
            if page.start_over:
                reading, cursor = Reading(window, feed.keyed), page.following
                continue
            if page.entries or len(staging.pages) == behind:
                staging.add(page.kept or body, len(page.rows))
            reading.take(page)
            cursor = page.following
            if cursor is None or reading.wrong:
                break
            if len(staging.pages) >= MOST_PAGES:
                reading.wrong.append(f"no end within {MOST_PAGES} pages")
                break
        if not reading.wrong:
            reading.conclude(self._control(feed, window), feed.buckets(window))
        return reading

    def _control(self, feed: Feed, window: Window) -> int | None:
        request = feed.control(window)
        return None if request is None else self._caller.get(request, feed.control_total)[1]


def _middle(window: Window, narrowest: timedelta | None) -> datetime | None:
    """Return the full second in the middle of a window, or None if it may not be halved."""
    seconds = (window.hi - window.lo) // timedelta(seconds=1)
    if narrowest is None or window.hi - window.lo <= narrowest:
        return None
    return window.lo + timedelta(seconds=seconds // 2)


def _left(staging: Staging, read: Callable[[Any], Page]) -> tuple[bytes, Page] | None:
    """Return the next page if an earlier fetch left it; an unreadable one is incomplete and dropped."""
    body = staging.left()
    if body is None:
        return None
    try:
        return body, read(json.loads(body))
    except (ValueError, BadAnswer):
        staging.drop(len(staging.pages))
        return None


def _record(feed: Feed, reading: Reading, staging: Staging, now: datetime) -> Record:
    return Record(
        stream=feed.stream,
        feed=feed.name,
        window=reading.window.name,
        fetched_at=now.isoformat(),
        rows=reading.rows,
        total=reading.total,
        control=reading.control,
        counted=None if reading.control is None else reading.amount,
        pages=tuple(staging.pages),
    )
