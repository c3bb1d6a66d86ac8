"""Bring landing/ up to date with a usage API, window by window, requesting only what can be new.

    since … now − settling ──► windows ──► not landed, or young enough to change ──► read ──► landed whole

A window is requested again until it was read once after its look-back; it is replaced only if its pages differ, and
never by much fewer rows. A window that contradicts itself does not block the others: the fetch goes on and fails at the
end. Where pages of a closed window do not change, those read before the API failed are kept, and the next fetch
continues after them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from ingestion.home import Home
from ingestion.usage_apis.calls import Caller, token_of
from ingestion.usage_apis.errors import BadAnswer, PagingError, UsageApiError
from ingestion.usage_apis.feed import Feed, UsageApi
from ingestion.usage_apis.reading import WindowReader
from ingestion.usage_apis.settings import Api
from ingestion.usage_apis.store import Record, Staging, Store
from ingestion.usage_apis.windows import Window, midnight, plan

_FIRST_FETCH_DAYS = 30
_LEAST_SHARE = (8, 10)
"""A window that returns less than this share of its earlier rows is not replaced."""


@dataclass
class FetchResult:
    """What a fetch did.

    Attributes:
        windows: Windows that landed, new or with new content.
        pages: Pages of these.
        rows: Rows within these.
        unchanged: Windows that were requested again and had not changed.
        skipped: Windows that are complete and were not requested.
        findings: Sentences for the user.
    """

    windows: int = 0
    pages: int = 0
    rows: int = 0
    unchanged: int = 0
    skipped: int = 0
    findings: list[str] = field(default_factory=list)


def fetch(
    home: Home,
    source_name: str,
    settings: Api,
    api: UsageApi,
    now: datetime,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> FetchResult:
    """Land every closed window of a source's usage API that is new or may have changed.

    The caller holds the home's writer lock.

    Args:
        home: where landing/ is.
        source_name: folder below landing/.
        settings: the source's `api:` settings.
        api: the headers and feeds of this kind of API (`ingestion.connectors.usage_apis`).
        now: the moment to read up to, with a zone; a second fetch with the same moment requests nothing.
        sleep: waits, between tries and for the API's rate.
        clock: monotonic seconds, for the API's rate.

    Raises:
        ValueError: `now` has no zone.
        TokenMissing: the token is not in the environment.
        AccessRefused: the API refuses the token; what landed before stays.
        CallFailed: a call failed; what landed before stays.
        PagingError: some windows contradict themselves; all others have landed.
    """
    if now.tzinfo is None:
        raise ValueError("now must have a zone")
    now = now.astimezone(UTC)
    store = Store(home, source_name)
    store.recover()
    token = token_of(settings)
    headers = api.headers(settings, token, os.environ)
    with Caller(source_name, settings, headers, token, sleep, clock) as caller:
        run = _Run(source_name, settings, store, WindowReader(source_name, caller, store), now)
        try:
            for feed in api.feeds(settings):
                run.bring_up(feed)
        except UsageApiError as error:
            raise type(error)("\n".join([*run.contradictions, str(error)]), run.result.findings) from None
    if run.contradictions:
        raise PagingError("\n".join(run.contradictions), run.result.findings)
    return run.result


class _Run:
    """One fetch."""

    def __init__(self, source: str, settings: Api, store: Store, reader: WindowReader, now: datetime) -> None:
        self.result, self.contradictions = FetchResult(), []
        self._source, self._settings, self._store = source, settings, store
        self._reader, self._now = reader, now

    def bring_up(self, feed: Feed) -> None:
        """Land what is missing or may have changed of one feed, oldest first."""
        records = self._store.records(feed.stream, feed.name)
        oldest, forgotten, is_checked = feed.oldest(self._now), [], False
        windows = self._windows(feed, records)
        if feed.resumes:
            self._store.forget_partial(feed.stream, windows)
        for window in windows:
            record = records.get(window)
            gone = oldest is not None and window.lo < oldest
            if record and self._has_landed(feed, record) and (gone or self._is_final(feed, record)):
                self.result.skipped += 1
            elif gone:
                forgotten.append(window)
            else:
                if not is_checked:
                    self._check_that_token_sees_all(feed, window)
                    is_checked = True
                self._land(feed, window, record)
        if forgotten:
            self.result.findings.append(
                f"{self._source}: {feed.stream} has {len(forgotten)} windows, {forgotten[0].lo.date()} to"
                f" {forgotten[-1].lo.date()}, that never landed and that the API no longer has; move since"
            )

    def _windows(self, feed: Feed, records: dict[Window, Record]) -> list[Window]:
        today = self._now.date()
        if feed.snapshot:
            return [Window.day(today)]
        first = self._settings.since
        if first is None:
            first = (midnight(today) - timedelta(days=_FIRST_FETCH_DAYS)).date()
            first = min([first, *(window.lo.date() for window in records)])
        return plan(first, self._now - feed.settle, feed.hours, list(records))

    def _has_landed(self, feed: Feed, record: Record) -> bool:
        """Return whether a window's pages are there; a window without rows must have its buckets.

        Version 0.2 accepted an answer without any bucket as a window without usage.
        """
        if not self._store.is_whole(record):
            return False
        buckets = feed.buckets(record.span)
        if record.rows or not buckets:
            return True
        try:
            pages = [feed.page(json.loads(body), record.span, None, 0) for body in self._store.bodies(record)]
        except (ValueError, BadAnswer):
            return False
        return {start for page in pages for start in page.starts} == set(buckets)

    def _is_final(self, feed: Feed, record: Record) -> bool:
        """Return whether a window need not be read again: read after its look-back, or at this very moment."""
        look_back = timedelta(days=self._settings.look_back_days)
        return feed.snapshot or record.fetched() >= min(self._now, record.span.hi + look_back)

    def _check_that_token_sees_all(self, feed: Feed, window: Window) -> None:
        """Report a token that gets only its own rows."""
        if not self._reader.sees_all(feed, window):
            self.result.findings.append(
                f"{self._source}: {feed.stream}: the token in {self._settings.token_env} is not a proxy admin's, so the"
                " API returns only the token's own calls and does not say so; use an admin's, or write"
                " own_calls_only: true if that is meant"
            )

    def _land(self, feed: Feed, window: Window, before: Record | None) -> None:
        staging = self._store.stage(feed.stream, window, feed.name, feed.resumes)
        try:
            record, odd = self._reader.read(feed, window, staging, self._now)
        except PagingError as error:
            self.contradictions.append(str(error))
            self._store.discard(staging)
            return
        except UsageApiError as error:
            if not (feed.resumes and staging.pages):
                self._store.discard(staging)
                raise
            kept = f"{len(staging.pages)} pages of {feed.stream} {window.name} are kept"
            raise type(error)(f"{error}; {kept}, and the next fetch continues after them") from None
        self._keep(feed, record, before, staging)
        self._store.discard(staging)
        self.result.findings += [f"{self._source}: {feed.stream} {window.name}: {what}" for what in odd]

    def _keep(self, feed: Feed, record: Record, before: Record | None, staging: Staging) -> None:
        """Land a window that was read, if it is new and not suspiciously short."""
        if before and before.pages == record.pages and self._store.is_whole(before):
            self._store.renew(replace(before, fetched_at=record.fetched_at))
            self.result.unchanged += 1
            return
        least, of = _LEAST_SHARE
        if before and record.rows * of < before.rows * least:
            self.result.findings.append(
                f"{self._source}: {feed.stream} {record.window} came back with {record.rows} rows but"
                f" {before.rows} had landed; those are kept. If the new ones are right, delete"
                " the window's record and pages"
            )
            return
        self._store.commit(staging, record)
        self.result.windows += 1
        self.result.pages += len(record.pages)
        self.result.rows += record.rows
