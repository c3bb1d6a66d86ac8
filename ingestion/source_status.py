"""Up to which day each source is accepted, and why no further: raw/source_status/status.parquet, one row per source.

Written every night, read by dbt and the doctor. It depends only on the landing files and the day, so a night with
nothing new does not change it.

Rulings: docs/decisions/deliveries.md#deliveries-3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ingestion.files import write_if_changed
from ingestion.home import Home
from ingestion.raw_tables import Columns

COLUMNS: Columns = [
    ("source", "VARCHAR"),
    ("connector", "VARCHAR"),
    ("as_of_date", "DATE"),
    ("held_back_reason", "VARCHAR"),
    ("held_back_detail", "VARCHAR"),
    ("held_back_from", "DATE"),
    ("expected_by", "DATE"),
    ("silent_since", "DATE"),
    ("silent_streams", "VARCHAR"),
    ("missing_deliveries", "STRUCT(stream VARCHAR, missing_on DATE)[]"),
]
_TYPES = {
    "VARCHAR": pl.String(),
    "DATE": pl.Date(),
    "STRUCT(stream VARCHAR, missing_on DATE)[]": pl.List(
        pl.Struct({"stream": pl.String(), "missing_on": pl.Date()})
    ),
}


@dataclass(frozen=True)
class MissingDelivery:
    """A delivery that was due and did not come."""

    stream: str
    missing_on: date


@dataclass(frozen=True)
class SourceStatus:
    """One source as the last night left it.

    Attributes:
        source: Its name; `stripe` for the payments.
        connector: Its connector.
        as_of_date: Last accepted delivery day (of Stripe: last day read); None if there is none.
        held_back_reason: Why its newest deliveries are not accepted: vanished, failed_gate, unread or not_fetched.
        held_back_detail: The same in a sentence.
        held_back_from: First delivery day that accepting them would change.
        expected_by: UTC day after which a stream that has not delivered again is silent; None if none is expected.
        silent_since: First delivery day that was expected and has passed without a delivery.
        silent_streams: The silent streams, comma-separated.
        missing_deliveries: Streams of calls and days between their first and last accepted delivery on which one was
            due and none came.
    """

    source: str
    connector: str | None = None
    as_of_date: date | None = None
    held_back_reason: str | None = None
    held_back_detail: str | None = None
    held_back_from: date | None = None
    expected_by: date | None = None
    silent_since: date | None = None
    silent_streams: str | None = None
    missing_deliveries: tuple[MissingDelivery, ...] = ()


def write(home: Home, statuses: Iterable[SourceStatus]) -> None:
    """Write the status of every source."""
    rows = [asdict(status) for status in sorted(statuses, key=lambda status: status.source)]
    frame = pl.DataFrame(rows, schema={name: _TYPES[kind] for name, kind in COLUMNS})
    write_if_changed(_file(home), frame.write_parquet)


def read(home: Home) -> list[SourceStatus]:
    """Return what the last night wrote, by source; empty before the first night."""
    if not _file(home).exists():
        return []
    return [_status(row) for row in pl.read_parquet(_file(home), glob=False).iter_rows(named=True)]


def _status(row: dict[str, Any]) -> SourceStatus:
    """Return a row as written; a version before 0.3 wrote no missing deliveries."""
    missing = tuple(MissingDelivery(**delivery) for delivery in row.pop("missing_deliveries", None) or ())
    return SourceStatus(**row, missing_deliveries=missing)


def _file(home: Home) -> Path:
    return home.source_status / "status.parquet"
