"""The exact columns of every raw table, so that dbt can read all of them in a home that has received nothing
yet.
"""

from __future__ import annotations

from ingestion.connectors import CONNECTORS
from ingestion.stripe_api.streams import STREAMS

Columns = list[tuple[str, str]]


#: Versions of Stripe objects, append-only by (id, content). Amounts are minor units.
STRIPE_TABLES: dict[str, Columns] = {kind.table: kind.sql_columns for kind in STREAMS}

#: Lines that did not become rows.
REJECT_COLUMNS: Columns = [
    ("source", "VARCHAR"),
    ("stream", "VARCHAR"),
    ("delivered_on", "DATE"),
    ("raw_file", "VARCHAR"),
    ("raw_line", "BIGINT"),
    ("reason", "VARCHAR"),
    ("detail", "VARCHAR"),
    ("excerpt", "VARCHAR"),
]

#: Validation results (lake/dq_results).
DQ_RESULT_COLUMNS: Columns = [
    ("suite", "VARCHAR"),
    ("suite_version", "INTEGER"),
    ("expectation", "VARCHAR"),
    ("source", "VARCHAR"),
    ("stream", "VARCHAR"),
    ("day", "VARCHAR"),
    ("observed", "DOUBLE"),
    ("expected", "VARCHAR"),
    ("passed", "BOOLEAN"),
    ("is_blocking", "BOOLEAN"),
    ("failing_rows", "VARCHAR"),
    ("content", "VARCHAR"),
]


def landed_tables() -> dict[str, Columns]:
    """Return (column, type) of every raw table filled from landing files, in order."""
    streams = [stream for connector in CONNECTORS.values() for stream in connector.streams]
    return {stream.table: stream.table_columns() for stream in streams}


def tables() -> dict[str, Columns]:
    """Return (column, type) of every raw table filled from landing files or Stripe, in order."""
    return landed_tables() | STRIPE_TABLES
