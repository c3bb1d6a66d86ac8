"""Data of `tollbook alerts list`: channels, routes, open alerts, messages; and finding an alert by its id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dagster_project.alerts.alert import Alert
from dagster_project.alerts.channels import channels
from dagster_project.alerts.outbox import Message, Notification, Outbox, Sent
from dagster_project.alerts.routes import Routes, routes
from dagster_project.alerts.silencing import ACKNOWLEDGEMENTS, SUPPRESSIONS
from dagster_project.books.published import NothingPublished
from dagster_project.clock import today
from dagster_project.reports import incidents
from dagster_project.reports.incidents import SHOWN_ID
from ingestion.config.own import own_rows
from ingestion.home import Home

_LAST_SENT = 10


class NoSuchAlert(LookupError):
    """No alert has this id, or the ids of several begin with it."""


@dataclass(frozen=True)
class Listing:
    """The alerts of a home and their settings, without URLs."""

    channels: list[str]
    routes: Routes
    open: list[Alert]
    waiting: list[Notification]
    unsent: list[Message]
    sent: list[Sent]
    acknowledged: list[dict[str, Any]]
    suppressed: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "channels": self.channels,
            "routes": self.routes.model_dump(mode="json"),
            "open": [alert.as_json() for alert in self.open],
            "waiting": [one.as_json() for one in self.waiting],
            "unsent": [{"id": one.id, "channel": one.channel, "title": one.title} for one in self.unsent],
            "sent": [vars(one) for one in self.sent],
            "acknowledged": [_plain(row) for row in self.acknowledged],
            "suppressed": [_plain(row) for row in self.suppressed],
        }

    def lines(self) -> Iterator[str]:
        """Yield it as text."""
        yield "channels  " + (", ".join(self.channels) or "none; see docs/alerts.md")
        for route in self.routes.routes:
            said = [f"from {route.severity} on", f"at once: {route.immediate}"]
            for name in ("workspaces", "detectors", "sources"):
                if chosen := getattr(route, name):
                    said.append(f"{name} {', '.join(chosen)}")
            yield f"route     {', '.join(route.channels)}: {'; '.join(said)}"
        for alert in self.open:
            yield f"open      {alert.id[:SHOWN_ID]}  {alert.severity:<6}  {alert.title}"
        for one in self.waiting:
            yield f"waiting   {one.channel}: {one.kind}: {one.alert.title}"
        for message in self.unsent:
            yield f"unsent    {message.channel}: {message.title}"
        for sent in self.sent:
            yield f"sent      {sent.day}  {sent.channel}: {sent.kind} {sent.id}"
        for row in self.acknowledged:
            yield f"known     {row['anomaly_id'][:SHOWN_ID]} until {row['until_date']}: {row['reason']}"
        for row in self.suppressed:
            what = ", ".join(
                row[name] for name in ("detector", "subject_type", "subject_id", "source") if row[name]
            )
            yield f"silent    {what} until {row['until_date']}: {row['reason']}"


def listing(home: Home) -> Listing:
    """Return the alerts of a home and their settings.

    Raises:
        AlertSettingsError: the settings of alerts are invalid.
        OwnTableError: a table of acknowledgements or suppressions is invalid.
    """
    found, outbox = channels(home), Outbox(home)
    sent = sorted(outbox.sent(), key=lambda one: (one.day, one.channel, one.id))
    return Listing(
        channels=list(found),
        routes=routes(home, found),
        open=[alert for alert in _known(outbox) if alert.status in ("open", "acknowledged")],
        waiting=list(outbox.waiting()),
        unsent=list(outbox.to_send()),
        sent=sent[-_LAST_SENT:],
        acknowledged=[row for row in own_rows(home, ACKNOWLEDGEMENTS) if row["until_date"] >= today()],
        suppressed=[row for row in own_rows(home, SUPPRESSIONS) if row["until_date"] >= today()],
    )


def find(home: Home, asked: str) -> tuple[str, str]:
    """Return id and title of the incident or alert whose id is or begins with `asked`.

    Raises:
        NoSuchAlert: there is none, or there are several.
        NothingPublished: nothing is known at all.
    """
    found = {alert.id: alert.title for alert in _known(Outbox(home))}
    try:
        found |= {one.anomaly_id: f"{one.what}: {one.subject}" for one in incidents.incidents(home)}
    except NothingPublished:
        if not found:
            raise
    matching = [id for id in found if id == asked] or [id for id in found if asked and id.startswith(asked)]
    if len(matching) != 1:
        how_many = f"{len(matching)} begin like" if matching else "nothing has the id"
        raise NoSuchAlert(f"{how_many} {asked!r}; `tollbook incidents` and `tollbook alerts list` name them")
    return matching[0], found[matching[0]]


def _known(outbox: Outbox) -> list[Alert]:
    return [Alert.from_json(entry) for entry in (outbox.known() or {}).values()]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if value is not None else None for name, value in row.items()}
