"""The profile of a delivered day of a stream: counts from its load records, shares from its raw files.

Rows are read once; how many lack a value is in the statistics of Parquet files. comparisons.py compares a profile with
those of earlier days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

import duckdb

from dagster_project.quality.results import MOST_SHOWN
from ingestion.connectors import Stream
from ingestion.home import Home
from ingestion.sources import Source
from ingestion.streams import TOKEN_LIMIT

Record = Mapping[str, Any]

STATUSES = ("success", "failure", "timeout", "cancelled")
#: A time outside [2020, a year after delivery] is a wrong unit or epoch, not a late row.
EARLIEST = date(2020, 1, 1)
LATEST_DAYS = 366
#: Columns that say where a row comes from, not what it holds.
_NOT_FIELDS = {"source", "raw_file", "raw_line", "first_line", "delivered_on", "extra", "unknown_fields"}
_COUNTS = ("lines", "events", "rejects", "blank_lines")
#: Counts of rows, per delivery day and layout of the stream.
_TABLE = """
    create table profile (
        delivered_on date, rows_read bigint, null_ids bigint, odd_statuses bigint, odd_times bigint,
        min_tokens bigint, max_tokens bigint, hours map(bigint, ubigint)
    )
"""


@dataclass
class Day:
    """What is kept of a delivery day: rows, rows by hour of day (UTC), share of rows without a value, by column."""

    rows: int = 0
    hours: dict[str, int] = field(default_factory=dict)
    absent: dict[str, float] = field(default_factory=dict)
    undeclared: float = 0.0
    models: list[str] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def measure(home: Home, source: Source, stream: str, days: Mapping[str, Sequence[Record]]) -> dict[str, Day]:
    """Measure delivery days (ISO) from their load records and raw files."""
    measured = {}
    with duckdb.connect() as session:
        session.sql(_TABLE)
        for layout, paths in _layouts(home, source, stream, days):
            _add_rows(session, layout, paths)
        rows = _row_counts(session)
        absent, undeclared = _absent(session, home, days)
    for day, files in days.items():
        lines, events, rejects, blank_lines = (sum(file[name] for file in files) for name in _COUNTS)
        seen = rows.get(day, {})
        row_count = seen.get("rows_read") or 0
        measured[day] = Day(
            rows=row_count,
            hours=seen.get("hours") or {},
            absent=absent.get(day, {}),
            undeclared=undeclared.get(day, 0.0),
            models=sorted(models_of(files)),
            counts={
                "unaccounted_lines": lines - events - rejects - blank_lines,
                "row_gap": events - row_count,
                "reject_share": rejects / lines if rejects > source.reject_minimum_lines else 0,
                "null_ids": seen.get("null_ids") or 0,
                "odd_status_share": (seen.get("odd_statuses") or 0) / row_count if row_count else 0,
                "odd_time_share": (seen.get("odd_times") or 0) / row_count if row_count else 0,
                "min_tokens": seen.get("min_tokens") or 0,
                "max_tokens": seen.get("max_tokens") or 0,
            },
        )
    return measured


def models_of(files: Sequence[Record]) -> dict[str, int]:
    """Return the events of each model of a day's files."""
    found: dict[str, int] = {}
    for file in files:
        for entry in file.get("models") or ():
            name = f"{entry['provider']}/{entry['model']}" if entry["provider"] else entry["model"] or ""
            found[name] = found.get(name, 0) + entry["events"]
    return found


def failing_rows(
    home: Home, source: Source, stream: str, column: str, files: Sequence[Record]
) -> list[dict[str, Any]]:
    """Return the first rows or lines behind a count of one delivery day: their file and line, and what is wrong."""
    if column in ("unaccounted_lines", "row_gap"):
        return [{"file": file["landing_file"], **{name: file[name] for name in _COUNTS}} for file in files]
    with duckdb.connect() as session:
        if column == "reject_share":
            rejects = [str(home.rejects / file["rejects_file"]) for file in files if file["rejects_file"]]
            return _rows(session, "raw_file as file, raw_line as line, reason", rejects, "true")
        found: list[dict[str, Any]] = []
        for layout, paths in _layouts(home, source, stream, {"": files}):
            condition, value = _condition(layout, column)
            if condition:
                what = f"raw_file as file, coalesce(raw_line, file_row_number + first_line) as line, {value}"
                found += _rows(session, what, paths, condition)
        return found[:MOST_SHOWN]


def _layouts(
    home: Home, source: Source, stream: str, days: Mapping[str, Sequence[Record]]
) -> Iterator[tuple[Stream, list[str]]]:
    """Yield the layouts of a stream that have files, with the files; several formats of a stream may share a table."""
    layouts = {layout.table: layout for layout in source.reader.streams if layout.name == stream}
    for table, layout in layouts.items():
        paths = [
            str(home.raw / file["raw_file"])
            for files in days.values()
            for file in files
            if file["raw_file"] and file["table"] == table
        ]
        if paths:
            yield layout, paths


