"""How far each source is in the books, and why no further: raw/source_status/status.parquet, one row a source.

Written by every night, read by dbt and the doctor. Nothing here but what can be told again of the same landing files
on the same day, so that a night with nothing new changes nothing.

Rulings: docs/decisions/deliveries.md#deliveries-3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

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
]
_TYPES = {"VARCHAR": pl.String(), "DATE": pl.Date()}


@dataclass(frozen=True)
class SourceStatus:
    """One source as the last night left it.

    Attributes:
        source: Its name; `stripe` for the payments.
        connector: What it writes.
        as_of_date: Last delivery day that counts (of Stripe: last day read); None if nothing does.
        held_back_reason: Why its newest deliveries do not count: vanished, failed_gate, unread or not_fetched.
        held_back_detail: The same in a sentence.
        held_back_from: First delivery day that would be otherwise if they did.
        expected_by: Day, UTC, after which a stream is silent that has not delivered again; None if none is expected.
        silent_since: First delivery day that was expected and has passed without a delivery.
        silent_streams: Streams that are silent, with commas.
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


def write(home: Home, statuses: Iterable[SourceStatus]) -> None:
    """Write the status of every source."""
    rows = [asdict(status) for status in sorted(statuses, key=lambda status: status.source)]
    frame = pl.DataFrame(rows, schema={name: _TYPES[kind] for name, kind in COLUMNS})
    write_if_changed(_file(home), frame.write_parquet)


def read(home: Home) -> list[SourceStatus]:
    """Return what the last night wrote, by source; nothing before the first."""
    if not _file(home).exists():
        return []
    return [SourceStatus(**row) for row in pl.read_parquet(_file(home), glob=False).iter_rows(named=True)]


def _file(home: Home) -> Path:
    return home.source_status / "status.parquet"
