"""The gate of raw data: is a delivered day plausible?

It checks content that has not passed before, identified by fingerprint; passed fingerprints and the last failures are
kept in $TOLLBOOK_HOME/dagster/gates/. So a failed day is checked again until it passes, a passed day is not checked
twice, and a run without changes does not start Great Expectations. The expectations are data in this module;
accepting.py decides what happens to a source that fails.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dagster_project.quality.expectations import Expectation, failures
from ingestion import load_records
from ingestion.connectors import Stream
from ingestion.files import whole
from ingestion.home import Home
from ingestion.sources import Source
from ingestion.streams import TOKEN_LIMIT

if TYPE_CHECKING:
    import pandas as pd

ODD_SHARE = 0.05
STATUSES = ("success", "failure", "timeout", "cancelled")
#: A time outside [2020, a year after delivery] is a wrong unit or epoch, not a late row.
EARLIEST = date(2020, 1, 1)
LATEST_DAYS = 366

#: Profile of rows, per delivery day and layout of the stream.
PROFILE = """
    create table profile (
        delivered_on date, rows_read bigint, null_ids bigint, odd_statuses bigint, odd_times bigint,
        min_tokens bigint, max_tokens bigint
    )
"""
_COUNTS = ("lines", "events", "rejects", "blank_lines")

RAW_EXPECTATIONS: Sequence[Expectation] = (
    ("ExpectTableRowCountToBeBetween", {"min_value": 1}),
    ("ExpectColumnValuesToBeInSet", {"column": "unaccounted_lines", "value_set": [0]}),
    ("ExpectColumnValuesToBeInSet", {"column": "row_gap", "value_set": [0]}),
    ("ExpectColumnValuesToBeInSet", {"column": "null_ids", "value_set": [0]}),
    ("ExpectColumnValuesToBeBetween", {"column": "odd_status_share", "max_value": ODD_SHARE}),
    ("ExpectColumnValuesToBeBetween", {"column": "odd_time_share", "max_value": ODD_SHARE}),
    ("ExpectColumnValuesToBeBetween", {"column": "min_tokens", "min_value": 0}),
    ("ExpectColumnValuesToBeBetween", {"column": "max_tokens", "max_value": TOKEN_LIMIT - 1}),
)


@dataclass(frozen=True)
class Verdict:
    """Result of a gate: the number of days checked now, and every expectation that was not met."""

    judged: int
    failures: Sequence[str]

    @property
    def passed(self) -> bool:
        """Whether every expectation was met."""
        return not self.failures


def judge_raw(home: Home, source: Source, stream: str) -> Verdict:
    """Check the delivery days of an event stream whose content has not passed yet."""
    ledger = _ledger(home, f"{source.name}.{stream}")
    landed = _days(home, source, stream)
    open_days = [day for day in landed if ledger.get(day) != _fingerprint(landed[day])]
    if not open_days:
        return Verdict(0, [])
    frame = raw_profile(home, source, stream, {day: landed[day] for day in open_days})
    found = failures(frame, [*RAW_EXPECTATIONS, few_rejects(source)], "delivered_on")
    if found:
        _note(home, f"{source.name}.{stream}.failures", dict.fromkeys(open_days, found))
    else:
        passed = {day: _fingerprint(files) for day, files in landed.items()}
        _note(home, f"{source.name}.{stream}", passed)
    return Verdict(len(open_days), found)


def open_days(home: Home, sources: Sequence[Source]) -> set[date]:
    """Return the delivery days of all event streams that have not passed their gate."""
    return {
        date.fromisoformat(day)
        for source in sources
        for stream in event_streams(source)
        for day in _open_days(home, source, stream)
    }


def objections(home: Home, source: Source) -> tuple[list[str], date | None]:
    """Return the failures of a source's gates as sentences, and the first day concerned."""
    sentences, days = [], []
    for stream in event_streams(source):
        found = _open_days(home, source, stream)
        if found:
            failures = _ledger(home, f"{source.name}.{stream}.failures")
            found_sentences = dict.fromkeys(
                sentence for day in found for sentence in failures.get(day, ["not judged yet"])
            )
            sentences.append(f"{stream}: {'; '.join(found_sentences)}")
            days += found
    return sentences, min(map(date.fromisoformat, days), default=None)


def has_passed(home: Home, source: Source, stream: str, files: Sequence[Mapping]) -> bool:
    """Return whether a gate has passed the files of a delivery day, or does not apply to the stream."""
    if stream not in event_streams(source):
        return True
    return _ledger(home, f"{source.name}.{stream}").get(files[0]["delivered_on"]) == _fingerprint(files)


def _open_days(home: Home, source: Source, stream: str) -> list[str]:
    ledger = _ledger(home, f"{source.name}.{stream}")
    days = _days(home, source, stream)
    return [day for day, files in days.items() if ledger.get(day) != _fingerprint(files)]


def event_streams(source: Source) -> list[str]:
    """Return the names of a source's streams whose rows are usage events, each once."""
    names = [stream.name for stream in source.reader.streams if stream.occurred_at]
    return [name for name in dict.fromkeys(names) if name in source.streams]


