"""Raw files of a small world, as ingestion leaves them: landed tables with load records, Stripe objects, config.

Only what a test says is written; every other column is null. Building the warehouse is the tests'.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import accepted
from ingestion.config import write_config
from ingestion.home import Home
from ingestion.load import write_schemas
from ingestion.raw_tables import Columns, tables

Row = Mapping[str, Any]

_CONFIG_LINE: Columns = [("config_file", "VARCHAR"), ("config_line", "BIGINT")]
CURRENCIES: Columns = [
    ("currency", "VARCHAR"),
    ("exponent", "BIGINT"),
    ("tolerance_minor", "BIGINT"),
    *_CONFIG_LINE,
]
SETTINGS: Columns = [
    ("setting", "VARCHAR"),
    ("value", "DECIMAL(18,6)"),
    ("reason", "VARCHAR"),
    *_CONFIG_LINE,
]


@dataclass(frozen=True)
class RawFiles:
    """Writes the raw files of one home."""

    home: Home

    def billing(
        self,
        *,
        invoices: Sequence[Row] = (),
        payment_intents: Sequence[Row] = (),
        refunds: Sequence[Row] = (),
        disputes: Sequence[Row] = (),
        stripe_invoices: Sequence[Row] = (),
        invoice_payments: Sequence[Row] = (),
        charges: Sequence[Row] = (),
        credit_notes: Sequence[Row] = (),
        balance_transactions: Sequence[Row] = (),
        currencies: Mapping[str, tuple[int, int]] | None = None,
        settings: Mapping[str, float] | None = None,
    ) -> None:
        """Write what the billing models read; invoices are grouped into one file per `delivered_on`.

        `currencies` are (exponent, tolerance in minor units) by code; without them the shipped ones hold.
        """
        self.configuration(settings, currencies)
        raw, shapes = self.home.raw, tables()
        for day in sorted({row["delivered_on"] for row in invoices}):
            rows = [row for row in invoices if row["delivered_on"] == day]
            raw_file = f"infery_invoices/dt={day}/invoices.parquet"
            numbered = [
                {"source": "infery", "raw_file": raw_file, "raw_line": line, **row}
                for line, row in enumerate(rows, 1)
            ]
            write_parquet(raw / raw_file, shapes["infery_invoices"], numbered)
            self._manifest("infery", "invoices", "infery_invoices", day, raw_file)
        for table, rows in (
            ("stripe_payment_intents", payment_intents),
            ("stripe_refunds", refunds),
            ("stripe_disputes", disputes),
            ("stripe_invoices", stripe_invoices),
            ("stripe_invoice_payments", invoice_payments),
            ("stripe_charges", charges),
            ("stripe_credit_notes", credit_notes),
            ("stripe_balance_transactions", balance_transactions),
        ):
            if rows:
                write_parquet(raw / table / "dt=2026-11-01" / "objects.parquet", shapes[table], rows)

    def configuration(
        self,
        settings: Mapping[str, float] | None = None,
        currencies: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        """Write empty raw tables and the configuration; what is not given is as shipped."""
        write_schemas(self.home)
        write_config(self.home)
        if settings is not None:
            stated = [{"setting": name, "value": value} for name, value in settings.items()]
            write_parquet(self.home.raw / "config_anomaly_settings/config.parquet", SETTINGS, stated)
        if currencies is not None:
            listed = [
                {"currency": code, "exponent": exponent, "tolerance_minor": tolerance}
                for code, (exponent, tolerance) in currencies.items()
            ]
            write_parquet(self.home.raw / "config_currencies/config.parquet", CURRENCIES, listed)

    def _manifest(self, source: str, stream: str, table: str, day: object, raw_file: str) -> None:
        content = {
            "source": source,
            "stream": stream,
            "connector": source,
            "table": table,
            "delivered_on": str(day),
            "landing_file": f"{source}/{stream}/dt={day}/file.ndjson",
            "bytes": 1,
            "blake3": f"{source} {day}",
            "reader_version": "1",
            "raw_file": raw_file,
            "lines": 1,
            "blank_lines": 0,
            "events": 1,
            "rejects": 0,
            "event_days": [],
            "models": [],
            "unknown_fields": [],
        }
        others = [
            known
            for known in accepted.of_source(self.home, source)
            if known["landing_file"] != content["landing_file"]
        ]
        accepted.accept(self.home, source, [*others, content])


def write_parquet(target: Path, columns: Columns, rows: Sequence[Row]) -> None:
    """Write rows as one Parquet file with exactly `columns`; what a row does not name is null."""
    unknown = {name for row in rows for name in row} - {name for name, _ in columns}
    assert not unknown, f"{target.parent.name} has no column {sorted(unknown)}"
    target.parent.mkdir(parents=True, exist_ok=True)
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns)
    text = ", ".join(f"'{name}': 'VARCHAR'" for name, _ in columns)
    lines = target.with_name(".tmp-rows.ndjson")
    lines.write_text("".join(json.dumps(_cells(row, columns)) + "\n" for row in rows), encoding="utf-8")
    with duckdb.connect() as session:
        session.execute(f"create table rows ({declared})")
        if rows:
            options = f"format = 'newline_delimited', hive_partitioning = false, columns = {{{text}}}"
            session.execute(f"insert into rows from read_json('{lines}', {options})")
        session.execute(f"copy rows to '{target}' (format parquet)")
    lines.unlink()


def _cells(row: Row, columns: Columns) -> dict[str, str]:
    """The row as text, so that amounts never pass through a double."""
    return {name: str(row[name]) for name, _ in columns if row.get(name) is not None}


@pytest.fixture(scope="session")
def raw_files() -> type[RawFiles]:
    """How to write the raw files of a home: `raw_files(home).billing(…)`."""
    return RawFiles
