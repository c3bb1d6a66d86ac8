"""Reading one window to its end, and not believing pages that contradict each other.

    page, page, … until a page says it is the last ──► rows = total? control total? no row twice?
                                                            └── doubtful: read the whole window again

A window that reads the same twice in a row is believed in spite of rows that look repeated or a control total
that differs, and what was odd about it is reported. Fewer rows than the API itself announces are never
believed. An empty page behind others only says that they were the last; it is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingestion.usage_apis.calls import Caller
from ingestion.usage_apis.errors import PagingError
from ingestion.usage_apis.feed import Feed, Page
from ingestion.usage_apis.store import Record, Staging, Store
from ingestion.usage_apis.windows import Window

READINGS = 4
MOST_PAGES = 50_000


@dataclass
class Reading:
    """One pass over the pages of a window."""

    window: Window
    rows: int = 0
    gathered: int = 0
    amount: int = 0
    total: int | None = None
    control: int | None = None
    odd: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _wholes: set[bytes] = field(default_factory=set)
    _identities: set[bytes] = field(default_factory=set)
    _cursors: set[Any] = field(default_factory=set)
    _moved: bool = False

    def take(self, page: Page) -> None:
        """Add a page; what it contradicts is written down."""
        for row in page.rows:
            if row.at is not None and not self.window.lo <= row.at <= self.window.hi:
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
        self.gathered += len(page.rows)
        if self.total is not None and page.total is not None and page.total != self.total:
            self._moved = True
        self.total = page.total if page.total is not None else self.total
        if not page.entries and page.following is not None:
            self._doubt(self.wrong, "a page was empty although more was announced")

    def follow(self, cursor: Any) -> bool:
        """Tell whether a cursor leads on; one that was there before does not."""
        if cursor in self._cursors:
            self._doubt(self.wrong, "a cursor came twice")
            return False
        self._cursors.add(cursor)
        return True

    def conclude(self, control: int | None) -> None:
        """Hold what was read against what the API states."""
        self.control = control
        if self._moved:
            self._doubt(self.odd, "the total changed between pages")
        if self.total is not None and self.gathered < self.total:
            self._doubt(self.wrong, f"{self.gathered} rows were read but {self.total} announced")
        elif self.total is not None and self.gathered > self.total:
            self._doubt(self.odd, f"{self.gathered} rows were read but only {self.total} announced")
        if control is not None and control != self.amount:
            self._doubt(self.odd, f"the rows add up to {self.amount} but the API's own total is {control}")

    @staticmethod
    def _doubt(doubts: list[str], what: str) -> None:
        if what not in doubts:
            doubts.append(what)


class WindowReader:
    """Reads windows of one source's feeds into staging."""

    def __init__(self, source: str, caller: Caller, store: Store) -> None:
        self._source, self._caller, self._store = source, caller, store

    def read(self, feed: Feed, window: Window, staging: Staging, now: datetime) -> tuple[Record, list[str]]:
        """Read a window until it can be believed; its pages are in staging then.

        Returns:
            The record of the window, and what is odd about it.

        Raises:
            PagingError: its pages contradict each other every time.
            UsageApiError: a page could not be had.
        """
        before = None
        for attempt in range(1, READINGS + 1):
            reading = self._pass(feed, window, staging)
            content = tuple(page.sha256 for page in staging.pages)
            if not reading.wrong and (not reading.odd or content == before):
                return _record(feed, reading, staging, now), reading.odd
            before = content
            if attempt < READINGS:
                staging.drop()
                self._caller.pause(attempt)
        doubts = "; ".join(reading.wrong + reading.odd)
        raise PagingError(f"{self._source}: {feed.stream} {window.name} was read {READINGS} times: {doubts}")

    def _pass(self, feed: Feed, window: Window, staging: Staging) -> Reading:
        reading, cursor = Reading(window), feed.first_cursor
        while reading.follow(cursor):
            body, page = self._caller.get(
                feed.request(window, cursor),
                lambda parsed, cursor=cursor, gathered=reading.gathered: feed.page(parsed, cursor, gathered),
            )
            if page.start_over:
                staging.drop()
                reading, cursor = Reading(window), page.following
                continue
            if page.entries or not staging.pages:
                staging.add(body, len(page.rows))
            reading.take(page)
            cursor = page.following
            if cursor is None or reading.wrong:
                break
            if len(staging.pages) >= MOST_PAGES:
                reading.wrong.append(f"no end within {MOST_PAGES} pages")
                break
        if not reading.wrong:
            reading.conclude(self._control(feed, window))
        return reading

    def _control(self, feed: Feed, window: Window) -> int | None:
        request = feed.control(window)
        return None if request is None else self._caller.get(request, feed.control_total)[1]


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
