"""Bring raw/ up to what Stripe says, reading only what can have changed.

    for each stream:  list [mark − overlap, now − 60 s) ─► versions that are new ─► raw/stripe_*/
                      read open objects again by id      ─┘
    then, and only then, move the marks

A run that dies leaves whole files and old marks; the next one reads the window again and finds its versions
known. The newest minute is left out because a list may not show yet what was just made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import stripe

from ingestion.home import Home
from ingestion.stripe_api.pages import pages, retrieve
from ingestion.stripe_api.state import read_marks, write_marks
from ingestion.stripe_api.streams import STREAMS, Object, Stream
from ingestion.stripe_api.versions import append, latest

OVERLAP = timedelta(days=3)
"""How far before the mark a list starts: metadata and status often follow an object by hours."""

NOT_YET_LISTED = timedelta(seconds=60)
OPEN_FOR = timedelta(days=180)
"""Open objects older than this are no longer read again one by one: abandoned checkouts never close."""

_ROWS_PER_FILE = 20_000


@dataclass
class StreamResult:
    """What a sync did for one stream: objects listed, objects read again by id, versions that were new."""

    listed: int = 0
    reread: int = 0
    new_versions: int = 0
    vanished: list[str] = field(default_factory=list)


@dataclass
class SyncResult:
    """What a sync did; `window_end` is exclusive, UTC without zone."""

    window_end: datetime
    streams: dict[str, StreamResult]

    @property
    def new_versions(self) -> int:
        """Rows added to raw/."""
        return sum(stream.new_versions for stream in self.streams.values())


def sync(
    home: Home,
    client: stripe.StripeClient,
    source: str,
    now: datetime,
    sleep: Callable[[float], None] = time.sleep,
) -> SyncResult:
    """Land every version of every payment object that is new since the last sync.

    Args:
        home: where raw/ is.
        client: made by `make_client`.
        source: name of the account, as it stands in the raw column `source`.
        now: the moment to read up to, with a zone; the same moment gives the same rows.
        sleep: waits between tries.

    Raises:
        ListingError: Stripe's pages contradict each other; the marks stay.
        stripe.StripeError: Stripe refused or stayed away; the marks stay.
    """
    end = now.astimezone(UTC).replace(tzinfo=None, microsecond=0) - NOT_YET_LISTED
    marks = read_marks(home, source)
    results, reached = {}, dict(marks)
    for stream in STREAMS:
        run = _StreamRun(home, getattr(client.v1, stream.name), stream, source, end, sleep)
        newest = run.read(marks.get(stream.name))
        results[stream.name] = run.result
        if newest is not None:
            reached[stream.name] = newest
    write_marks(home, source, reached)
    return SyncResult(end, results)


class _StreamRun:
    """One stream of one sync."""

    def __init__(
        self,
        home: Home,
        service: Any,
        stream: Stream,
        source: str,
        end: datetime,
        sleep: Callable[[float], None],
    ) -> None:
        self.result = StreamResult()
        self._home, self._service, self._stream, self._source = home, service, stream, source
        self._end, self._sleep = end, sleep
        known = latest(home, stream, source)
        self._hashes = dict(zip(known[stream.id_column], known["content_sha256"], strict=True))
        unfinished = ~pl.col("status").is_in(sorted(stream.final)).fill_null(False)
        young = pl.col("created_at") >= end - OPEN_FOR
        self._open = set(known.filter(unfinished & young)[stream.id_column])
        self._fresh: list[dict[str, Any]] = []

    def read(self, mark: int | None) -> int | None:
        """Read the window and the open objects; return the newest creation second listed, or the old mark."""
        newest = mark
        for found in self._listed(mark):
            newest = found["created"] if newest is None else max(newest, found["created"])
            self._open.discard(found["id"])
            self._keep(found, "list")
        for identifier in sorted(self._open):
            found = retrieve(self._service, identifier, self._sleep)
            if found is None:
                self.result.vanished.append(identifier)
            else:
                self.result.reread += 1
                self._keep(found, "open_set")
        self._flush()
        return newest

    def _listed(self, mark: int | None) -> Iterator[Object]:
        high = int(self._end.replace(tzinfo=UTC).timestamp())
        low = 0 if mark is None else max(0, mark - int(OVERLAP.total_seconds()))
        for page in pages(self._service, min(low, high), high, self._sleep):
            self.result.listed += len(page)
            yield from page

    def _keep(self, found: Object, origin: str) -> None:
        row = self._stream.row(found, self._source, self._end, origin)
        if self._hashes.get(found["id"]) != row["content_sha256"]:
            self._fresh.append(row)
        if len(self._fresh) >= _ROWS_PER_FILE:
            self._flush()

    def _flush(self) -> None:
        append(self._home, self._stream, self._fresh, self._end)
        self.result.new_versions += len(self._fresh)
        self._fresh = []
