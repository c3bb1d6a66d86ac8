"""What the gateways wrote of one request: rows of raw/ with its id, as they were read. Nothing is computed.

    accepted load records with events of its days ─► their raw files ─► rows with the id, without what the event has too

A call may be told in several exports; here each has its own words: ratios, the parts of a charge, the times at which
gateway and provider began and ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import duckdb

from dagster_project.reports.trace import readable
from ingestion import accepted
from ingestion.home import Home

#: Where a row is from, which is said once for all of it.
_PLACE = frozenset({"raw_file", "raw_line", "first_line", "delivered_on", "dt"})
#: The column with the id of the request: the first of these that a raw table has.
_IDS = ("request_id", "id")
#: Raw files that are looked through; days delivered as a file per request have more.
MOST_FILES = 1_000


@dataclass(frozen=True)
class GatewayLine:
    """A row of raw/: the file below landing/ it was read from, and its fields that have a value."""

    file: str
    fields: Mapping[str, Any]


def gateway_lines(home: Home, event: Mapping[str, Any]) -> list[GatewayLine]:
    """Return the rows of an event's source with its request id, of the event's day and its neighbours, by file.

    Files of sources that are archived, or cannot be found any more, are left out.
    """
    day = event.get("adjusts_event_date") or event["event_date"]
    days = {str(day + timedelta(days=number)) for number in (-1, 0, 1)}
    records = [
        record
        for record in accepted.of_source(home, event["source"])
        if record["raw_file"] and days & {one["event_date"] for one in record["event_days"]}
    ]
    records.sort(key=lambda record: record["landing_file"] != event["raw_file"])
    tables: dict[str, list[str]] = {}
    for record in records[:MOST_FILES]:
        path = home.raw / record["raw_file"]
        if path.is_file():
            tables.setdefault(record["table"], []).append(str(path))
    with duckdb.connect() as connection:
        return [line for files in tables.values() for line in _of_table(connection, files, event)]


def as_text(lines: Sequence[GatewayLine]) -> Iterator[str]:
    """Yield the rows as lines of text."""
    if lines:
        yield ""
        yield "as the gateway wrote it"
    for line in lines:
        yield f"  landing/{line.file}"
        for name, value in line.fields.items():
            yield f"    {name:<28} {readable(value)}"


def as_json(lines: Sequence[GatewayLine]) -> list[dict[str, Any]]:
    """Return the rows as plain JSON values; all but whole numbers and flags as text."""
    return [
        {"file": line.file}
        | {name: value if isinstance(value, int) else readable(value) for name, value in line.fields.items()}
        for line in lines
    ]


def _of_table(
    connection: duckdb.DuckDBPyConnection, files: Sequence[str], event: Mapping[str, Any]
) -> Iterator[GatewayLine]:
    rows = connection.read_parquet(list(files), union_by_name=True)
    key = next((name for name in _IDS if name in rows.columns), None)
    if key is None:
        return
    connection.execute("set variable request_id = $id", {"id": event["request_id"]})
    found = rows.filter(f"cast({key} as varchar) = getvariable('request_id')")
    found = found.order("raw_file, raw_line, first_line")
    for row in found.fetchall():
        fields = dict(zip(rows.columns, row, strict=True))
        yield GatewayLine(
            fields["raw_file"],
            {
                name: value
                for name, value in fields.items()
                if value not in (None, "")
                and name not in _PLACE
                and (name not in event or event[name] != value)
            },
        )
