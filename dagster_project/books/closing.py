"""Closed months: lake/closings/<month>.json names the files that are its days, whatever changes later.

A month is closed over what is published. From then on dbt takes its days from the record, and what would be
different today becomes adjustments of the day it is found (dbt/models/intermediate/books/). The record and the
files it names are the only copy of that promise: nothing sweeps them, and a build over a file that is gone
or altered is refused. Decides nothing about what an adjustment is.

Rulings: docs/decisions/closing.md#closing-1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import file_digest
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.books import closing_credits, state
from ingestion.files import remove_unfinished, whole
from ingestion.home import Home

REQUESTS = "fct_usage_costs"
TOTALS = ("list_cost_usd", "discounted_cost_usd", "cache_optimized_cost_usd", "reported_cost_usd")


class NotClosable(RuntimeError):
    """The month cannot be closed as it stands; the message says why and what to do."""


class NotOver(NotClosable):
    """The month still goes on."""


class ClosedFileDamaged(RuntimeError):
    """A file of a closed month is gone or altered; the message names it."""


@dataclass(frozen=True)
class Closing:
    """A closed month as its record has it."""

    month: str
    closed_at: str
    days: list[dict[str, Any]]
    accepted: list[str]
    credits: dict[str, Any] | None = None

    @property
    def files(self) -> set[str]:
        """The lake files that are its days, relative to lake/."""
        return {kept["file"] for kept in self.kept}

    @property
    def kept(self) -> list[dict[str, Any]]:
        """What was kept, each with file and sha256: days that have requests, and the ledger of credits."""
        return [kept for kept in (*self.days, self.credits) if kept and kept["file"]]


def closings(home: Home) -> list[Closing]:
    """Return every closed month, oldest first."""
    found = []
    for path in sorted(home.closings.glob("????-??.json")):
        record = json.loads(path.read_bytes())
        found.append(Closing(**record))
    return found


def closed_days(home: Home, first: date, last: date) -> list[date]:
    """Return the days from `first` to `last` that belong to a closed month."""
    months = {closing.month for closing in closings(home)}
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [day for day in days if f"{day:%Y-%m}" in months]


def closed_day_rows(home: Home) -> list[tuple[str, date, str, str | None, int]]:
    """Return (month, event date, fingerprint, file below lake/, rows) of every day of a closed month."""
    return [
        (
            closing.month,
            date.fromisoformat(day["event_date"]),
            day["fingerprint"],
            day["file"],
            day["row_count"],
        )
        for closing in closings(home)
        for day in closing.days
    ]


def kept_files(home: Home) -> set[str]:
    """Return the lake files that must never be swept: those of closed months, and every adjustment."""
    adjustments = home.lake.glob(f"{REQUESTS}/event_date=*/adjustments-*.parquet")
    kept = {path.relative_to(home.lake).as_posix() for path in adjustments}
    for closing in closings(home):
        kept |= closing.files
    return kept


def verify(home: Home) -> None:
    """Make sure that every file of a closed month is what it was.

    A file is hashed when its size or time is not what it was when it was hashed last.

    Raises:
        ClosedFileDamaged: one is gone or holds other bytes.
    """
    found = closings(home)
    if not found:
        return
    notes_file = home.closed_files_note
    notes = json.loads(notes_file.read_bytes()) if notes_file.exists() else {}
    seen = {}
    for closing in found:
        for kept in closing.kept:
            path = home.lake / kept["file"]
            if not path.exists():
                raise ClosedFileDamaged(
                    f"{path} is gone, and {closing.month} is closed over it; restore it from a backup"
                )
            stat = path.stat()
            seen[kept["file"]] = [kept["sha256"], stat.st_size, stat.st_mtime_ns]
            if notes.get(kept["file"]) != seen[kept["file"]] and _sha256(path) != kept["sha256"]:
                raise ClosedFileDamaged(
                    f"{path} is not the file {closing.month} was closed with; restore it from a backup"
                )
    if seen != notes:
        with whole(notes_file) as temporary:
            temporary.write_text(json.dumps(seen, indent=0, sort_keys=True))


def close(
    home: Home, month: str, today: date, object_to: Callable[[Home, str], list[str]], *, force: bool
) -> tuple[Closing, bool]:
    """Freeze a month that is over and published; closing a closed month again changes nothing.

    Args:
        home: whose marts are published and whose build.duckdb is there, held for writing.
        month: YYYY-MM.
        today: the current day in UTC.
        object_to: says what speaks against it that a person may overrule, as sentences.
        force: overrule that; the record keeps what was accepted.

    Returns:
        The closing, and whether it is new.

    Raises:
        NotOver: it has days to come.
        NotClosable: it holds days that are not published, or there are objections.
    """
    for closing in closings(home):
        if closing.month == month:
            return closing, False
    if month >= f"{today:%Y-%m}":
        raise NotOver(f"{month} is not over until its last day has passed, UTC")
    first, end = bounds(month)
    found = object_to(home, month)
    if found and not force:
        raise NotClosable(f"{month} is not complete: {'; '.join(found)}; --force closes it as it is")
    with _warehouse(home) as warehouse:
        days = list(_published_days(home, warehouse, month, first, end))
        if not days:
            raise NotClosable(f"nothing is published of {month}")
        home.closings.mkdir(parents=True, exist_ok=True)
        remove_unfinished(home.closings)
        credits = closing_credits.keep(home, home.closings, warehouse, month, end)
    closing = Closing(month, datetime.now(UTC).isoformat(timespec="seconds"), days, found, credits)
    with whole(home.closings / f"{month}.json") as temporary:
        temporary.write_text(json.dumps(vars(closing), separators=(",", ":")) + "\n", encoding="utf-8")
    return closing, True


def summary_lines(closing: Closing, is_new: bool) -> list[str]:
    """Return what a person wants to read of a closing."""
    if not is_new:
        return [f"{closing.month} was closed on {closing.closed_at}; nothing changed"]
    requests = sum(day["row_count"] for day in closing.days)
    cost = sum((Decimal(day["cache_optimized_cost_usd"]) for day in closing.days if day["file"]), Decimal())
    days = len({day["event_date"] for day in closing.days})
    return [
        f"{closing.month} is closed: {days} days, {requests:,} rows, {cost:f} USD",
        *(f"in spite of: {objection}" for objection in closing.accepted),
    ]


def bounds(month: str) -> tuple[date, date]:
    """Return the first day of a month and of the next."""
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=31)).replace(day=1)


def _warehouse(home: Home) -> duckdb.DuckDBPyConnection:
    if not home.build_database.exists():
        raise NotClosable(f"{home.build_database} is not there; run `tollbook run` first")
    return state.open_build(home)


def _published_days(
    home: Home, warehouse: duckdb.DuckDBPyConnection, month: str, first: date, end: date
) -> Iterator[dict[str, Any]]:
    """Yield the days of a month with file, hash and totals; each must be published as it was built."""
    for day, is_published in state.published_builds(warehouse, REQUESTS, first, end):
        if not is_published:
            raise NotClosable(
                f"{day.event_date} is not published as it was built last; run `tollbook run` first"
            )
        yield {
            "event_date": str(day.event_date),
            "fingerprint": day.fingerprint,
            "file": day.file,
            "row_count": day.row_count,
            **(_contents(home.lake / day.file) if day.file else {"sha256": None}),
        }


def _contents(path: Path) -> dict[str, str]:
    """Return a file's hash, and its totals as text with every digit."""
    sums = ", ".join(f"coalesce(sum({name}), 0)::decimal(38, 12)::varchar" for name in TOTALS)
    query = f"select {sums} from read_parquet($file)"  # noqa: S608
    with duckdb.connect() as connection:
        [totals] = connection.sql(query, params={"file": str(path)}).fetchall()
    return {"sha256": _sha256(path), **dict(zip(TOTALS, totals, strict=True))}


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return file_digest(handle, "sha256").hexdigest()
