"""The raw tables of Stripe: every version of an object that was read, append-only.

    latest(...)  the last version of each object
    append(...)  new versions ─► raw/<table>/dt=<day of the sync>/<sha12>.parquet.<sync>.staged
    publish(...) a sync's staged versions ─► <sha12>.parquet

A version is new when it differs from the last one, so an object that changes and changes back has three. Staged files
are not read: the versions of a sync are published together or not at all.

Rulings: docs/decisions/invoices-and-payments.md#invoices-11.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import polars as pl

from ingestion.files import remove_unfinished, whole
from ingestion.home import Home
from ingestion.stripe_api.shape import ObjectKind

_STAGED = ".staged"


def latest(home: Home, stream: ObjectKind, source: str) -> pl.DataFrame:
    """Return the last seen version of each object: id, hash, status, created_at, fetched_at, origin."""
    remove_unfinished(home.raw / stream.table)
    wanted = [stream.id_column, "content_sha256", "status", "created_at", "fetched_at", "origin"]
    return (
        _versions(home, stream, source)
        .select(wanted)
        .sort("fetched_at", "content_sha256")
        .unique(stream.id_column, keep="last", maintain_order=True)
        .collect()
    )


def last_row(home: Home, stream: ObjectKind, source: str, identifier: str) -> dict[str, Any]:
    """Return the last seen version of one object, all columns."""
    seen = _versions(home, stream, source).filter(pl.col(stream.id_column) == identifier)
    return seen.sort("fetched_at", "content_sha256").last().collect().row(0, named=True)


def _versions(home: Home, stream: ObjectKind, source: str) -> pl.LazyFrame:
    """Return every version of a source; a column missing from older files is null."""
    files = sorted((home.raw / stream.table).glob("dt=*/*.parquet"))
    if not files:
        return pl.LazyFrame(schema=stream.schema)
    scanned = pl.scan_parquet(
        files, schema=stream.schema, missing_columns="insert", hive_partitioning=False, glob=False
    )
    return scanned.filter(pl.col("source") == source)


def append(
    home: Home, stream: ObjectKind, rows: list[dict[str, Any]], fetched_at: datetime, sync_id: int
) -> None:
    """Stage versions in one file, named by its content; no file without rows."""
    if not rows:
        return
    frame = pl.DataFrame(rows, schema=stream.schema).sort(stream.id_column)
    names = "\n".join(frame[stream.id_column] + frame["content_sha256"])
    digest = hashlib.sha256(f"{fetched_at.isoformat()}\n{names}".encode()).hexdigest()[:12]
    name = f"{digest}.parquet.{sync_id}{_STAGED}"
    with whole(home.raw / stream.table / f"dt={fetched_at.date()}" / name) as temporary:
        frame.write_parquet(temporary, compression="zstd")


def publish(home: Home, streams: Iterable[ObjectKind], sync_id: int | None) -> None:
    """Publish the staged versions of one sync, and remove those of all others, which were killed."""
    for stream in streams:
        for path in sorted((home.raw / stream.table).glob(f"dt=*/*{_STAGED}")):
            name, _, staged_by = path.name.removesuffix(_STAGED).rpartition(".")
            if staged_by == str(sync_id):
                path.rename(path.with_name(name))
            else:
                path.unlink()
