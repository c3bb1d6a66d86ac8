"""Send alerts: collect them, decide, write to the outbox, send.

    published marts, the night, heartbeat ─► decide ─► waiting/, outbox/ ─► known.json ─► digests that are due ─► send

A process may end at any moment: before a file of waiting/ or outbox/ exists, the next call decides the same again;
after that, the next call sends it. Errors do not stop a run; they are in the result.

Rulings: docs/decisions/alerts.md#alerts-1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import duckdb

from dagster_project.alerts import from_marts, nights, rendering, sending
from dagster_project.alerts.alert import Alert, Kind
from dagster_project.alerts.channels import AlertSettingsError, Channel, channels, variable_of
from dagster_project.alerts.deciding import KEPT_DAYS, Decision, decide
from dagster_project.alerts.nights import NightFacts
from dagster_project.alerts.outbox import DIGEST, Notification, Outbox, digest_id
from dagster_project.alerts.routes import Routes, routes
from dagster_project.alerts.silencing import silence
from dagster_project.books.published import NothingPublished, published
from dagster_project.clock import today
from dagster_project.printable import counted
from dagster_project.reports import incidents
from ingestion.config.own import OwnTableError
from ingestion.home import Home
from ingestion.locks import LockHeld, held
from ingestion.redaction import masked

#: For how many seconds to wait for another process that sends.
WAIT_SECONDS = 300.0


@dataclass(frozen=True)
class Outcome:
    """The result of sending.

    Attributes:
        sent: titles of the messages that were sent.
        waiting: number of notifications that wait for a digest.
        undelivered: why messages were not sent, one sentence each; they are kept.
        stale: that no run has finished in time; empty if one has.
    """

    sent: tuple[str, ...] = ()
    waiting: int = 0
    undelivered: tuple[str, ...] = ()
    stale: str = ""

    def lines(self) -> Iterator[str]:
        """Yield it as text; nothing where nothing was to be sent."""
        if self.sent or self.waiting:
            waiting = f", {self.waiting} for the next digest" if self.waiting else ""
            yield f"alerts    {counted(len(self.sent), 'message')} sent{waiting}"
        for sentence in self.undelivered:
            yield f"not sent: {sentence}"


def send_alerts(home: Home, night: NightFacts | None = None, now: datetime | None = None) -> Outcome:
    """Send what is new, and what could not be sent before.

    Args:
        home: whose published marts are read.
        night: facts of the run that has just ended; without them it is checked whether a run is missing.
        now: the current time, UTC with zone.
    """
    try:
        known_channels = channels(home)
        chosen = routes(home, known_channels)
        if not chosen.routes and not home.alerts.is_dir():
            return _only_heartbeat(home, night, now)
        with held(home.alerts_lock, WAIT_SECONDS):
            return _send(home, known_channels, chosen, night, now or datetime.now(UTC))
    except (AlertSettingsError, OwnTableError) as error:
        return Outcome(undelivered=tuple(str(error).splitlines()))
    except LockHeld as error:
        return Outcome(
            undelivered=(f"process {error.holder} is sending alerts; the next run sends the rest",)
        )
    except (OSError, ValueError, duckdb.Error) as error:
        # A full disk, a damaged file: the marts are published, and the run says what is wrong.
        return Outcome(undelivered=(masked(f"{type(error).__name__}: {error}"),))


def send_test(home: Home, name: str | None) -> Outcome:
    """Send a test message to a channel, or to all of them; writes nothing.

    Raises:
        AlertSettingsError: there is no such channel, or none, or the settings cannot be used.
    """
    now = datetime.now(UTC)
    found = channels(home)
    routes(home, found)
    if name is not None and name not in found:
        raise AlertSettingsError(_no_url(home, name))
    if not found:
        raise AlertSettingsError(
            f"no channel has a URL; write {variable_of('ops')} into the environment,"
            f" or `ops = …` into {home.alert_urls} (chmod 600)"
        )
    sent, undelivered = [], []
    for channel in [found[name]] if name else found.values():
        message = rendering.test_message(channel.name, f"test-{now:%Y%m%dT%H%M%S%f}", now.date())
        try:
            sending.send(channel, message)
            sent.append(message.title)
        except sending.NotSent as error:
            undelivered.append(str(error))
    return Outcome(tuple(sent), 0, tuple(undelivered))


def _only_heartbeat(home: Home, night: NightFacts | None, now: datetime | None) -> Outcome:
    """Check whether a run is missing in a home without channels."""
    if night is not None:
        return Outcome()
    return Outcome(stale=_stale(list(nights.of_heartbeat(home, now or datetime.now(UTC)))))


def _send(
    home: Home, known_channels: dict[str, Channel], chosen: Routes, night: NightFacts | None, now: datetime
) -> Outcome:
    outbox, day = Outbox(home), today()
    known = outbox.known()
    found, complete_kinds = _collect(home, night, now, is_first=known is None)
    decision = decide(found, complete_kinds, known, outbox.decided(), chosen, silence(home, day), day)
    for notification, is_immediate in decision.notifications:
        if is_immediate:
            outbox.put(rendering.immediate(notification, day))
        else:
            outbox.wait(notification)
    outbox.keep_known(decision.known)
    outbox.prune(decision.known, day - KEPT_DAYS)
    stale = "" if night else _stale(found)
    _write_digests(outbox, chosen, decision, day, is_final=bool(night or stale))
    sent, undelivered = _send_all(home, outbox, known_channels)
    waiting = sum(1 for _ in outbox.waiting())
    return Outcome(tuple(sent), waiting, tuple(undelivered), stale)


def _collect(
    home: Home, night: NightFacts | None, now: datetime, is_first: bool
) -> tuple[list[Alert], set[Kind]]:
    """Return the current alerts, and the kinds of which they are complete."""
    found, complete_kinds = [], {Kind.HEARTBEAT}
    found += nights.of_night(night) if night else nights.of_heartbeat(home, now)
    if night and night.is_published:
        complete_kinds |= {Kind.NIGHT, Kind.CHECK}
    elif night:
        complete_kinds.discard(Kind.HEARTBEAT)
    try:
        with published(home) as marts:
            rows = incidents.read(marts)
            found += from_marts.silent_sources(marts, rows)
            found += from_marts.budgets(marts, with_last_month=not is_first)
            found += from_marts.credits(marts)
        found += [from_marts.of_incident(one) for one in rows]
        complete_kinds.add(Kind.INCIDENT)
    except NothingPublished:
        pass
    return [alert.without_secrets() for alert in found], complete_kinds


def _write_digests(outbox: Outbox, chosen: Routes, decision: Decision, day: date, is_final: bool) -> None:
    """Write today's digest of each channel that needs one and has none.

    Unless `is_final`, notifications of earlier days wait for the run of today, so that there is one digest a day and it
    has what that run finds.
    """
    waiting: dict[str, list[Notification]] = {}
    written = {id for message in outbox.to_send() for id in message.notifications}
    for notification in outbox.waiting():
        if notification.id in written:
            outbox.forget_waiting(notification.channel, (notification.id,))
        else:
            waiting.setdefault(notification.channel, []).append(notification)
    last = {
        sent.channel: sent.day
        for sent in sorted(outbox.sent(), key=lambda one: one.day)
        if sent.kind == DIGEST
    }
    for channel in sorted({*waiting, *chosen.channels}):
        if outbox.is_decided(digest_id(channel, day)):
            continue
        still_open = [alert for alert in decision.still_open.values() if channel in chosen.of(alert)]
        is_reminder_due = (
            is_final
            and bool(still_open)
            and channel in last
            and date.fromisoformat(last[channel]) <= day - timedelta(days=chosen.remind_days)
        )
        own = waiting.get(channel, [])
        if any(is_final or one.day == day.isoformat() for one in own) or is_reminder_due:
            # With the figures of now.
            own = [replace(one, alert=decision.still_open.get(one.alert.id, one.alert)) for one in own]
            outbox.put(rendering.digest(channel, day, own, still_open))


def _send_all(home: Home, outbox: Outbox, known_channels: dict[str, Channel]) -> tuple[list[str], list[str]]:
    """Send the messages of the outbox; after an error a channel is left out until the next run."""
    sent: list[str] = []
    failed: dict[str, list[str]] = {}
    for message in sorted(outbox.to_send(), key=lambda one: (one.kind == DIGEST, one.day, one.id)):
        channel = known_channels.get(message.channel)
        if message.channel in failed:
            failed[message.channel].append("")
            continue
        try:
            if channel is None:
                raise sending.NotSent(_no_url(home, message.channel))
            sending.send(channel, message)
        except sending.NotSent as error:
            failed[message.channel] = [str(error)]
            continue
        outbox.note_sent(message)
        sent.append(message.title)
    return sent, [
        f"{why}; {counted(1 + len(rest), 'message waits', 'messages wait')}"
        " for the next run or `tollbook alerts check`"
        for why, *rest in failed.values()
    ]


def _no_url(home: Home, channel: str) -> str:
    return (
        f"{channel}: no channel of this name has a URL; write {variable_of(channel)} into the environment,"
        f" or `{channel} = …` into {home.alert_urls} (chmod 600)"
    )


def _stale(found: list[Alert]) -> str:
    return next(
        (
            f"{alert.title}: {alert.numbers[0][0]} {alert.numbers[0][1]}"
            for alert in found
            if alert.kind is Kind.HEARTBEAT
        ),
        "",
    )
