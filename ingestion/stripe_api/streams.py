"""What is read from Stripe: per kind of object its raw table, and when an object changes no more.

Adding a kind is adding an entry here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

Object = dict[str, Any]

TIME = pl.Datetime("us")


@dataclass(frozen=True)
class Stream:
    """One kind of object.

    Attributes:
        name: the service of the client and the stream's name in the state file.
        table: folder under raw/.
        id_column: name of the object's id in the table.
        final: statuses from which nothing follows; anything else is read again by id every night.
        columns: own columns with their types and how to take them from the object.
    """

    name: str
    table: str
    id_column: str
    final: frozenset[str]
    columns: dict[str, tuple[pl.DataType | type[pl.DataType], Callable[[Object], Any]]]

    @property
    def schema(self) -> dict[str, pl.DataType | type[pl.DataType]]:
        """Columns and types of the raw table, in order."""
        head = {"source": pl.String, self.id_column: pl.String, "content_sha256": pl.String}
        seen = {"fetched_at": TIME, "origin": pl.String, "livemode": pl.Boolean, "created_at": TIME}
        own = {name: kind for name, (kind, _) in self.columns.items()}
        return head | seen | own | {"payload": pl.String}

    def row(self, found: Object, source: str, fetched_at: datetime, origin: str) -> dict[str, Any]:
        """Return the raw row of an object; `fetched_at` is the end of the window it was read in."""
        payload = canonical(found)
        head = {
            "source": source,
            self.id_column: found["id"],
            "content_sha256": hashlib.sha256(payload.encode()).hexdigest(),
            "fetched_at": fetched_at,
            "origin": origin,
            "livemode": found.get("livemode"),
            "created_at": datetime.fromtimestamp(found["created"], UTC).replace(tzinfo=None),
        }
        return head | {name: take(found) for name, (_, take) in self.columns.items()} | {"payload": payload}


def canonical(found: Object) -> str:
    """Return an object as JSON with sorted keys and without client secrets: equal content, equal text."""
    return json.dumps(_without_secrets(found), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _without_secrets(value: Any) -> Any:
    """Drop client secrets, at whatever depth: who holds one can act on the payment."""
    if isinstance(value, dict):
        return {name: _without_secrets(inner) for name, inner in value.items() if name != "client_secret"}
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    return value


def _plain(name: str) -> Callable[[Object], Any]:
    """Take a field as it is."""
    return lambda found: found.get(name)


def _reference(name: str) -> Callable[[Object], str | None]:
    """Take the id of a linked object, which is text or, expanded, the object itself."""
    return lambda found: found[name]["id"] if isinstance(found.get(name), dict) else found.get(name)


def _metadata(name: str) -> Callable[[Object], str | None]:
    """Take one key of the metadata."""
    return lambda found: (found.get("metadata") or {}).get(name)


def _all_metadata(found: Object) -> str:
    """Take the metadata whole, as JSON."""
    return json.dumps(found.get("metadata") or {}, sort_keys=True, ensure_ascii=False)


_AMOUNT = {"amount": (pl.Int64, _plain("amount"))}
_STATE = {"currency": (pl.String, _plain("currency")), "status": (pl.String, _plain("status"))}
_TAKEN_BACK = {
    **_AMOUNT,
    "payment_intent_id": (pl.String, _reference("payment_intent")),
    "charge_id": (pl.String, _reference("charge")),
    **_STATE,
}

STREAMS = (
    Stream(
        name="payment_intents",
        table="stripe_payment_intents",
        id_column="payment_intent_id",
        final=frozenset({"succeeded", "canceled"}),
        columns={
            **_AMOUNT,
            "amount_received": (pl.Int64, _plain("amount_received")),
            **_STATE,
            "customer_id": (pl.String, _reference("customer")),
            "latest_charge_id": (pl.String, _reference("latest_charge")),
            "workspace_id": (pl.String, _metadata("workspace_id")),
            "infery_invoice_id": (pl.String, _metadata("infery_invoice_id")),
            "metadata": (pl.String, _all_metadata),
        },
    ),
    Stream(
        name="refunds",
        table="stripe_refunds",
        id_column="refund_id",
        final=frozenset({"succeeded", "failed", "canceled"}),
        columns=_TAKEN_BACK,
    ),
    Stream(
        name="disputes",
        table="stripe_disputes",
        id_column="dispute_id",
        final=frozenset({"won", "lost", "warning_closed", "prevented"}),
        columns=_TAKEN_BACK,
    ),
)
