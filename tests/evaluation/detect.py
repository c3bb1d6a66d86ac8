"""Runs the detectors' SQL over the tables of a world, as dbt would: one table a file, in the order of their names."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl

DETECTORS = Path(__file__).parent / "detectors"


def detect(tables: dict[str, pl.DataFrame], as_of: date) -> duckdb.DuckDBPyConnection:
    """Return a session that holds the inputs, every step and `d21_incidents`."""
    session = duckdb.connect(config={"threads": 1})
    # Through Parquet: DuckDB reads polars by way of pyarrow, which is not installed.
    with TemporaryDirectory() as folder:
        for name, frame in tables.items():
            frame.write_parquet(f"{folder}/{name}.parquet")
            session.execute(f"create table {name} as from '{folder}/{name}.parquet'")
    session.execute("create table clock as select ?::date as as_of", [as_of])
    for file in sorted(DETECTORS.glob("*.sql")):
        session.execute(f"create table {file.stem} as\n{file.read_text()}")
    return session