def _add_rows(session: duckdb.DuckDBPyConnection, layout: Stream, files: Sequence[str]) -> None:
    """Add the rows of some raw files of one layout, by delivery day, to the table `profile`."""
    tokens = ", ".join(_tokens(layout)) or "0"
    # A stream may also have files of sums; they have a window, which no gate checks.
    hour = "hour(occurred_at)" if layout.occurred_at else "null"
    conditions = {
        name: _condition(layout, column)[0] or "false"
        for name, column in (("ids", "null_ids"), ("status", "odd_status_share"), ("time", "odd_time_share"))
    }
    session.sql(
        f"""
        insert into profile
        select
            delivered_on,
            count(*) as rows_read,
            count(*) filter (where {conditions["ids"]}) as null_ids,
            count(*) filter (where {conditions["status"]}) as odd_statuses,
            count(*) filter (where {conditions["time"]}) as odd_times,
            coalesce(min(least({tokens})), 0) as min_tokens,
            coalesce(max(greatest({tokens})), 0) as max_tokens,
            histogram(cast({hour} as bigint)) as hours
        from read_parquet($files)
        group by delivered_on
        """,  # noqa: S608
        params={"files": list(files)},
    )


def _row_counts(session: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    """Return the sums of the table `profile` over all layouts, by delivery day."""
    found: dict[str, dict[str, Any]] = {}
    relation = session.sql(
        "select cast(delivered_on as varchar) as day, * exclude (delivered_on) from profile"
    )
    for day, *values in relation.fetchall():
        row = dict(zip(relation.columns[1:], values, strict=True))
        hours = {str(hour): count for hour, count in (row["hours"] or {}).items()}
        if (before := found.get(day)) is None:
            found[day] = row | {"hours": hours}
            continue
        for name in ("rows_read", "null_ids", "odd_statuses", "odd_times"):
            before[name] += row[name]
        before["min_tokens"] = min(before["min_tokens"], row["min_tokens"])
        before["max_tokens"] = max(before["max_tokens"], row["max_tokens"])
        for hour, count in hours.items():
            before["hours"][hour] = before["hours"].get(hour, 0) + count
    return found


def _absent(
    session: duckdb.DuckDBPyConnection, home: Home, days: Mapping[str, Sequence[Record]]
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Return the share of rows without a value by day and column, and the share of rows with an undeclared field."""
    day_of = {
        str(home.raw / file["raw_file"]): day
        for day, files in days.items()
        for file in files
        if file["raw_file"]
    }
    if not day_of:
        return {}, {}
    sums: dict[tuple[str, str], list[int]] = {}
    for file, column, values, nulls in session.sql(
        "select file_name, path_in_schema, num_values, stats_null_count from parquet_metadata($files)",
        params={"files": list(day_of)},
    ).fetchall():
        total = sums.setdefault((day_of[file], column), [0, 0])
        total[0] += values
        total[1] += nulls or 0
    absent: dict[str, dict[str, float]] = {}
    undeclared = {}
    for (day, column), (values, nulls) in sorted(sums.items()):
        share = round(nulls / values, 4) if values else 0.0
        if column == "extra":
            undeclared[day] = round(1 - share, 4) if values else 0.0
        elif column not in _NOT_FIELDS:
            absent.setdefault(day, {})[column] = share
    return absent, undeclared


def _condition(layout: Stream, column: str) -> tuple[str, str]:
    """Return the SQL condition of a row that a column of the profile counts, and what to show of the row."""
    present = {name for name, _ in layout.table_columns()}
    ids = [field.name for field in layout.fields if field.mandatory and field.name in present]
    tokens = _tokens(layout)
    if column == "null_ids" and ids:
        return " or ".join(f"{name} is null" for name in ids), ", ".join(ids)
    if column == "odd_status_share" and "status" in present:
        return f"status not in {STATUSES}", "status"
    if column == "odd_time_share" and layout.occurred_at:
        late = f"delivered_on + to_days({LATEST_DAYS})"
        return f"occurred_at < date '{EARLIEST}' or occurred_at >= {late}", "occurred_at"
    if column in ("min_tokens", "max_tokens") and tokens:
        listed = ", ".join(tokens)
        if column == "min_tokens":
            return f"least({listed}) < 0", f"least({listed}) as tokens"
        return f"greatest({listed}) >= {TOKEN_LIMIT}", f"greatest({listed}) as tokens"
    return "", ""


def _tokens(layout: Stream) -> list[str]:
    present = {name for name, _ in layout.table_columns()}
    return [field.name for field in layout.fields if field.kind.name == "tokens" and field.name in present]


def _rows(
    session: duckdb.DuckDBPyConnection, what: str, files: Sequence[str], condition: str
) -> list[dict[str, Any]]:
    """Return the first rows of Parquet files that a condition holds for, by file and line."""
    if not files:
        return []
    relation = session.sql(
        f"""
        select {what}
        from read_parquet($files, file_row_number = true, union_by_name = true)
        where {condition}
        order by 1, 2
        limit {MOST_SHOWN}
        """,  # noqa: S608
        params={"files": list(files)},
    )
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
