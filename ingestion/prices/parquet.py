"""Parquet files written atomically, with a fingerprint of their inputs. Knows nothing of prices."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl

from ingestion.files import whole

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
    """Write `frame` so that a reader of `path` sees the old file or the new one.

    The rewrite by DuckDB gives times of day as TIME: Polars writes nanoseconds, which SQL does not compare
    with TIME.
    """
    times = ", ".join(f'"{name}"::TIME as "{name}"' for name, kind in frame.schema.items() if kind == pl.Time)
    columns = f"* replace ({times})" if times else "*"
    with TemporaryDirectory() as folder, whole(path) as unfinished, duckdb.connect() as connection:
        draft = Path(folder) / "draft.parquet"
        frame.write_parquet(draft)
        connection.read_parquet(str(draft)).project(columns).create_view("finished")
        connection.execute(
            f"copy finished to {_literal(unfinished)}"
            f" (format parquet, compression zstd, kv_metadata {{{MADE_FROM}: {_literal(made_from)}}})"
        )


def _literal(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
