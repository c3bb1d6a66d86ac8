"""landing/ → raw/ for the days of one stream, with totals per day. `ingestion` reads the lines."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from dagster_project.workers import landing_files
from dagster_project.workers.driving import Work, send, slots
from dagster_project.workers.landing_files import FileOutcome
from dagster_project.workers.setting import setting
from ingestion.files import whole
from ingestion.home import Home
from ingestion.landing import LandedFile, is_current, landed, pending
from ingestion.sources import Source

logger = logging.getLogger("tollbook.raw")


@dataclass
class DayTotals:
    """One delivery day of one stream: files converted now; files read before are counted as unchanged."""

    files: int = 0
    unchanged: int = 0
    lines: int = 0
    rows: int = 0
    rejects: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def add(self, other: DayTotals) -> None:
        """Add another day's counts to these."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def metadata(self) -> dict[str, int | float]:
        """Return the counts as Dagster metadata."""
        return {
            "dagster/row_count": self.rows,
            "rejects": self.rejects,
            "lines": self.lines,
            "files": self.files,
            "files_unchanged": self.unchanged,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
        }


@dataclass
class Converted:
    """The result of converting the files of some days.

    Attributes:
        days: totals by delivery day, ISO.
        unread: why a file could not be read, by its path below landing/.
        is_changing: whether a file changed while it was read; it may be complete a minute later.
        work: what workers did of it.
    """

    days: dict[str, DayTotals]
    unread: dict[str, str] = field(default_factory=dict)
    is_changing: bool = False
    work: Work = field(default_factory=Work)


def convert_days(home: Home, source: Source, stream: str, days: Collection[str]) -> Converted:
    """Convert every file of `stream` delivered on one of `days` (ISO dates) that still needs it.

    A file that cannot be read now keeps its previous load record and is noted in the Dagster folder.
    """
    totals = {day: DayTotals() for day in days}
    converted = Converted(totals)
    files = {file.relative(home): file for file in _of_stream(landed(home, [source]), stream, days)}
    for outcome in _outcomes(home, list(files.values()), converted.work):
        if outcome.unread:
            converted.unread[outcome.landing_file] = outcome.unread
            converted.is_changing |= outcome.is_changing
            continue
        day, result = totals[files[outcome.landing_file].delivered_on.isoformat()], outcome.result
        day.seconds += outcome.seconds
        if result.skipped:
            day.unchanged += 1
            continue
        day.files += 1
        day.lines += result.lines
        day.rows += result.events
        day.rejects += result.rejects
        day.bytes += result.bytes
        logger.info(
            "%s: %s rows, %s rejects", result.landing_file, f"{result.events:,}", f"{result.rejects:,}"
        )
    note = _unread_file(home, source, stream)
    if converted.unread or note.exists():
        with whole(note) as temporary:
            temporary.write_text(json.dumps(converted.unread) + "\n", encoding="utf-8")
    return converted


def _outcomes(home: Home, files: Sequence[LandedFile], work: Work) -> Iterator[FileOutcome]:
    """Read files on the workers of TOLLBOOK_WORKERS where they are many or large, the others here."""
    workers = setting()
    tasks = []
    if workers and (unread := [file for file in files if not is_current(home, file)]):
        tasks = landing_files.tasks(home, unread, workers.task_rows, slots(workers))
    for _, given in send(home, tasks, work):
        yield from landing_files.outcomes(given)
    elsewhere = {file["path"] for task in tasks for file in task["files"]}
    for file in files:
        if file.relative(home) not in elsewhere:
            yield landing_files.read_file(home, file)


def unread_files(home: Home, source: Source) -> list[tuple[LandedFile, str]]:
    """Return the pending files that could not be read at the last attempt, with the reasons."""
    noted: dict[str, str] = {}
    for stream in source.streams:
        path = _unread_file(home, source, stream)
        noted |= json.loads(path.read_bytes()) if path.exists() else {}
    waiting = pending(home, [source]) if noted else []
    return [(file, noted[path]) for file in waiting if (path := file.relative(home)) in noted]


def _unread_file(home: Home, source: Source, stream: str) -> Path:
    return home.unread / f"{source.name}.{stream}.json"


def pending_days(home: Home, sources: list[Source]) -> set[date]:
    """Return the delivery days that hold a file not yet read, of any source."""
    return {file.delivered_on for file in pending(home, sources)}


def landed_days(home: Home, sources: list[Source]) -> set[date]:
    """Return the delivery days that hold any file."""
    return {file.delivered_on for file in landed(home, sources)}


def _of_stream(files: Iterable[LandedFile], stream: str, days: Collection[str]) -> list[LandedFile]:
    return [file for file in files if file.stream.name == stream and file.delivered_on.isoformat() in days]
