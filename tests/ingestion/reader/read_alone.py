"""What becomes of each line of a file, read in bulk, carefully, alone or compressed: for comparing the ways."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ingestion import duck, reader
from ingestion.reader.delivery import inspect
from ingestion.reader.parts import Outcome
from ingestion.reader.sql import Reading
from ingestion.streams import Stream

#: A line that is none in any stream.
BROKEN = b'}{"'


@dataclass
class Became:
    """What became of the lines of one file, by line number.

    Attributes:
        rows: Every column but those that say where the line stood.
        rejects: (reason, field, excerpt).
        outcome: As the reader gave it.
    """

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    rejects: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    outcome: Outcome = field(default_factory=Outcome)

    def of(self, number: int) -> Any:
        """Return the row or the reject of a line, None if it is neither."""
        return self.rows.get(number) or self.rejects.get(number)


def read(stream: Stream, content: bytes, name: str = "a.ndjson", zone: str = "UTC") -> Became:
    """Read the bytes of one landing file."""
    with TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        scratch = Path(folder, "scratch")
        scratch.mkdir()
        delivery = inspect(path, scratch / "landed")
        reading = Reading(stream, zone, "s", "f", date(2026, 11, 1))
        outcome = reader.read(reading, delivery, scratch)
        found = Became(outcome=outcome)
        found.rejects = {one.line: (one.reason, one.field, one.excerpt) for one in outcome.rejects}
        if outcome.parquet:
            with closing(duck.session(scratch)) as session:
                rows = session.execute(
                    "select coalesce(raw_line, file_row_number + first_line) as line,"
                    " * exclude (raw_line, file_row_number)"
                    f" from read_parquet('{outcome.parquet}', file_row_number = true)"
                )
                names = [column for column, *_ in rows.description]
                for line, *values in rows.fetchall():
                    found.rows[line] = dict(zip(names[1:], values, strict=True))
    assert outcome.rows == len(found.rows)
    assert outcome.lines == outcome.rows + len(outcome.rejects) + outcome.blank_lines
    return found


def beside_broken(stream: Stream, lines: list[bytes], head: Iterable[bytes] = ()) -> list[Any]:
    """Return what becomes of lines that each have a broken neighbor."""
    head = list(head)
    content = b"".join(line + b"\n" for line in [*head, *(one for line in lines for one in (line, BROKEN))])
    name = "a.csv" if stream.format.name == "csv" else "a.ndjson"
    found = read(stream, content, name)
    return [found.of(len(head) + 1 + 2 * place) for place in range(len(lines))]


def together(stream: Stream, lines: list[bytes], head: Iterable[bytes] = (), archive: str = "") -> list[Any]:
    """Return what becomes of lines that stand in one file, optionally compressed as one member per few lines."""
    head = list(head)
    parts = [line + b"\n" for line in [*head, *lines]]
    content = b"".join(parts)
    if archive == ".gz":
        content = b"".join(gzip.compress(b"".join(parts[at : at + 7])) for at in range(0, len(parts), 7))
    name = ("a.csv" if stream.format.name == "csv" else "a.ndjson") + archive
    found = read(stream, content, name)
    return [found.of(len(head) + 1 + place) for place in range(len(lines))]
