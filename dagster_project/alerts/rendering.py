"""Write messages: a subject, plain text, and HTML for mail without links to anything outside.

Text from logs may contain markup, control characters and secrets: HTML is escaped, text is made printable, and secrets
are masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from html import escape

from dagster_project.alerts.alert import Alert
from dagster_project.alerts.outbox import DIGEST, NEW, RESOLVED, Message, Notification, digest_id
from dagster_project.printable import printable
from dagster_project.reports.incidents import severity_rank
from ingestion.redaction import masked

_LONGEST_TITLE = 150
_LONGEST_REASON = 1_000
_COLOURS = {"high": "#b3261e", "medium": "#9a6700", "low": "#4b5563"}
_HEADINGS = ((NEW, "New"), (RESOLVED, "Resolved"), ("open", "Still open"))
_BODY = (
    "margin:0;padding:24px;background:#f4f5f7;color:#1f2328;"
    "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:14px;line-height:1.45"
)
_CARD = (
    "max-width:720px;margin:0 auto;background:#ffffff;border:1px solid #d8dde3;border-radius:8px;padding:24px"
)
_FACT = "margin:0;padding-left:84px;text-indent:-84px;word-break:break-word"
_NAME = "display:inline-block;width:80px;text-indent:0;color:#59636e"
_CODE = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px;background:#f4f5f7;padding:1px 4px"


def immediate(notification: Notification, day: date) -> Message:
    """Write a notification as a message of its own."""
    alert = notification.alert
    title = _line(f"[Tollbook] {notification.kind}, {alert.severity}: {alert.title}", _LONGEST_TITLE)
    parts = [(dict(_HEADINGS)[notification.kind], [alert])]
    return Message(
        id=notification.id,
        channel=notification.channel,
        title=title,
        text=_text(title, parts, notification.id),
        html=_html(title, parts, notification.id),
        notifications=(notification.id, *notification.covers),
        severity=alert.severity,
        day=day.isoformat(),
        kind=notification.kind,
    )


def digest(
    channel: str, day: date, notifications: Sequence[Notification], still_open: Iterable[Alert]
) -> Message:
    """Write the digest of a day: new, resolved and still open alerts."""
    id = digest_id(channel, day)
    included = {one.alert.id for one in notifications}
    by_kind = {
        NEW: [one.alert for one in notifications if one.kind == NEW],
        RESOLVED: [one.alert for one in notifications if one.kind == RESOLVED],
        "open": [alert for alert in still_open if alert.id not in included],
    }
    parts = [(heading, _by_urgency(by_kind[kind])) for kind, heading in _HEADINGS if by_kind[kind]]
    counts = ", ".join(f"{len(alerts)} {heading.lower()}" for heading, alerts in parts)
    title = f"[Tollbook] {day}: {counts}"
    return Message(
        id=id,
        channel=channel,
        title=title,
        text=_text(title, parts, id),
        html=_html(title, parts, id),
        notifications=tuple(sorted({id for one in notifications for id in (one.id, *one.covers)})),
        severity=max((alert.severity for _, alerts in parts for alert in alerts), key=severity_rank),
        day=day.isoformat(),
        kind=DIGEST,
    )


def test_message(channel: str, id: str, day: date) -> Message:
    """Write a test message."""
    title = f"[Tollbook] test of the channel {channel}"
    said = "This is a test. Alerts of this channel arrive here."
    html = f'<html><body style="{_BODY}"><div style="{_CARD}"><p>{said}</p>{_foot(id)}</div></body></html>'
    return Message(id, channel, title, f"{said}\n\nmessage {id}\n", html, (), "low", day.isoformat(), "test")


def _by_urgency(alerts: Iterable[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda one: (-severity_rank(one.severity), str(one.first_date), one.title))


def _facts(alert: Alert) -> list[tuple[str, str]]:
    """Return the figures of an alert and its reason, in order."""
    facts = [*alert.numbers]
    if alert.reason:
        facts.append(("reason", alert.reason))
    return [(_line(name), _line(figure, _LONGEST_REASON)) for name, figure in facts]


def _text(title: str, parts: Sequence[tuple[str, list[Alert]]], id: str) -> str:
    lines = [title, ""]
    for heading, alerts in parts:
        lines += [heading.upper(), ""]
        for alert in alerts:
            lines.append(f"{alert.severity}: {_line(alert.title, _LONGEST_REASON)}")
            lines += [f"    {name + ':':<10} {figure}" for name, figure in _facts(alert)]
            if alert.next_step:
                lines.append(f"    {'next:':<10} {_line(alert.next_step)}")
            lines.append("")
    return "\n".join([*lines, f"message {id}", ""])


def _html(title: str, parts: Sequence[tuple[str, list[Alert]]], id: str) -> str:
    blocks = []
    for heading, alerts in parts:
        blocks.append(f'<h2 style="font-size:16px;margin:24px 0 8px">{heading} ({len(alerts)})</h2>')
        blocks += [_block(alert) for alert in alerts]
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title></head>"
        f'<body style="{_BODY}"><div style="{_CARD}">'
        f'<h1 style="font-size:18px;margin:0">{escape(title)}</h1>{"".join(blocks)}{_foot(id)}'
        "</div></body></html>"
    )


def _block(alert: Alert) -> str:
    colour = _COLOURS.get(alert.severity, _COLOURS["high"])
    facts = [(name, escape(figure)) for name, figure in _facts(alert)]
    if alert.next_step:
        facts.append(("next", f'<code style="{_CODE}">{escape(_line(alert.next_step))}</code>'))
    # A paragraph each: the plain text that apprise makes of it keeps name and figure on one line.
    rows = "".join(
        f'<p style="{_FACT}"><span style="{_NAME}">{escape(name)}:</span> {said}</p>' for name, said in facts
    )
    return (
        f'<div style="margin:0 0 12px;padding:12px 16px;border:1px solid #d8dde3;border-left:4px solid {colour};'
        'border-radius:4px">'
        f'<p style="margin:0 0 6px"><b style="color:{colour}">{escape(alert.severity)}</b> '
        f"<b>{escape(_line(alert.title, _LONGEST_REASON))}</b></p>"
        f"{rows}</div>"
    )


def _foot(id: str) -> str:
    return f'<p style="color:#59636e;font-size:12px;margin:24px 0 0">message {escape(id)}</p>'


def _line(text: str, longest: int = 0) -> str:
    """Return a text as one line without secrets, cut to a length."""
    line = printable(masked(" ".join(text.split())))
    return line if not longest or len(line) <= longest else line[: longest - 1] + "…"
