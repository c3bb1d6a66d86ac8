"""Validation results by day, kept in lake/dq_results/<suite>/<subject>.parquet; dbt reads them as a source.

A file holds the results of one stream, or of a whole mart, for every day that is there to be judged. It is replaced as
a whole, and only if something in it changed. `content` identifies what was judged, so that it is not judged again.

Rulings: docs/decisions/quality.md#quality-4.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from dagster_project.quality.suites import Suite
from ingestion.files import finished, whole
from ingestion.home import Home
from ingestion.raw_tables import DQ_RESULT_COLUMNS

#: Failing rows kept per result, and failing results named in a sentence.
MOST_SHOWN = 5


@dataclass(frozen=True)
class Result:
    """One expectation on one day; `failing_rows` is JSON, a list of the first rows that fail."""

    suite: str
    suite_version: int
    expectation: str
    source: str | None
    stream: str | None
    day: str
    observed: float | None
    expected: str
    passed: bool
    is_blocking: bool
    failing_rows: str | None
    content: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The first failing rows."""
        return json.loads(self.failing_rows or "[]")

    @property
    def sentence(self) -> str:
        """What was expected and seen, where, and the first failing rows."""
        seen = "nothing" if self.observed is None else f"{self.observed:.4g}"
        shown = "; ".join(
            ", ".join(f"{name} {value}" for name, value in row.items()) for row in self.rows[:MOST_SHOWN]
        )
        return f"{self.expected}, is {seen} at {self.day}" + (f" ({shown})" if shown else "")


_TYPES = {"VARCHAR": pl.String, "INTEGER": pl.Int32, "DOUBLE": pl.Float64, "BOOLEAN": pl.Boolean}
_SCHEMA = {name: _TYPES[kind] for name, kind in DQ_RESULT_COLUMNS}


@dataclass(frozen=True)
class Verdict:
    """Result of a gate.

    Attributes:
        judged: number of days judged now; the others were judged before.
        results: the failed results of every day that has not passed, and the warnings of the days judged now.
    """

    judged: int
    results: Sequence[Result] = ()

    @property
    def failures(self) -> list[Result]:
        """Failed results that hold something back."""
        return [result for result in self.results if result.is_blocking]

    @property
    def warnings(self) -> list[Result]:
        """Failed results that hold nothing back."""
        return [result for result in self.results if not result.is_blocking]

    @property
    def passed(self) -> bool:
        """Whether nothing is held back."""
        return not self.failures


def sentences(found: Sequence[Result]) -> list[str]:
    """Return one sentence per unmet expectation: its limits, then the observed value and rows of its first days."""
    by_expectation: dict[str, list[Result]] = {}
    for result in found:
        by_expectation.setdefault(result.expectation, []).append(result)
    return [
        results[0].sentence + (f", and {len(results) - 1} more" if len(results) > 1 else "")
        for results in by_expectation.values()
    ]


def read(home: Home, suite: Suite, subject: str) -> list[Result]:
    """Return the kept results of a subject; none if it was never judged."""
    place = _place(home, suite, subject)
    return _results([place]) if place.exists() else []


def are_kept(home: Home, suite: Suite, subject: str) -> bool:
    """Return whether results of a subject are kept."""
    return _place(home, suite, subject).exists()


def read_all(home: Home) -> list[Result]:
    """Return all kept results, by day, suite, source, stream and expectation."""
    found = _results(finished(home.dq_results, "*/*.parquet"))
    return sorted(found, key=lambda result: (result.day, *_order(result)))


def keep(home: Home, suite: Suite, subject: str, results: Iterable[Result]) -> None:
    """Replace the results of a subject; a file that would not change is not written."""
    rows = sorted(results, key=lambda result: (result.day, *_order(result)))
    if rows == read(home, suite, subject):
        return
    frame = pl.DataFrame([astuple(row) for row in rows], schema=_SCHEMA, orient="row")
    with whole(_place(home, suite, subject)) as temporary:
        frame.write_parquet(temporary)


def as_json(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the first failing rows as JSON."""
    return json.dumps(list(rows)[:MOST_SHOWN], ensure_ascii=False, default=str) if rows else None


def _order(result: Result) -> tuple[str, ...]:
    return result.suite, result.source or "", result.stream or "", result.expectation


def _place(home: Home, suite: Suite, subject: str) -> Path:
    return home.dq_results / suite.name / f"{subject}.parquet"


def _results(places: Iterable[Path]) -> list[Result]:
    return [Result(*row) for place in places for row in pl.read_parquet(place, glob=False).iter_rows()]
