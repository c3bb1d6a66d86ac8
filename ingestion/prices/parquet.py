"""A Parquet file that appears whole, with a note of what it was made from. Knows nothing of prices."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import duckdb
import polars as pl

MADE_FROM = "tollbook_made_from"


def fingerprint(*inputs: object) -> str:
    """Return a digest of JSON-able `inputs` and of this package's code: equal digests mean equal files."""
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()


def is_made_from(path: Path, made_from: str) -> bool:
    """Whether `path` is a readable Parquet file written with this fingerprint."""
    try:
        return pl.read_parquet_metadata(path).get(MADE_FROM) == made_from
    except (OSError, pl.exceptions.PolarsError):
        return False


def write_whole(frame: pl.DataFrame, path: Path, made_from: str) -> None:
    """Write `frame` beside `path` and rename it into place: a reader sees the old file or the new one.

    The rewrite by DuckDB gives times of day as TIME: Polars writes nanoseconds, which SQL does not compare
    with TIME.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # No .parquet ending: a reader's glob must not find a file that is still being written.
    drafted, unfinished = path.parent / f".tmp-draft-{path.stem}", path.parent / f".tmp-{path.stem}"
    frame.write_parquet(drafted)
    times = ", ".join(f'"{name}"::TIME as "{name}"' for name, kind in frame.schema.items() if kind == pl.Time)
    columns = f"* replace ({times})" if times else "*"
    with duckdb.connect() as connection:
        connection.read_parquet(str(drafted)).project(columns).create_view("finished")
        connection.execute(
            f"copy finished to {_literal(unfinished)}"
            f" (format parquet, compression zstd, kv_metadata {{{MADE_FROM}: {_literal(made_from)}}})"
        )
    os.replace(unfinished, path)
    drafted.unlink()


def _literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
