"""Channels: names and URLs. The URLs are secrets.

    TOLLBOOK_ALERT_URL_<CHANNEL>    environment
    config/alert_urls               `channel = url`, one a line; a file that others can read is refused

The environment takes precedence. A URL is never printed, logged or written; errors name the channel.

Rulings: docs/decisions/alerts.md#alerts-2.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ingestion.home import Home
from ingestion.redaction import MASK, masked

VARIABLE = "TOLLBOOK_ALERT_URL_"
NAME = re.compile(r"[a-z0-9_]+")
#: Shorter parts of a URL are not masked.
_SHORTEST_SECRET = 4


class AlertSettingsError(ValueError):
    """The settings of alerts are invalid; the message names file and key and says what to write instead."""


@dataclass(frozen=True)
class Channel:
    """A name and a URL for apprise; only the name is shown."""

    name: str
    url: str = field(repr=False)

    def without_secrets(self, text: str) -> str:
        """Return a text without any part of the URL."""
        for piece in sorted({self.url, *re.split(r"[^\w.-]+", self.url)}, key=len, reverse=True):
            if len(piece) >= _SHORTEST_SECRET:
                text = text.replace(piece, MASK)
        return masked(text)


def channels(home: Home, environment: Mapping[str, str] | None = None) -> dict[str, Channel]:
    """Return the channels that have a URL.

    Raises:
        AlertSettingsError: config/alert_urls can be read by others, or a line of it cannot be used.
    """
    found = _of_file(home)
    for variable, url in (os.environ if environment is None else environment).items():
        if variable.startswith(VARIABLE) and url.strip():
            name = variable.removeprefix(VARIABLE).lower()
            if not NAME.fullmatch(name):
                raise AlertSettingsError(f"{variable}: no channel; write {VARIABLE}OPS for the channel ops")
            found[name] = url.strip()
    return {name: Channel(name, url) for name, url in sorted(found.items())}


def variable_of(channel: str) -> str:
    """Return the environment variable of a channel's URL."""
    return VARIABLE + channel.upper()


def _of_file(home: Home) -> dict[str, str]:
    shown = f"config/{home.alert_urls.name}"
    try:
        with home.alert_urls.open(encoding="utf-8") as handle:
            mode = os.fstat(handle.fileno()).st_mode
            if mode & 0o077:
                raise AlertSettingsError(
                    f"{shown}: others can read it (mode {mode & 0o777:04o}), and it holds secrets;"
                    f" run chmod 600 {home.alert_urls}, and change the secrets if others could log in"
                )
            lines = handle.read().splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise AlertSettingsError(
            f"{shown}: cannot be read as UTF-8 text ({type(error).__name__}); write one `channel = url` a line"
        ) from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        name, sign, url = (part.strip() for part in line.partition("="))
        if not name or name.startswith("#"):
            continue
        if not sign or not url or not NAME.fullmatch(name):
            raise AlertSettingsError(
                f"{shown}:{number}: not a channel; write `ops = mailto://…`, the name in small letters, digits and _"
            )
        if name in found:
            raise AlertSettingsError(f"{shown}:{number}: {name} stands twice; keep one of them")
        found[name] = url
    return found
