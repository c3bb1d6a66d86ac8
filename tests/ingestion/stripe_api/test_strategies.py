"""A small account over three months, read in two ways: by creation alone, and as `sync` does.

Rates are made up; what counts is that refunds come up to 45 days after the charge and disputes up to 75,
which lists by creation do not show and no sync may miss, even after 35 days without a sync.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingestion.home import Home
from ingestion.sandbox.billing.stripe_history import History
from ingestion.stripe_api import make_client, sync
from ingestion.stripe_api.pages import pages
from ingestion.stripe_api.shape import canonical

from .conftest import Serve, Settings, changing, charge, intent, raw_rows, refund

DAY = 86_400
START = int(datetime(2026, 5, 1, 3, tzinfo=UTC).timestamp())
DAYS, EVERY = 120, 6
STREAMS = ("payment_intents", "charges", "refunds", "disputes")


def world() -> dict[str, list[dict[str, Any]]]:
    """300 payments: one in four settles days later, one in eight is refunded, one in ten disputed."""
    draw = random.Random(7)
    out: dict[str, list[dict[str, Any]]] = {name: [] for name in STREAMS}
    for number in range(300):
        made = START + draw.randrange((DAYS - 1) * DAY)
        if draw.random() < 0.25:
            done = (made + draw.randrange(10 * DAY), {"status": "succeeded"})
            out["payment_intents"].append(changing(intent(number, made, status="processing"), done))
        else:
            out["payment_intents"].append(intent(number, made))
        changes = []
        if draw.random() < 0.125:
            at = made + draw.randrange(45 * DAY)
            changes.append((at, {"amount_refunded": 100}))
            out["refunds"].append(refund(number, at))
        if draw.random() < 0.1:
            at = made + draw.randrange(75 * DAY)
            changes.append((at, {"disputed": True}))
            opened = refund(number, at, id=f"dp_{number:04d}", object="dispute", status="needs_response")
            out["disputes"].append(changing(opened, (at + 20 * DAY, {"status": "lost"})))
        out["charges"].append(changing(charge(number, made), *sorted(changes, key=lambda change: change[0])))
    return out


@pytest.fixture(scope="module")
def account() -> dict[str, list[dict[str, Any]]]:
    """The world, made once."""
    return world()


def right(account: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, str]]:
    """Every object as it is at the end, by id."""
    lists = History(account).at(START + DAYS * DAY).lists
    end = START + DAYS * DAY - 60
    return {
        kind: {one["id"]: canonical(one) for one in lists[kind] if one["created"] < end} for kind in STREAMS
    }


def nights(outage: bool) -> list[int]:
    """When a sync runs, every sixth night; with an outage not for the 36 days before the end."""
    return [day for day in range(0, DAYS + 1, EVERY) if not outage or not DAYS - 36 < day < DAYS]


def wrong(found: dict[str, dict[str, str]], truth: dict[str, dict[str, str]]) -> int:
    """How many objects are missing or stale."""
    return sum(
        found[kind].get(name) != body for kind, all_of in truth.items() for name, body in all_of.items()
    )


@pytest.mark.parametrize("outage", [False, True])
def test_reading_by_creation_alone_loses_changes(
    serve: Serve, account: dict[str, list[dict[str, Any]]], outage: bool
) -> None:
    server = serve(clock=START, **account)
    client = make_client(Settings(), server.url)
    found: dict[str, dict[str, str]] = {kind: {} for kind in STREAMS}
    low = 0
    for day in nights(outage):
        server.clock = START + day * DAY
        high = max(low, server.clock - 60)
        for kind in STREAMS:
            for page in pages(getattr(client.v1, kind), low, high):
                found[kind] |= {one["id"]: canonical(one) for one in page}
        low = high
    assert wrong(found, right(account)) > 40


@pytest.mark.parametrize("outage", [False, True])
def test_a_sync_ends_with_nothing_missing_and_nothing_stale(
    tmp_path: Path, serve: Serve, account: dict[str, list[dict[str, Any]]], outage: bool
) -> None:
    """And the sweeps find nothing that the nights had missed."""
    home, server = Home(tmp_path), serve(clock=START, **account)
    client = make_client(Settings(), server.url)
    results = []
    for day in nights(outage):
        server.clock = START + day * DAY
        results.append(
            sync(home, client, "stripe", datetime.fromtimestamp(server.clock, UTC), lambda _: None)
        )
    found = {}
    for kind in STREAMS:
        rows = raw_rows(home, f"stripe_{kind}").select(f"{kind[:-1]}_id", "payload")
        found[kind] = dict(rows.iter_rows())
    assert wrong(found, right(account)) == 0
    assert sum(result.drift for result in results) == 0
    assert (results[-1].reach == "gap") == outage
    assert bool(results[-1].warnings) == outage
