"""What is specific to a home written by `tollbook sandbox`: writing it, its own Stripe, and truth.json to compare with.

The only module that imports the sandbox, and only when it is needed.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from dagster_project.books.published import published
from ingestion.home import Home
from ingestion.sources import StripeSettings

if TYPE_CHECKING:
    from ingestion.sandbox.judge.comparison import Comparison

logger = logging.getLogger("tollbook.stripe")

OBJECTS = "stripe_objects.json"
TRUTH = "truth.json"


class NotWritable(ValueError):
    """No sandbox can be written here, or not with these arguments; the message says what to do instead."""


def write_sandbox(
    home: Home,
    days: int,
    requests_per_day: int,
    seed: int,
    connectors: Sequence[str] = (),
    last_day: date | None = None,
) -> str:
    """Write a synthetic world into a home and return a line about it; the caller holds the lock of the home.

    Args:
        home: the home.
        days: how many days.
        requests_per_day: requests a day, on average.
        seed: the same seed gives the same world.
        connectors: the gateways that write it; Infron by default.
        last_day: its last day; by default its first is that of the world in the home, or 3 August 2026.

    Raises:
        NotWritable: the home has files of its own, or an argument cannot be used.
    """
    from ingestion.sandbox import SandboxError, write_world

    try:
        truth = write_world(
            home.root, days, requests_per_day, seed, tuple(connectors or ("infron",)), last_day
        )
    except SandboxError as error:
        raise NotWritable(str(error)) from error
    return (
        f"wrote {days} days, {truth.events['requests']:,} requests, {len(truth.faults)} planted faults"
        f" into {home.root}"
    )


@contextmanager
def stripe_address(home: Home, settings: StripeSettings) -> Iterator[str | None]:
    """Serve the sandbox's own Stripe within the block and yield its address; None if Stripe is real."""
    if settings.mode != "sandbox":
        yield None
        return
    from ingestion.sandbox.servers.stripe import StripeServer

    logger.info("reading payments from the Stripe of the sandbox")
    with StripeServer(home.sandbox / OBJECTS) as server:
        yield server.url


def comparisons(home: Home) -> list[Comparison]:
    """Compare the published marts with the truth of the sandbox; empty without a truth.json.

    Raises:
        NothingPublished: no run has published yet.
    """
    truth_file = home.root / TRUTH
    if not truth_file.exists():
        return []
    from ingestion.sandbox.judge import compare

    with published(home) as marts:
        return compare(json.loads(truth_file.read_text(encoding="utf-8")), marts)


def found_beside_planted(home: Home) -> list[str]:
    """Return `comparisons` as lines of a table."""
    found = comparisons(home)
    if not found:
        return []
    lines = ["", f"{'what':<38} {'planted':>22} {'found':>22}"]
    for line in found:
        mark = "" if line.agrees else "   differs"
        lines.append(f"{line.what:<38} {line.planted:>22} {line.found:>22}{mark}")
    return [*lines, ""]
