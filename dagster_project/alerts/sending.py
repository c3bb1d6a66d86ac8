"""A message goes to its channel, through apprise; the only module that imports it, and only when something is sent.

Mail gets the HTML and a plain text beside it, everything else the plain text. The id of the message stands in its text,
in the header X-Tollbook-Message-Id where the service has headers, and in the field message_id where it has fields.

Rulings: docs/decisions/alerts.md#alerts-1.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from dagster_project.alerts.channels import Channel
from dagster_project.alerts.outbox import RESOLVED, Message

HEADER, FIELD = "X-Tollbook-Message-Id", "message_id"
#: Services that show HTML of any kind.
_MAIL = frozenset(
    {
        "azure",
        "brevo",
        "mailgun",
        "mailto",
        "mailtos",
        "o365",
        "postmark",
        "resend",
        "sendgrid",
        "ses",
        "smtp2go",
        "sparkpost",
    }
)
_NOTIFY_TYPES = {"high": "failure", "medium": "warning"}
_LONGEST_REASON = 300


class NotSent(RuntimeError):
    """A message did not reach its channel; the message names the channel and why, without a secret."""


def send(channel: Channel, message: Message) -> None:
    """Send a message; when this returns, the receiver has taken it.

    Raises:
        NotSent: the URL cannot be used, or the receiver did not take it.
    """
    import apprise

    with _log(apprise) as log:
        try:
            sender = apprise.Apprise(asset=_asset(apprise))
            if not sender.add(_address(apprise, channel.url, message.id)):
                raise NotSent(f"{channel.name}: its URL is not one that apprise can use")
            is_mail = _scheme(channel.url) in _MAIL
            is_sent = sender.notify(
                title=message.title,
                body=message.html if is_mail else message.text,
                body_format=apprise.NotifyFormat.HTML if is_mail else apprise.NotifyFormat.TEXT,
                notify_type=_notify_type(message),
            )
        except NotSent:
            raise
        except Exception as error:
            raise NotSent(_why(channel, f"{type(error).__name__}: {error}")) from None
        if not is_sent:
            raise NotSent(_why(channel, log.getvalue()))


def _address(apprise: object, url: str, message: str) -> str:
    """Return the URL with the id of a message in each place the service has for it."""
    plugin = apprise.Apprise.instantiate(url, asset=_asset(apprise))
    places = getattr(plugin, "template_kwargs", {})
    prefixes = {kind.get("prefix") for kind in places.values()}
    settings = []
    if "+" in prefixes:
        settings.append(f"{quote('+')}{HEADER}={message}")
    if ":" in prefixes:
        settings.append(f"{quote(':')}{FIELD}={message}")
    if "overflow=" not in url:
        settings.append("overflow=split")
    return url + ("&" if "?" in url else "?") + "&".join(settings)


def _asset(apprise: object) -> object:
    """Return what apprise calls us; no picture, because every service would fetch it from elsewhere."""
    return apprise.AppriseAsset(
        app_id="Tollbook", app_desc="Tollbook", app_url="", image_url_mask="", image_url_logo=""
    )


def _notify_type(message: Message) -> str:
    """Return the colour or sign that a chat gives the message."""
    return "success" if message.kind == RESOLVED else _NOTIFY_TYPES.get(message.severity, "info")


def _scheme(url: str) -> str:
    return url.partition("://")[0].strip().lower()


@contextmanager
def _log(apprise: object) -> Iterator[object]:
    """Catch what apprise logs, so that it reaches no other log: it may name pieces of the URL."""
    logger = logging.getLogger("apprise")
    before = logger.propagate
    logger.propagate = False
    try:
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:
            yield log
    finally:
        logger.propagate = before


def _why(channel: Channel, said: str) -> str:
    reason = " ".join(channel.without_secrets(said).split()) or "the receiver did not take it"
    return f"{channel.name}: {reason[:_LONGEST_REASON]}"
