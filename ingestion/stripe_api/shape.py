"""How a Stripe object becomes a row: without secrets, hashed, with typed columns.

    object ─► canonical JSON without secrets ─► content_sha256
           └► typed columns                  ─► raw row

Which kinds of objects there are, and their columns, is streams.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

Object = dict[str, Any]
Kind = pl.DataType | type[pl.DataType]
Columns = Mapping[str, tuple[Kind, Callable[[Object], Any]]]

TIME = pl.Datetime("us")
RATE = pl.Decimal(18, 9)

_SQL_TYPES = {
    pl.String: "VARCHAR",
    pl.Int64: "BIGINT",
    pl.Boolean: "BOOLEAN",
    TIME: "TIMESTAMP",
    RATE: "DECIMAL(18,9)",
}

TOMBSTONE = "tombstone"
"""Origin of the version that marks an object as deleted; its columns repeat the last known ones."""

SECRETS = frozenset({"client_secret", "hosted_invoice_url", "invoice_pdf", "pdf", "receipt_url"})
"""Fields that allow their holder to act on a payment or read a bill. Stripe also renews the links from time to time,
which would look like a change of the object."""

OVERLAP = timedelta(days=3)
"""How far before the mark a list starts: metadata and status often follow an object by hours."""


@dataclass(frozen=True)
class ObjectKind:
    """One kind of object.

    Attributes:
        name: the service of the client and the stream's name in the state file.
        object_name: value of `object` in the objects.
        table: folder under raw/.
        id_column: name of the object's id in the table.
        final: final statuses; an object in any other, known or not, is read again by id.
        columns: own columns with their types and how to take them from the object.
        later: columns added after tables had been written; they follow the payload.
        overlap: how far before the mark the nightly list starts.
        may_vanish: statuses in which Stripe allows an object to be deleted.
    """

    name: str
    object_name: str
    table: str
    id_column: str
    final: frozenset[str]
    columns: Columns
    later: Columns = field(default_factory=dict)
    overlap: timedelta = OVERLAP
    may_vanish: frozenset[str] = frozenset()

    @property
    def schema(self) -> dict[str, Kind]:
        """Columns and types of the raw table, in order."""
        head = {"source": pl.String, self.id_column: pl.String, "content_sha256": pl.String}
        seen = {"fetched_at": TIME, "origin": pl.String, "livemode": pl.Boolean, "created_at": TIME}
        own = {name: kind for name, (kind, _) in self.columns.items()}
        return head | seen | own | {"payload": pl.String} | {n: kind for n, (kind, _) in self.later.items()}

    @property
    def sql_columns(self) -> list[tuple[str, str]]:
        """Columns of the raw table with their SQL types, in order."""
        return [(name, _SQL_TYPES[kind]) for name, kind in self.schema.items()]

    def row(self, found: Object, source: str, fetched_at: datetime, origin: str) -> dict[str, Any]:
        """Return the raw row of an object; `fetched_at` is the end of the window it was read in."""
        payload = canonical(found)
        head = {
            "source": source,
            self.id_column: found["id"],
            "content_sha256": digest(payload),
            "fetched_at": fetched_at,
            "origin": origin,
            "livemode": found.get("livemode"),
            "created_at": _moment(found["created"]),
        }
        own = {name: take(found) for name, (_, take) in {**self.columns, **self.later}.items()}
        return head | own | {"payload": payload}

    def tombstone(self, known: dict[str, Any], fetched_at: datetime) -> dict[str, Any]:
        """Return the version that marks an object as deleted: the last known row with Stripe's deleted payload."""
        gone = {"id": known[self.id_column], "object": self.object_name, "deleted": True}
        payload = canonical(gone)
        deleted = {"content_sha256": digest(payload), "payload": payload}
        return known | deleted | {"fetched_at": fetched_at, "origin": TOMBSTONE}


def canonical(found: Object) -> str:
    """Return an object as JSON with sorted keys and without secrets: equal content, equal text."""
    return _json(_without_secrets(found))


def digest(payload: str) -> str:
    """Return the content hash of a canonical payload."""
    return hashlib.sha256(payload.encode()).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _without_secrets(value: Any) -> Any:
    """Drop secrets at any depth, except from metadata, whose names are the customer's."""
    if isinstance(value, dict):
        return {
            name: inner if name == "metadata" else _without_secrets(inner)
            for name, inner in value.items()
            if name not in SECRETS
        }
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    return value


def _moment(second: int | None) -> datetime | None:
    return None if second is None else datetime.fromtimestamp(second, UTC).replace(tzinfo=None)


def _within(found: Object, path: str) -> Any:
    """Follow a dotted path; what is missing on the way is None."""
    value: Any = found
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text(path: str) -> tuple[Kind, Callable[[Object], str | None]]:
    """Read a text unchanged."""
    return pl.String, lambda found: _within(found, path)


def lower(path: str) -> tuple[Kind, Callable[[Object], str | None]]:
    """Read a text in lower case, for currencies."""
    return pl.String, lambda found: value.lower() if (value := _within(found, path)) else value


def minor(path: str) -> tuple[Kind, Callable[[Object], int | None]]:
    """Read an amount in minor units, or a count."""
    return pl.Int64, lambda found: _within(found, path)


def flag(path: str) -> tuple[Kind, Callable[[Object], bool | None]]:
    """Read a boolean."""
    return pl.Boolean, lambda found: _within(found, path)


def moment(path: str) -> tuple[Kind, Callable[[Object], datetime | None]]:
    """Read epoch seconds as a time in UTC without zone."""
    return TIME, lambda found: _moment(_within(found, path))


def rate(path: str) -> tuple[Kind, Callable[[Object], Decimal | None]]:
    """Read a rate, a JSON number, with all its digits."""
    return RATE, lambda found: None if (value := _within(found, path)) is None else Decimal(str(value))


def reference(path: str) -> tuple[Kind, Callable[[Object], str | None]]:
    """Read the id of a linked object, which is text or, expanded, the object."""

    def take(found: Object) -> str | None:
        value = _within(found, path)
        return value["id"] if isinstance(value, dict) else value

    return pl.String, take


def as_json(path: str) -> tuple[Kind, Callable[[Object], str | None]]:
    """Read a nested value as JSON; None where it is absent."""
    return pl.String, lambda found: None if (value := _within(found, path)) is None else _json(value)


def summed(path: str) -> tuple[Kind, Callable[[Object], int | None]]:
    """Read the sum of the `amount`s of a list; None where the list is absent."""
    return pl.Int64, lambda found: None if (lines := _within(found, path)) is None else _sum(lines)


def counted(path: str) -> tuple[Kind, Callable[[Object], int | None]]:
    """Read the length of a list; None where it is absent."""
    return pl.Int64, lambda found: None if (lines := _within(found, path)) is None else len(lines)


def _sum(lines: list[Object]) -> int:
    return sum(line["amount"] for line in lines)


def _metadata(found: Object) -> str:
    return json.dumps(found.get("metadata") or {}, sort_keys=True, ensure_ascii=False)


OUR_METADATA: Columns = {
    "workspace_id": text("metadata.workspace_id"),
    "infery_invoice_id": text("metadata.infery_invoice_id"),
    "metadata": (pl.String, _metadata),
}
"""Metadata fields of the gateway, and the whole metadata."""
