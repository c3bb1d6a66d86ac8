"""Restatements: a person asks for days to be rated again, or a night does it by itself; the old values stay.

dbt compares and records (dbt/models/intermediate/books/): lake/restatements/<id>.json has a line per day, with
the files before and after, and these are never removed. Here a request is checked, and its record is read back. Days
of closed months are refused: what changes there becomes adjustments.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

from dagster_project.books import closing
from ingestion.home import Home

#: How DuckDB calls a file until it is whole.
UNFINISHED = "tmp_"


class NotRestatable(RuntimeError):
    """These days cannot be rated again for this reason; the message says why and what to do."""


@dataclass(frozen=True)
class Restatement:
    """A range of event days that a person wants rated under today's prices and rules, and why."""

    restatement_id: str
    first: date
    last: date
    reason: str

    @classmethod
    def of(cls, first: date, last: date, reason: str) -> Restatement:
        """Return a request with a new id.

        Raises:
            NotRestatable: the range runs backwards, or nobody says why.
        """
        if first > last:
            raise NotRestatable(f"the first day, {first}, is after the last, {last}; swap them")
        if not reason.strip():
            raise NotRestatable("the reason says nothing; write why these days are rated again")
        return cls(uuid4().hex, first, last, reason)

    @classmethod
    def parse(cls, first: str, last: str, reason: str, restatement_id: str = "") -> Restatement:
        """Return a request of days as YYYY-MM-DD, with a new id unless it has one.

        Raises:
            NotRestatable: these are no days, the range runs backwards, or nobody says why.
        """
        try:
            days = date.fromisoformat(first), date.fromisoformat(last)
        except ValueError as error:
            raise NotRestatable(f"{error}; write days as YYYY-MM-DD") from error
        request = cls.of(*days, reason)
        return replace(request, restatement_id=restatement_id) if restatement_id else request

    def config(self) -> dict[str, str]:
        """Return it as `parse` takes it, which is how the assets of dbt are told."""
        return {
            "first_day": self.first.isoformat(),
            "last_day": self.last.isoformat(),
            "reason": self.reason,
            "restatement_id": self.restatement_id,
        }

    def row(self) -> tuple[str, date, date, str]:
        """Return it as the build state holds it: id, first day, last day, reason."""
        return (self.restatement_id, self.first, self.last, self.reason)


def records(home: Home, restatement_id: str = "*") -> list[dict[str, Any]]:
    """Return the days of one restatement, or of all; what a night that died left unfinished is none."""
    return [
        json.loads(line)
        for path in sorted(home.restatements.glob(f"{restatement_id}.json"))
        if not path.name.startswith(UNFINISHED)
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def kept_files(home: Home) -> set[str]:
    """Return the lake files that restatements name: they must never be removed."""
    names = ("before_file", "after_file", "compared_file")
    return {record[name] for record in records(home) for name in names if record.get(name)}


def refuse_closed(home: Home, restatement: Restatement) -> None:
    """Make sure that no day of the range is closed.

    Raises:
        NotRestatable: some are; the message names their months.
    """
    closed = closing.closed_days(home, restatement.first, restatement.last)
    if closed:
        months = ", ".join(sorted({f"{day:%Y-%m}" for day in closed}))
        raise NotRestatable(
            f"closed: {months}; what changes there is booked as adjustments by `tollbook run`. "
            "Restate days outside of it"
        )


def restated(home: Home, restatement: Restatement) -> list[dict[str, Any]]:
    """Return the records of the days that were asked for and now say something else."""
    return [record for record in records(home, restatement.restatement_id) if record.get("reason")]


def summary_lines(home: Home, restatement: Restatement) -> list[str]:
    """Return what a person wants to read: each day that changed, before and after."""
    days = restated(home, restatement)
    if not days:
        return [f"nothing changed from {restatement.first} to {restatement.last}"]
    lines = [f"restated {len(days)} {'day' if len(days) == 1 else 'days'} ({restatement.restatement_id}):"]
    for day in days:
        before, after = (Decimal(day[f"{side}_cache_optimized_cost_usd"]) for side in ("before", "after"))
        lines.append(
            f"{day['event_date']}  {before:f} USD before, {after:f} after, {after - before:+f}"
            f"  {day['before_requests']} requests before, {day['after_requests']} after  {day['cause']}"
        )
    return lines
