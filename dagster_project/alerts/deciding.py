"""Decide which alerts are new or resolved, which channels receive them, and whether immediately. Writes nothing.

    found, known before, decided before, routes, silence ─► notifications + what is known now

An alert is sent once as new and once as resolved to each channel. The record of the outbox decides what is new, not the
marts: a rebuilt day may flag everything as new. An incident whose id changed because its first day moved keeps its old
id. A check that fails again after it passed is a new alert; the number at the end of its id counts the occurrences.

Rulings: docs/decisions/alerts.md#alerts-1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from dagster_project.alerts.alert import Alert, Kind
from dagster_project.alerts.outbox import NEW, RESOLVED, Notification, notification_id
from dagster_project.alerts.routes import Routes
from dagster_project.alerts.silencing import Silence

#: In the first run, incidents that ended this long before the latest one are not sent.
OLD_DAYS = timedelta(days=7)
#: How long an alert is remembered after it was found last; one that comes back later is new.
KEPT_DAYS = timedelta(days=400)
#: Keys in known.json: never sent, because the incident was old in the first run; first day it was not found any more.
_OLD, _GONE_ON = "is_old", "gone_on"
_GONE = "no longer found: its days were rebuilt, or the check passes"


@dataclass(frozen=True)
class Decision:
    """The result of `decide`.

    Attributes:
        notifications: notifications, each with whether it is sent immediately.
        known: new content of known.json.
        still_open: open alerts that are not silenced, by id.
    """

    notifications: list[tuple[Notification, bool]]
    known: dict[str, Any]
    still_open: dict[str, Alert]


def decide(
    found: Iterable[Alert],
    complete_kinds: Set[Kind],
    known: dict[str, Any] | None,
    decided: Set[str],
    routes: Routes,
    silence: Silence,
    day: date,
) -> Decision:
    """Decide what is new.

    Args:
        found: the alerts of now.
        complete_kinds: kinds of which `found` has all: known alerts of these kinds that are not found are resolved.
        known: content of known.json; None in the first run.
        decided: ids of all notifications decided before.
        routes: which channels receive which alerts.
        silence: acknowledgements and suppressions of today.
        day: today.
    """
    before = {id: Alert.from_json(entry) for id, entry in (known or {}).items()}
    old = {id for id, entry in (known or {}).items() if entry.get(_OLD)}
    now = _renamed(_numbered(found, before), before)
    if known is None:
        old |= _old(now)
    over = {
        id: replace(alert, status="resolved", reason=_GONE)
        for id, alert in before.items()
        if id not in now and alert.kind in complete_kinds and alert.status not in ("resolved", "event")
    }
    notifications, still_open = [], {}
    for id, alert in sorted((now | over).items()):
        is_suppressed = silence.is_suppressed(alert)
        is_silent = is_suppressed or silence.is_acknowledged(alert) or alert.status == "acknowledged"
        if alert.status == "open" and not is_silent and id not in old:
            still_open[id] = alert
        if id in old or is_suppressed:
            continue
        was_there = id in before
        new = _notifications(alert, was_there, is_silent, decided, routes, day)
        notifications += [one for one in new if one[0].id not in decided]
    gone_on = {id: (known or {}).get(id, {}).get(_GONE_ON, day.isoformat()) for id in before if id not in now}
    kept = {
        id: alert
        for id, alert in (before | now | over).items()
        if not _is_forgotten(alert, gone_on.get(id), day)
    }
    return Decision(
        notifications,
        {
            id: {
                **alert.as_json(),
                **({_OLD: True} if id in old else {}),
                **({_GONE_ON: gone_on[id]} if id in gone_on else {}),
            }
            for id, alert in sorted(kept.items())
        },
        still_open,
    )


def _is_forgotten(alert: Alert, gone_on: str | None, day: date) -> bool:
    is_over = alert.status in ("resolved", "event")
    return is_over and gone_on is not None and date.fromisoformat(gone_on) < day - KEPT_DAYS


def _notifications(
    alert: Alert, was_there: bool, is_silent: bool, decided: Set[str], routes: Routes, day: date
) -> Iterator[tuple[Notification, bool]]:
    """Yield the notifications of one alert, per channel."""
    is_over = alert.status == "resolved"
    for channel, is_immediate in routes.of(alert).items():
        was_sent = notification_id(alert.id, NEW, channel) in decided
        if is_over and was_sent:
            yield Notification(RESOLVED, channel, alert, day.isoformat()), is_immediate
        elif not was_sent and not is_silent and not (is_over and was_there):
            # An alert that is resolved when first seen is sent once, as new.
            covers = [notification_id(id, NEW, channel) for id in alert.includes]
            covers += [notification_id(alert.id, RESOLVED, channel)] if is_over else []
            yield Notification(NEW, channel, alert, day.isoformat(), tuple(covers)), is_immediate


def _numbered(found: Iterable[Alert], before: dict[str, Alert]) -> list[Alert]:
    """Append to the ids of runs and checks the number of their occurrence."""
    latest: dict[str, tuple[int, Alert]] = {}
    for id, alert in before.items():
        if numbered := re.fullmatch(r"(.+)-(\d+)", id):
            times = int(numbered[2])
            latest[numbered[1]] = max(
                latest.get(numbered[1], (0, alert)), (times, alert), key=lambda one: one[0]
            )
    named = []
    for alert in found:
        if alert.kind in (Kind.NIGHT, Kind.CHECK):
            times, last = latest.get(alert.id, (0, None))
            times += last is None or last.status == "resolved"
            alert = replace(alert, id=f"{alert.id}-{times}")
        named.append(alert)
    return named


def _renamed(found: list[Alert], before: dict[str, Alert]) -> dict[str, Alert]:
    """Return the found alerts by id; an incident that continues under another id keeps the old one."""
    ids = {alert.id for alert in found}
    free = {id: one for id, one in before.items() if id not in ids and one.kind is Kind.INCIDENT}
    now = {}
    for alert in sorted(found, key=lambda one: (str(one.first_date), one.id)):
        if alert.kind is Kind.INCIDENT and alert.id not in before:
            same = next((id for id, one in free.items() if _is_same(alert, one)), None)
            if same:
                del free[same]
                alert = replace(alert, id=same)
        now[alert.id] = alert
    return now


def _is_same(alert: Alert, before: Alert) -> bool:
    """Return whether both have the same subject, a common detector, and overlapping or adjacent days."""
    if alert.first_date is None or before.first_date is None:
        return False
    subject = ("subject_type", "subject_id", "source", "workspace_id", "direction")
    day = timedelta(days=1)
    return (
        all(getattr(alert, name) == getattr(before, name) for name in subject)
        and bool(alert.detectors & before.detectors)
        and (before.last_date is None or alert.first_date <= before.last_date + day)
        and (alert.last_date is None or before.first_date <= alert.last_date + day)
    )


def _old(now: dict[str, Alert]) -> set[str]:
    """Return the ids of incidents that ended long before the latest one."""
    ended = {id: one.last_date for id, one in now.items() if one.kind is Kind.INCIDENT and one.last_date}
    return {id for id, last in ended.items() if last < max(ended.values()) - OLD_DAYS}
