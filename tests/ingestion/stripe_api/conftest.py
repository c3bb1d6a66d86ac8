"""A loopback Stripe whose objects a test makes up, and the real SDK pointed at it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingestion import files as module
from ingestion.home import Home
from ingestion.sandbox.servers.loopback import Rule
from ingestion.sandbox.servers.stripe import StripeServer
from ingestion.stripe_api.shape import TOMBSTONE
from ingestion.stripe_api.streams import STREAMS

Serve = Callable[..., StripeServer]


@dataclass(frozen=True)
class Settings:
    """The Stripe settings of sources.yml."""

    mode: str = "sandbox"
    api_key_env: str = "TOLLBOOK_TEST_STRIPE_KEY"


def intent(number: int, created: int, **fields: Any) -> dict[str, Any]:
    """A payment intent as Stripe serves it."""
    return {
        "id": f"pi_{number:04d}",
        "object": "payment_intent",
        "amount": 1000 + number,
        "amount_received": 1000 + number,
        "client_secret": f"pi_{number:04d}_secret_abc",
        "created": created,
        "currency": "gbp",
        "customer": "cus_1",
        "latest_charge": f"ch_{number:04d}",
        "livemode": False,
        "metadata": {"workspace_id": "ws_01", "infery_invoice_id": f"inv_{number:05d}"},
        "status": "succeeded",
    } | fields


def charge(number: int, created: int, **fields: Any) -> dict[str, Any]:
    """A charge as Stripe serves it."""
    return {
        "id": f"ch_{number:04d}",
        "object": "charge",
        "amount": 1000 + number,
        "amount_refunded": 0,
        "created": created,
        "currency": "gbp",
        "livemode": False,
        "metadata": {},
        "payment_intent": f"pi_{number:04d}",
        "status": "succeeded",
    } | fields


def invoice(number: int, created: int, **fields: Any) -> dict[str, Any]:
    """An invoice as Stripe serves it."""
    return {
        "id": f"in_{number:04d}",
        "object": "invoice",
        "created": created,
        "currency": "gbp",
        "livemode": False,
        "metadata": {},
        "status": "paid",
        "total": 1000 + number,
    } | fields


def refund(number: int, created: int, **fields: Any) -> dict[str, Any]:
    """A refund as Stripe serves it; it does not state its mode."""
    return {
        "id": f"re_{number:04d}",
        "object": "refund",
        "amount": 100,
        "charge": f"ch_{number:04d}",
        "created": created,
        "currency": "gbp",
        "metadata": {},
        "payment_intent": f"pi_{number:04d}",
        "status": "succeeded",
    } | fields


def changing(first: dict[str, Any], *later: tuple[int, dict[str, Any] | None]) -> dict[str, Any]:
    """An entry of the objects file: an object, and the fields that change from a second on; None is gone."""
    versions, body = [{"visible_from": first["created"], "object": first}], first
    for at, fields in later:
        body = None if fields is None else (body or first) | fields
        versions.append({"visible_from": at, "object": body})
    return {"id": first["id"], "versions": versions}


def raw_rows(home: Home, table: str = "stripe_payment_intents") -> pl.DataFrame:
    """Everything in a raw table, in an order that does not depend on files."""
    files = sorted((home.raw / table).glob("dt=*/*.parquet"))
    if not files:
        return pl.DataFrame()
    frame = pl.concat([pl.read_parquet(path) for path in files])
    stream = next(stream for stream in STREAMS if stream.table == table)
    return frame.sort(stream.id_column, "fetched_at", "content_sha256")


def dump(home: Home) -> dict[str, list[dict[str, Any]]]:
    """The latest version of every object by table, without what depends on when it was read."""
    out = {}
    for stream in STREAMS:
        rows = {row[stream.id_column]: row for row in raw_rows(home, stream.table).iter_rows(named=True)}
        out[stream.name] = [
            {name: value for name, value in row.items() if name not in ("fetched_at", "origin")}
            | {"gone": row["origin"] == TOMBSTONE}
            for _, row in sorted(rows.items())
        ]
    return out


def die_at(patch: pytest.MonkeyPatch, write: int) -> None:
    """Kill the process just before it renames the n-th file."""
    original, count = module.publish, iter(range(1, 100))

    def publish(temporary: Path, target: Path) -> None:
        if next(count) == write:
            raise KeyboardInterrupt
        original(temporary, target)

    patch.setattr(module, "publish", publish)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a server over the objects given; it stops with the test."""
    with ExitStack() as stack:
        numbers = count()

        def start(
            script: Sequence[Rule] = (), clock: int | None = None, **objects: list[dict[str, Any]]
        ) -> StripeServer:
            file = tmp_path / f"stripe_objects_{next(numbers)}.json"
            file.write_text(json.dumps(objects))
            return stack.enter_context(StripeServer(file, clock, script))

        yield start
