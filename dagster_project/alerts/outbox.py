"""The files of alerts: what was decided, what is to be sent, what was sent, what is known.

    waiting/<channel>/<notification>.json   for the next digest of the channel
    outbox/<message>.json                   to be sent
    sent/<message>.json                     sent: id, channel, notifications, day; without the text
    known.json                              every alert as it was last seen

Each file appears by one rename. Its name is an id computed from its content, so that a second run finds what the first
one decided. A message in both sent/ and outbox/ was sent; the process ended before it could remove it.

Rulings: docs/decisions/alerts.md#alerts-1.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from dagster_project.alerts.alert import Alert, hashed
from ingestion.files import finished, whole
from ingestion.home import Home

NEW, RESOLVED = "new", "resolved"
DIGEST = "digest"


@dataclass(frozen=True)
class Notification:
    """That an alert is new or resolved, for one channel.

    Attributes:
        kind: new or resolved.
        channel: name of the channel.
        alert: as it was when this was decided.
        day: UTC day on which this was decided.
        covers: ids of notifications that this one makes unnecessary.
    """

    kind: str
    channel: str
    alert: Alert
    day: str
    covers: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Hash of alert, kind and channel."""
        return notification_id(self.alert.id, self.kind, self.channel)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "kind": self.kind,
            "channel": self.channel,
            "alert": self.alert.as_json(),
            "day": self.day,
            "covers": list(self.covers),
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Notification:
        """Return what `as_json` wrote."""
        alert = Alert.from_json(said["alert"])
        return cls(said["kind"], said["channel"], alert, said["day"], tuple(said["covers"]))


@dataclass(frozen=True)
class Message:
    """One message to one channel.

    Attributes:
        id: computed from what is sent; the receiver gets it too.
        channel: name of the channel.
        title: subject line.
        text: plain text.
        html: the same as HTML, for mail.
        notifications: ids of the notifications in it.
        severity: the highest of its alerts.
        day: UTC day on which it was written.
        kind: new, resolved or digest.
    """

    id: str
    channel: str
    title: str
    text: str
    html: str
    notifications: tuple[str, ...]
    severity: str
    day: str
    kind: str


@dataclass(frozen=True)
class Sent:
    """The record of a message that was sent."""

    id: str
    channel: str
    kind: str
    day: str
    notifications: tuple[str, ...]


def notification_id(alert: str, kind: str, channel: str) -> str:
    """Return the id of a notification."""
    return hashed(alert, kind, channel)


def digest_id(channel: str, day: date) -> str:
    """Return the id of a channel's digest of a day."""
    return hashed(DIGEST, channel, day)


class Outbox:
    """The files of one home's alerts; only for the process that holds their lock."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def decided(self) -> set[str]:
        """Return the ids of all notifications that were decided, sent or not."""
        ids = {id for sent in self.sent() for id in sent.notifications}
        for message in self.to_send():
            ids.update(message.notifications)
        for notification in self.waiting():
            ids.update((notification.id, *notification.covers))
        return ids

    def waiting(self) -> Iterator[Notification]:
        """Yield the notifications that wait for a digest, by channel and id."""
        for path in finished(self._home.alerts_waiting, "*/*.json"):
            yield Notification.from_json(_read(path))

    def wait(self, notification: Notification) -> None:
        """Keep a notification for the next digest."""
        folder = self._home.alerts_waiting / notification.channel
        _write(folder / f"{notification.id}.json", notification.as_json())

    def put(self, message: Message) -> None:
        """Write a message to send, and remove its notifications from those that wait."""
        _write(self._home.alerts_outbox / f"{message.id}.json", asdict(message))
        self.forget_waiting(message.channel, message.notifications)

    def forget_waiting(self, channel: str, notifications: tuple[str, ...]) -> None:
        """Remove notifications that are in a message of the channel."""
        for id in notifications:
            (self._home.alerts_waiting / channel / f"{id}.json").unlink(missing_ok=True)

    def to_send(self) -> Iterator[Message]:
        """Yield messages that were not sent; remove those that were sent and left behind."""
        for path in finished(self._home.alerts_outbox, "*.json"):
            if self._sent_file(path.stem).exists():
                path.unlink()
                continue
            said = _read(path)
            yield Message(**{**said, "notifications": tuple(said["notifications"])})

    def note_sent(self, message: Message) -> None:
        """Record that a message was sent."""
        sent = Sent(message.id, message.channel, message.kind, message.day, message.notifications)
        _write(self._sent_file(message.id), asdict(sent))
        (self._home.alerts_outbox / f"{message.id}.json").unlink()

    def sent(self) -> Iterator[Sent]:
        """Yield everything that was sent."""
        for path in finished(self._home.alerts_sent, "*.json"):
            said = _read(path)
            yield Sent(**{**said, "notifications": tuple(said["notifications"])})

    def is_decided(self, message: str) -> bool:
        """Whether a message was written, sent or not."""
        return (self._home.alerts_outbox / f"{message}.json").exists() or self._sent_file(message).exists()

    def known(self) -> dict[str, Any] | None:
        """Return every known alert by id, as deciding.py wrote it; None in the first run."""
        path = self._home.alerts_known
        return _read(path) if path.exists() else None

    def keep_known(self, known: dict[str, Any]) -> None:
        """Write the known alerts if they changed."""
        if known != self.known():
            _write(self._home.alerts_known, known)

    def prune(self, alerts: Collection[str], before: date) -> None:
        """Remove records of messages sent before a day, except those about some alerts and each channel's last digest.

        Args:
            alerts: ids of the alerts that may be found again.
            before: day.
        """
        sent = sorted(self.sent(), key=lambda one: (one.day, one.id))
        last_digests = {one.channel: one.id for one in sent if one.kind == DIGEST}.values()
        old = [one for one in sent if one.day < before.isoformat() and one.id not in last_digests]
        needed = {
            channel: {notification_id(id, kind, channel) for id in alerts for kind in (NEW, RESOLVED)}
            for channel in {one.channel for one in old}
        }
        for record in old:
            if needed[record.channel].isdisjoint(record.notifications):
                self._sent_file(record.id).unlink()

    def _sent_file(self, message: str) -> Path:
        return self._home.alerts_sent / f"{message}.json"


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, content: Any) -> None:
    with whole(path) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
