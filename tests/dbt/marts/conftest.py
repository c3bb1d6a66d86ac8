"""Raw files of a small world, as ingestion leaves them: invoices with manifests, Stripe objects, currencies.

Only what a test says is written; every other column is null. Building the warehouse is the caller's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from ingestion.home import Home
from ingestion.raw_tables import Columns, tables

Row = Mapping[str, Any]

CURRENCIES: Columns = [
    ("currency", "VARCHAR"),
    ("exponent", "BIGINT"),
    ("tolerance_minor", "BIGINT"),
    ("config_file", "VARCHAR"),
    ("config_line", "BIGINT"),
]
SETTINGS: Columns = [
    ("setting", "VARCHAR"),
    ("value", "DECIMAL(18,6)"),
    ("reason", "VARCHAR"),
    ("config_file", "VARCHAR"),
    ("config_line", "BIGINT"),
]


def write_billing(
    home: Home,
    *,
    invoices: Sequence[Row] = (),
    payment_intents: Sequence[Row] = (),
    refunds: Sequence[Row] = (),
    disputes: Sequence[Row] = (),
    currencies: Sequence[Row] = (),
    settings: Mapping[str, float] | None = None,
) -> None:
    """Write the raw tables the billing models read; invoices are grouped into one file per `delivered_on`."""
    shapes = tables()
    for table in ("infery_invoices", "stripe_payment_intents", "stripe_refunds", "stripe_disputes"):
        write_parquet(home.raw / table / "schema.parquet", shapes[table], [])
    for day in sorted({row["delivered_on"] for row in invoices}):
        rows = [row for row in invoices if row["delivered_on"] == day]
        raw_file = f"infery_invoices/dt={day}/invoices.parquet"
        numbered = [
            {"source": "infery", "raw_file": "x", "raw_line": line, **row} for line, row in enumerate(rows, 1)
        ]
        write_parquet(home.raw / raw_file, shapes["infery_invoices"], numbered)
        write_manifest(home, "infery", "invoices", "infery_invoices", day, raw_file, rows=len(rows))
    for table, rows in (
        ("stripe_payment_intents", payment_intents),
        ("stripe_refunds", refunds),
        ("stripe_disputes", disputes),
    ):
        if rows:
            write_parquet(home.raw / table / "dt=2026-11-01" / "objects.parquet", shapes[table], rows)
    write_parquet(home.raw / "config_currencies" / "config.parquet", CURRENCIES, currencies)
    stated = [{"setting": name, "value": value} for name, value in (settings or {}).items()]
    write_parquet(home.raw / "config_anomaly_settings" / "config.parquet", SETTINGS, stated)


def write_parquet(target: Path, columns: Columns, rows: Sequence[Row]) -> None:
    """Write rows as one Parquet file with exactly `columns`; what a row does not name is null."""
    unknown = {name for row in rows for name in row} - {name for name, _ in columns}
    assert not unknown, f"{target.parent.name} has no column {sorted(unknown)}"
    target.parent.mkdir(parents=True, exist_ok=True)
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns)
    with duckdb.connect() as session:
        session.execute(f"create table rows ({declared})")
        if rows:
            marks = ", ".join("?" for _ in columns)
            session.executemany(
                f"insert into rows values ({marks})", [[row.get(name) for name, _ in columns] for row in rows]
            )
        session.execute(f"copy rows to '{target}' (format parquet)")


def write_manifest(
    home: Home,
    source: str,
    stream: str,
    table: str,
    day: object,
    raw_file: str | None,
    *,
    rows: int,
    event_days: Mapping[str, int] | None = None,
) -> None:
    """Write the manifest that makes a raw file count."""
    target = home.raw / "manifests" / source / stream / f"dt={day}" / "file.ndjson.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "source": source,
        "stream": stream,
        "dialect": source,
        "table": table,
        "delivered_on": str(day),
        "landing_file": f"{source}/{stream}/dt={day}/file.ndjson",
        "bytes": 1,
        "sha256": f"{source}{day}",
        "reader_version": "1",
        "raw_file": raw_file,
        "lines": rows,
        "blank_lines": 0,
        "events": rows,
        "rejects": 0,
        "event_days": [{"event_date": d, "events": n} for d, n in (event_days or {}).items()],
        "models": [],
        "unknown_fields": [],
    }
    target.write_text(json.dumps(content) + "\n", encoding="utf-8")
