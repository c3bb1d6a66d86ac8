"""Stripe → raw/stripe_*: up to when it is read, and a note of the result. `ingestion` decides what is read."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from dagster_project.steps.conversion import landed_days
from ingestion import accepted
from ingestion.files import whole
from ingestion.home import Home
from ingestion.sources import StripeSettings, load_sources

if TYPE_CHECKING:
    from ingestion.stripe_api import SyncResult

ACCOUNT = "stripe"


class NotRead(RuntimeError):
    """Stripe refused or did not answer; the message says how."""


def sync_payments(home: Home, settings: StripeSettings, address: str | None = None) -> SyncResult:
    """Land every new version of every payment object; those of the other mode are counted, not refused.

    Args:
        home: the home; the caller holds its lock.
        settings: the `stripe:` settings.
        address: address of Stripe, if not its usual one.

    Raises:
        StripeSettingsError: no usable key; the message names the variable.
        NotRead: Stripe refused or did not answer; nothing is lost, the next sync continues.
    """
    import stripe

    from ingestion.stripe_api import ListingError, make_client, sync

    client = make_client(settings, address)
    try:
        result = sync(home, client, ACCOUNT, read_up_to(home, settings), livemode=settings.livemode)
    except (stripe.StripeError, ListingError) as error:
        _note(home, f"{ACCOUNT}: {error}")
        raise NotRead(f"{ACCOUNT}: {error}") from error
    _note(home, "")
    return result


def last_failure(home: Home) -> str:
    """Return why the last sync failed; empty if it did not, or if there was none."""
    try:
        return json.loads(home.payments_note.read_bytes())["failure"]
    except FileNotFoundError:
        return ""


def _note(home: Home, failure: str) -> None:
    with whole(home.payments_note) as temporary:
        temporary.write_text(json.dumps({"failure": failure}) + "\n", encoding="utf-8")


def read_up_to(home: Home, settings: StripeSettings) -> datetime:
    """Return now; in a sandbox the end of its last landed day, so that a rerun reads the same window."""
    if settings.mode != "sandbox":
        return datetime.now(UTC)
    # Files that vanished from landing/ may still be accepted.
    days = landed_days(home, load_sources(home))
    days |= {date.fromisoformat(content["delivered_on"]) for content in accepted.every(home)}
    last = max(days, default=datetime.now(UTC).date())
    return datetime.combine(last, time(), UTC) + timedelta(days=1)