def few_rejects(source: Source) -> Expectation:
    """Return the expectation of a source's reject limit; up to `reject_minimum_lines` the share counts as 0."""
    return (
        "ExpectColumnValuesToBeBetween",
        {"column": "reject_share", "max_value": source.reject_threshold},
    )


def raw_profile(
    home: Home, source: Source, stream: str, days: Mapping[str, Sequence[Mapping]]
) -> pd.DataFrame:
    """One row per delivery day: counts from its load records, shares from the rows themselves."""
    with duckdb.connect() as session:
        session.sql(
            """
            create table landed (
                delivered_on date, lines bigint, events bigint, rejects bigint, blank_lines bigint
            )
            """
        )
        session.executemany(
            "insert into landed values ($1, $2, $3, $4, $5)",
            [(day, *(sum(file[name] for file in files) for name in _COUNTS)) for day, files in days.items()],
        )
        session.sql(PROFILE)
        # Several formats of one stream may share a table.
        layouts = {layout.table: layout for layout in source.reader.streams if layout.name == stream}
        for table, layout in layouts.items():
            files = [
                str(home.raw / file["raw_file"])
                for files in days.values()
                for file in files
                if file["raw_file"] and file["table"] == table
            ]
            if files:
                _profile_rows(session, layout, files)
        return session.sql(
            """
            select
                landed.delivered_on,
                cast(lines - events - rejects - blank_lines as bigint) as unaccounted_lines,
                cast(events - coalesce(rows_read, 0) as bigint) as row_gap,
                case when rejects > $few then cast(rejects as double) / lines else 0 end as reject_share,
                coalesce(null_ids, 0) as null_ids,
                coalesce(cast(odd_statuses as double) / rows_read, 0) as odd_status_share,
                coalesce(cast(odd_times as double) / rows_read, 0) as odd_time_share,
                coalesce(min_tokens, 0) as min_tokens,
                coalesce(max_tokens, 0) as max_tokens
            from landed
            left join (
                select
                    delivered_on,
                    cast(sum(rows_read) as bigint) as rows_read,
                    cast(sum(null_ids) as bigint) as null_ids,
                    cast(sum(odd_statuses) as bigint) as odd_statuses,
                    cast(sum(odd_times) as bigint) as odd_times,
                    min(min_tokens) as min_tokens,
                    max(max_tokens) as max_tokens
                from profile
                group by delivered_on
            ) as profile on landed.delivered_on = profile.delivered_on
            order by landed.delivered_on
            """,
            params={"few": source.reject_minimum_lines},
        ).df()


def _profile_rows(session: duckdb.DuckDBPyConnection, stream: Stream, files: Sequence[str]) -> None:
    """Add the rows of some raw files of one layout, by delivery day, to the table `profile`."""
    columns = dict(stream.table_columns())
    present = [field for field in stream.fields if field.name in columns]
    tokens = ", ".join(field.name for field in present if field.kind.name == "tokens") or "0"
    ids = " or ".join(f"{field.name} is null" for field in present if field.mandatory) or "false"
    odd_status = f"status not in {STATUSES}" if "status" in columns else "false"
    odd_time = "occurred_at < $earliest or occurred_at >= delivered_on + to_days($latest_days)"
    bounds = {"earliest": EARLIEST, "latest_days": LATEST_DAYS}
    if not stream.occurred_at:
        # A stream may also have files of sums; they have a window, which no gate checks.
        odd_time, bounds = "false", {}
    session.sql(
        f"""
        insert into profile
        select
            delivered_on,
            count(*) as rows_read,
            count(*) filter (where {ids}) as null_ids,
            count(*) filter (where {odd_status}) as odd_statuses,
            count(*) filter (where {odd_time}) as odd_times,
            coalesce(min(least({tokens})), 0) as min_tokens,
            coalesce(max(greatest({tokens})), 0) as max_tokens
        from read_parquet($files)
        group by delivered_on
        """,  # noqa: S608
        params={"files": list(files), **bounds},
    )


def _days(home: Home, source: Source, stream: str) -> dict[str, list[Mapping]]:
    """Return the load records of a stream's files that are in landing/, by delivery day."""
    days: dict[str, list[Mapping]] = {}
    for path in sorted((home.load_records / source.name / stream).glob("dt=*/*.json")):
        found = load_records.read(path)
        if found is not None and (home.landing / found["landing_file"]).exists():
            days.setdefault(found["delivered_on"], []).append(found)
    return days


def _fingerprint(files: Sequence[Mapping]) -> str:
    return " ".join(f"{file.get('blake3')}:{file['reader_version']}" for file in files)


def _ledger_file(home: Home, gate: str) -> Path:
    return home.gates / f"{gate}.json"


def _ledger(home: Home, gate: str) -> dict[str, Any]:
    try:
        return json.loads(_ledger_file(home, gate).read_bytes())
    except FileNotFoundError:
        return {}


def _note(home: Home, gate: str, content: Mapping[str, Any]) -> None:
    with whole(_ledger_file(home, gate)) as temporary:
        temporary.write_text(json.dumps(content, indent=0, sort_keys=True))
