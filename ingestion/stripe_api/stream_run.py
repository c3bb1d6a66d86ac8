"""One stream of one sync: list its window, fetch by id what the list cannot show, keep new versions.

    list [low, high)                      ─► list
    named by the change feed, not listed  ─► event     ┐
    still open, not listed                ─► open_set  ├ by id; gone ─► tombstone
    known, in the window, not listed      ─► retrieve  ┘

Each object is read at most once per sync, so its versions have an order. How far back to list is plan.py.

Rulings: docs/decisions/invoices-and-payments.md#invoices-10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion.home import Home
from ingestion.stripe_api.pages import pages, retrieve
from ingestion.stripe_api.plan import Plan
from ingestion.stripe_api.shape import OVERLAP, TOMBSTONE, Object, ObjectKind
from ingestion.stripe_api.versions import append, last_row, latest

OPEN_FOR = timedelta(days=180)
"""Open objects older than this are no longer fetched by id: abandoned checkouts never close. The change feed and the
monthly sync still cover them."""

_ROWS_PER_FILE = 20_000
_TICK = timedelta(microseconds=1)


@dataclass
class StreamResult:
    """What a sync did for one stream.

    Attributes:
        listed: objects its lists showed.
        reread: objects read again by id.
        new_versions: rows added to raw/, tombstones among them.
        vanished: ids that got a tombstone.
        drifted: ids whose change only a weekly or monthly sync found; there should be none.
        other_mode: objects of the other mode (live in a test account or the reverse).
    """

    listed: int = 0
    reread: int = 0
    new_versions: int = 0
    vanished: list[str] = field(default_factory=list)
    drifted: list[str] = field(default_factory=list)
    other_mode: int = 0


@dataclass(frozen=True)
class Known:
    """The last version of an object in raw/."""

    content_sha256: str
    status: str | None
    created_at: datetime
    fetched_at: datetime
    gone: bool


class StreamRun:
    """One stream of one sync."""

    def __init__(
        self,
        home: Home,
        service: Any,
        stream: ObjectKind,
        source: str,
        plan: Plan,
        mark: int | None,
        changed: set[str],
        livemode: bool | None,
        sleep: Callable[[float], None],
        sync_id: int,
    ) -> None:
        self.result = StreamResult()
        self.warnings: list[str] = []
        self._home, self._service, self._stream, self._source = home, service, stream, source
        self._plan, self._mark, self._changed, self._sleep = plan, mark, changed, sleep
        self._livemode, self._sync_id = livemode, sync_id
        self._end = datetime.fromtimestamp(plan.high, UTC).replace(tzinfo=None)
        columns = latest(home, stream, source)
        self._known = {row[0]: Known(*row[1:-1], gone=row[-1] == TOMBSTONE) for row in columns.iter_rows()}
        self._open = {identifier for identifier, known in self._known.items() if self._is_open(known)}
        self._listed: set[str] = set()
        self._fresh: list[dict[str, Any]] = []

    def read(self) -> int | None:
        """Read the stream; return the newest creation second listed, or the old mark."""
        newest = self._mark
        for found in self._list():
            newest = found["created"] if newest is None else max(newest, found["created"])
            self._keep(found, "list")
        for identifier, origin in self._unlisted():
            found = retrieve(self._service, identifier, self._sleep)
            if found is None:
                self._note_gone(identifier)
            else:
                self.result.reread += 1
                self._keep(found, origin)
        self._flush()
        return newest

    def _is_open(self, known: Known) -> bool:
        """Return whether changes may follow; a deleted object is fetched for a few more days."""
        if known.gone:
            return known.fetched_at > self._end - OVERLAP
        return known.status not in self._stream.final and known.created_at >= self._end - OPEN_FOR

    def _list(self) -> Iterator[Object]:
        low = self._plan.low(self._stream, self._mark)
        for page in pages(self._service, low, self._plan.high, self._sleep):
            self.result.listed += len(page)
            self._listed.update(found["id"] for found in page)
            yield from page

    def _unlisted(self) -> list[tuple[str, str]]:
        """Return (id, origin) of every object to fetch by id."""
        low = self._plan.low(self._stream, self._mark)
        begins = datetime.fromtimestamp(low, UTC).replace(tzinfo=None)
        missing = {
            identifier
            for identifier, known in self._known.items()
            if not known.gone and begins <= known.created_at < self._end
        }
        origins = dict.fromkeys(missing, "retrieve")
        origins |= dict.fromkeys(self._open, "open_set")
        origins |= dict.fromkeys(self._changed, "event")
        return sorted(
            (identifier, origin) for identifier, origin in origins.items() if identifier not in self._listed
        )

    def _keep(self, found: Object, origin: str) -> None:
        """Add an object if it differs from its last version."""
        if self._livemode is not None and found.get("livemode") is (not self._livemode):
            self.result.other_mode += 1
        self._add(self._stream.row(found, self._source, self._end, origin))

    def _note_gone(self, identifier: str) -> None:
        """Add a tombstone for a known object; one never seen needs none."""
        known = self._known.get(identifier)
        if known is None:
            return
        if not known.gone and known.status not in self._stream.may_vanish:
            self.warnings.append(
                f"{self._stream.object_name} {identifier} ({known.status}) is gone from Stripe, which never "
                "deletes one: was the key changed to another account?"
            )
        row = last_row(self._home, self._stream, self._source, identifier)
        if self._add(self._stream.tombstone(row, self._end)):
            self.result.vanished.append(identifier)

    def _add(self, row: dict[str, Any]) -> bool:
        """Add a version if it is new, timed after the last one even if the clock went back."""
        identifier = row[self._stream.id_column]
        known = self._known.get(identifier)
        if known is not None and known.content_sha256 == row["content_sha256"]:
            return False
        if known is not None:
            row["fetched_at"] = max(row["fetched_at"], known.fetched_at + _TICK)
        if self._plan.checks_drift and self._is_drift(identifier, row["created_at"]):
            self.result.drifted.append(identifier)
        self._fresh.append(row)
        if len(self._fresh) >= _ROWS_PER_FILE:
            self._flush()
        return True

    def _is_drift(self, identifier: str, created_at: datetime) -> bool:
        """Return whether a nightly sync would have missed a change of this object."""
        nightly = datetime.fromtimestamp(self._plan.nightly_low(self._stream, self._mark), UTC)
        return (
            created_at < nightly.replace(tzinfo=None)
            and identifier not in self._changed
            and identifier not in self._open
        )

    def _flush(self) -> None:
        append(self._home, self._stream, self._fresh, self._end, self._sync_id)
        self.result.new_versions += len(self._fresh)
        self._fresh = []
