"""How a day's lines reach landing/: most on the day, some late, twice, corrected or damaged.

    part-NNN.<suffix>.gz   the day's own lines; then lines of an earlier day again (copies, corrections)
    late-000.<suffix>.gz   one hour of the day before yesterday

All streams of all connectors are delivered like this; only Infron's lines are ever damaged. Deliveries after the
world's last day do not exist yet, and the truth does not count them.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from gzip import GzipFile
from pathlib import Path
from types import TracebackType

import numpy as np

from ingestion.sandbox.gateways import Connector, LogKind
from ingestion.sandbox.gateways.files import whole_gzip
from ingestion.sandbox.gateways.shape import Lines
from ingestion.sandbox.world.traffic import date_of

LINES_PER_PART = 1_000_000
LATE_BY_DAYS = 2
DAMAGES = ("truncated", "not_json", "missing_request_id", "duplicate_key", "not_a_number", "huge_token_count")


def damage_of(day: int) -> str | None:
    """Return how the day's one damaged line is damaged, if it has one."""
    return DAMAGES[day // 3 % len(DAMAGES)] if day % 3 == 1 else None


def damaged(line: str, damage: str) -> str:
    """Damage a copy of a good line; its request id is replaced, so that the good line still counts once."""
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
    """What one landing file holds; `lines` = events of their own + duplicates + revisions + rejects.

    A header is not one of the lines.
    """

    file: str
    lines: int = 0
    rejects: int = 0
    duplicates: int = 0
    revisions: int = 0
    late: int = 0


@dataclass
class Resent:
    """Lines of one day that the next day's file repeats or corrects."""

    copies: list[str] = field(default_factory=list)
    corrections: list[str] = field(default_factory=list)


class DayFiles:
    """The landing files of one stream, delivery day and stem, written incrementally.

    A context manager: a file appears when it is full or when the block ends without error.
    """

    def __init__(self, folder: Path, home: Path, stream: LogKind, day: int, stem: str) -> None:
        self.records: list[FileRecord] = []
        self._home, self._stem, self._stream = home, stem, stream
        self._folder = folder / f"dt={date_of(day)}"
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
        """Append lines of an earlier day that are delivered for the first time."""
        if lines:
            self.add(lines)
            self.record.late += len(lines)

    def add_resent(self, resent: Resent) -> None:
        """Append repeated and corrected lines of an earlier day."""
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
        path = self._folder / f"{self._stem}-{len(self.records):03d}{self._stream.suffix}.gz"
        self._handle = self._file.enter_context(whole_gzip(path))
        if self._stream.header:
            self._handle.write(f"{self._stream.header}\n".encode())
        self.records.append(FileRecord(path.relative_to(self._home).as_posix()))

    def _write(self, content: str, lines: int) -> None:
        assert self._handle is not None
        self._handle.write(content.encode())
        self.record.lines += lines


class Delivery:
    """The files of one day's requests in one stream: files of the day, a late file, and lines for the next day.

    A context manager around the day's batches.

    Attributes:
        files: The day's own files.
        late_files: The late file; empty if it would land after the world's end.
        tomorrow: Lines the next day's delivery of this stream repeats or corrects.
    """

    def __init__(
        self, home: Path, connector: Connector, stream: LogKind, day: int, *, late_arrives: bool
    ) -> None:
        folder = home / "landing" / connector.name / stream.name
        self.connector, self.stream = connector, stream
        self.files = DayFiles(folder, home, stream, day, "part")
        self.late_files = DayFiles(folder, home, stream, day + LATE_BY_DAYS, "late")
        self.tomorrow = Resent()
        self._late_arrives = late_arrives

    def __enter__(self) -> Delivery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.files.__exit__(kind, error, trace)
        self.late_files.__exit__(kind, error, trace)

    @property
    def records(self) -> list[FileRecord]:
        """Every file this day's requests are in for the first time."""
        return self.files.records + self.late_files.records

    def add(self, lines: Lines, late: np.ndarray) -> None:
        """Deliver a batch's lines, now or late."""
        self.files.add([line for line, waits in zip(lines, late, strict=True) if line and not waits])
        if self._late_arrives:
            self.late_files.add_late(
                [line for line, waits in zip(lines, late, strict=True) if line and waits]
            )

    def send_again(self, lines: Lines, copied: np.ndarray, corrections: Lines) -> None:
        """Add copies of some of a batch's lines, and corrections, to the next day's delivery."""
        self.tomorrow.copies += [line for row in copied if (line := lines[row])]
        self.tomorrow.corrections += [line for line in corrections if line]
