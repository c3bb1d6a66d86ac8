"""How a day's lines reach landing/: most on the day, some late, twice, corrected or damaged.

    part-NNN.ndjson.gz   the day's own lines; after them what an earlier day sends again (copies, corrections)
    late-000.ndjson.gz   one hour of the day before yesterday

What a delivery would bring after the world's last day is not there yet, and the truth does not count it.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from gzip import GzipFile
from pathlib import Path
from types import TracebackType

import numpy as np

from ingestion.sandbox.files import whole_gzip
from ingestion.sandbox.traffic import date_of

LINES_PER_PART = 1_000_000
LATE_BY_DAYS = 2
LATE_HOUR = 13
DAMAGES = ("truncated", "not_json", "missing_request_id", "duplicate_key", "not_a_number", "huge_token_count")
LOGS = "landing/infron/logs"


def is_late_day(day: int) -> bool:
    """Say whether one hour of this day is delivered two days later."""
    return day % 11 == 5


def is_late(day: int, at_ms: np.ndarray) -> np.ndarray:
    """Return which of a day's requests are delivered late."""
    if not is_late_day(day):
        return np.zeros(len(at_ms), dtype=bool)
    return at_ms // 3_600_000 == LATE_HOUR


def damage_of(day: int) -> str | None:
    """Return how the day's one damaged line is damaged, if it has one."""
    return DAMAGES[day // 3 % len(DAMAGES)] if day % 3 == 1 else None


def damaged(line: str, damage: str) -> str:
    """Break a copy of a good line; its request id is replaced, so the good one is not missed or doubled."""
    start = line.index('"gen-01')
    line = line[:start] + '"gen-99' + line[start + len('"gen-01') :]
    if damage == "truncated":
        return line[: len(line) * 2 // 3]
    if damage == "not_json":
        return "<html><body>502 Bad Gateway</body></html>"
    if damage == "missing_request_id":
        return "{" + line[line.index('"created_at"') :]
    if damage == "duplicate_key":
        return line.replace('"status":', '"status":"failure","status":', 1)
    if damage == "not_a_number":
        return _with_value(line, "cost", "NaN")
    return _with_value(line, "prompt_tokens", "99999999999999999999")


def _with_value(line: str, field_name: str, value: str) -> str:
    """Replace the number behind a field's first appearance."""
    start = line.index(f'"{field_name}":') + len(field_name) + 3
    end = start + next(offset for offset, sign in enumerate(line[start:]) if sign in ",}")
    return line[:start] + value + line[end:]


@dataclass
class FileRecord:
    """What one landing file holds; `lines` = events of their own + duplicates + revisions + rejects."""

    file: str
    lines: int = 0
    rejects: int = 0
    duplicates: int = 0
    revisions: int = 0
    late: int = 0


@dataclass
class Resent:
    """Lines of one day that come again, or corrected, with the next day's file."""

    copies: list[str] = field(default_factory=list)
    corrections: list[str] = field(default_factory=list)


class DayFiles:
    """The landing files one delivery day gets under one stem, written as lines come.

    A context manager: a file appears when it is full or when the block ends well.
    """

    def __init__(self, home: Path, day: int, stem: str) -> None:
        self.records: list[FileRecord] = []
        self._home, self._stem = home, stem
        self._folder = home / LOGS / f"dt={date_of(day)}"
        self._file = ExitStack()
        self._handle: GzipFile | None = None

    def __enter__(self) -> DayFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)

    @property
    def record(self) -> FileRecord:
        """The file being written."""
        return self.records[-1]

    def add(self, lines: list[str]) -> None:
        """Append lines, starting a new part where one is full."""
        while lines:
            if self._handle is None or self.record.lines >= LINES_PER_PART:
                self._start_part()
            room = LINES_PER_PART - self.record.lines
            self._write("\n".join(lines[:room]) + "\n", len(lines[:room]))
            lines = lines[room:]

    def add_late(self, lines: list[str]) -> None:
        """Append lines of an earlier day that come for the first time."""
        if lines:
            self.add(lines)
            self.record.late += len(lines)

    def add_resent(self, resent: Resent) -> None:
        """Append what an earlier day sends again."""
        for lines, count in ((resent.copies, "duplicates"), (resent.corrections, "revisions")):
            if lines:
                self.add(lines)
                setattr(self.record, count, getattr(self.record, count) + len(lines))

    def add_damaged(self, line: str, damage: str) -> str:
        """Append a damaged line and return `file:line`; a truncated one has no line end and comes last."""
        self._write(line + ("" if damage == "truncated" else "\n"), 1)
        self.record.rejects += 1
        return f"{self.record.file}:{self.record.lines}"

    def _start_part(self) -> None:
        self._file.close()
        path = self._folder / f"{self._stem}-{len(self.records):03d}.ndjson.gz"
        self._handle = self._file.enter_context(whole_gzip(path))
        self.records.append(FileRecord(path.relative_to(self._home).as_posix()))

    def _write(self, content: str, lines: int) -> None:
        assert self._handle is not None
        self._handle.write(content.encode())
        self.record.lines += lines
