"""The raw tables of Stripe: every version an object has been seen in, appended, never changed.

    latest(...)  what is known          append(...)  what is new ─► raw/<table>/dt=<day of the
    sync>/<sha12>.parquet

A version is new when it differs from the one seen last, so an object that changes and changes back has three.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import polars as pl

from ingestion.files import sweep, whole
from ingestion.home import Home
from ingestion.stripe_api.streams import Stream


def latest(home: Home, stream: Stream, source: str) -> pl.DataFrame:
    """Return the last seen version of each object of a source: id, content_sha256, status, created_at."""
    folder = home.raw / stream.table
    sweep(folder)
    wanted = [stream.id_column, "content_sha256", "status", "created_at"]
    files = sorted(folder.glob("dt=*/*.parquet"))
    if not files:
        return pl.DataFrame(schema={name: stream.schema[name] for name in wanted})
    return (
        pl.scan_parquet(files, hive_partitioning=False)
        .filter(pl.col("source") == source)
        .sort("fetched_at", "content_sha256")
        .unique(stream.id_column, keep="last", maintain_order=True)
        .select(wanted)
        .collect()
    )


def append(home: Home, stream: Stream, rows: list[dict[str, Any]], fetched_at: datetime) -> None:
    """Add versions as one whole file, named by its content; nothing to add makes no file."""
    if not rows:
        return
    frame = pl.DataFrame(rows, schema=stream.schema).sort(stream.id_column)
    names = "\n".join(frame[stream.id_column] + frame["content_sha256"])
    digest = hashlib.sha256(f"{fetched_at.isoformat()}\n{names}".encode()).hexdigest()[:12]
    with whole(home.raw / stream.table / f"dt={fetched_at.date()}" / f"{digest}.parquet") as temporary:
        frame.write_parquet(temporary, compression="zstd")
