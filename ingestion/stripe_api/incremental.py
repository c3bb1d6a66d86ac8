"""Bring raw/ up to date with Stripe, reading only what can have changed.

    plan.py decides how far back ─► feed.py: ids that changed
    for each stream: stream_run.py ─► versions that are new ─► staged in raw/stripe_*/
    then move the marks ─► publish the staged versions

A sync killed before the marks move publishes nothing, so a payment and its refund are never from different moments; the
next sync reads the window again. One killed after that is completed by the next. The newest minute is left out because
a list may not show the newest objects yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import stripe

from ingestion.home import Home
from ingestion.stripe_api.feed import Changed, changed
from ingestion.stripe_api.plan import Plan, Reach, make_plan
from ingestion.stripe_api.state import last_sync, read_marks, write_marks
from ingestion.stripe_api.stream_run import StreamResult, StreamRun
from ingestion.stripe_api.streams import STREAMS
from ingestion.stripe_api.versions import publish

NOT_YET_LISTED = timedelta(seconds=60)
_DAY_S = 86_400


@dataclass
class SyncResult:
    """What a sync did.

    Attributes:
        window_end: end of every window, exclusive, UTC without zone.
        streams: what was done for each stream.
        reach: how far back was read, and why: first, nightly, weekly, monthly or gap.
        events: events in the change feed.
        warnings: sentences for the user.
    """

    window_end: datetime
    streams: dict[str, StreamResult]
    reach: Reach
    events: int
    warnings: list[str]

    @property
    def new_versions(self) -> int:
        """Rows added to raw/."""
        return sum(stream.new_versions for stream in self.streams.values())

    @property
    def drift(self) -> int:
        """Changes found only by a weekly or monthly sync; should be 0."""
        return sum(len(stream.drifted) for stream in self.streams.values())

    @property
    def other_mode(self) -> int:
        """Objects of the other mode: live in a test account, or the reverse."""
        return sum(stream.other_mode for stream in self.streams.values())


def sync(
    home: Home,
    client: stripe.StripeClient,
    source: str,
    now: datetime,
    sleep: Callable[[float], None] = time.sleep,
    livemode: bool | None = None,
) -> SyncResult:
    """Land every version of every payment object that is new since the last sync.

    Args:
        home: where raw/ is.
        client: made by `make_client`.
        source: name of the account, as in the raw column `source`.
        now: the moment to read up to, with a zone; the same moment gives the same rows.
        sleep: waits between tries.
        livemode: expected `livemode` of objects; others land as well and are counted. None counts nothing.

    Raises:
        ListingError: Stripe's pages contradict each other; the marks stay.
        stripe.StripeError: Stripe refused or did not answer; the marks stay.
    """
    end = now.astimezone(UTC).replace(tzinfo=None, microsecond=0) - NOT_YET_LISTED
    marks = read_marks(home, source)
    publish(home, STREAMS, last_sync(home, source))
    sync_id = time.time_ns()
    plan = make_plan(marks, end)
    ids, events = _feed(client, plan, sleep)
    results, reached, warnings = {}, dict(marks), list(plan.warnings)
    for stream in STREAMS:
        service, mark = getattr(client.v1, stream.name), marks.get(stream.name)
        named = ids.get(stream.name, set())
        run = StreamRun(home, service, stream, source, plan, mark, named, livemode, sleep, sync_id)
        newest = run.read()
        results[stream.name] = run.result
        warnings += run.warnings
        if newest is not None:
            reached[stream.name] = newest
    result = SyncResult(end, results, plan.reach, events, warnings)
    _drop_changes_during_sync(result, client, plan, sleep)
    write_marks(home, source, reached | plan.marks_after(), sync_id if result.new_versions else None)
    publish(home, STREAMS, sync_id)
    return result


def _feed(client: stripe.StripeClient, plan: Plan, sleep: Callable[[float], None]) -> tuple[Changed, int]:
    """Read the change feed, unless everything is read anyway."""
    if plan.events_from is None:
        return {}, 0
    return changed(client.v1.events, plan.events_from, plan.high, sleep)


def _drop_changes_during_sync(
    result: SyncResult, client: stripe.StripeClient, plan: Plan, sleep: Callable[[float], None]
) -> None:
    """Remove from the drift what changed while the sync ran: the next sync would have found it."""
    if not result.drift:
        return
    just_now, _ = changed(client.v1.events, plan.high, plan.high + _DAY_S, sleep)
    for name, stream in result.streams.items():
        stream.drifted = sorted(set(stream.drifted) - just_now.get(name, set()))
