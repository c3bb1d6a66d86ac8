"""Problems shown by validation results: what holds back the publication, and what was unusual lately.

Sources that a gate holds back are named by doctor_files.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from dagster_project.quality import results
from dagster_project.quality.results import Result
from dagster_project.quality.suites.raw_day import RAW_DAY
from dagster_project.reports.diagnosis import Diagnosis
from ingestion.home import Home

#: Warnings older than this, counted from the latest day that was judged, are left to the Data Docs.
LATELY = timedelta(days=7)


def examine(home: Home) -> Iterator[Diagnosis]:
    """Yield one line per suite, source and stream that failed or warned."""
    found = [result for result in results.read_all(home) if not result.passed]
    failed = [result for result in found if result.is_blocking and result.suite != RAW_DAY.name]
    for where, of_subject in _by_subject(failed).items():
        yield Diagnosis(
            "failed_gate",
            where,
            "; ".join(results.sentences(of_subject)),
            "the publication is held back: see exports/data_docs/index.html",
        )
    latest = max((date.fromisoformat(result.day) for result in found), default=None)
    warned = [
        result
        for result in found
        if latest and not result.is_blocking and date.fromisoformat(result.day) > latest - LATELY
    ]
    for where, of_subject in _by_subject(warned).items():
        yield Diagnosis("unusual", where, "; ".join(results.sentences(of_subject)))


def _by_subject(found: list[Result]) -> dict[str, list[Result]]:
    subjects: dict[str, list[Result]] = {}
    for result in found:
        where = "/".join(part for part in (result.source, result.stream) if part) or result.suite
        subjects.setdefault(where, []).append(result)
    return subjects
