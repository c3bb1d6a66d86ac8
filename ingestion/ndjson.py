"""The lines of one delivery become one Parquet: in bulk where they are clean, carefully where they are not.

    whole file ─► bulk read ─────────────────────────────► Parquet
                     │ refused                                ▲
                     └─► parts ─► bulk read ─────────────────►┤
                                     │ refused                │
                                     └─► parts … careful read ┘

A bad line costs the careful read of its neighbourhood, not of the file, and what a line becomes does not
depend on the way it took. Knows lines and their order; where the result is kept is raw's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ingestion import careful, duck, strict_json
from ingestion.delivery import Delivery
from ingestion.duck import literal
from ingestion.reader_sql import Reading, quoted
from ingestion.rejects import Reject

#: Stretches of this size are read carefully as soon as the bulk read refuses them.
CAREFUL_BYTES = 8 << 20
#: Into how many parts a refused stretch is cut.
PARTS = 16
#: Lines looked at, at the head of a file, for fields nobody declared.
SNIFFED_LINES = 100
#: Snappy is read back once, by dbt, the same night: its speed is worth more than zstd's size.
PARQUET = "format parquet, compression snappy"

_REFUSED = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException)


@dataclass
class Outcome:
    """What became of the lines of a delivery.

    Attributes:
        parquet: The rows in line order; None if there are none.
        rows: How many.
        blank_lines: Lines that hold nothing.
        rejects: Lines that could not become rows.
        unknown_fields: Paths nobody declared, where they were looked for.
        byte_order_mark: Some line began with one; it is no content and was passed over.
    """

    parquet: Path | None = None
    rows: int = 0
    blank_lines: int = 0
    rejects: list[Reject] = field(default_factory=list)
    unknown_fields: set[str] = field(default_factory=set)
    byte_order_mark: bool = False


def read(reading: Reading, delivery: Delivery, workshop: Path) -> Outcome:
    """Read a delivery; the Parquet is left in `workshop`."""
    with closing(duck.session(workshop.parent, reading.time_zone)) as session:
        return _Reader(reading, delivery, workshop, session).read()


class _Reader:
    """Reads one delivery stretch by stretch, in line order."""

    def __init__(
        self, reading: Reading, delivery: Delivery, workshop: Path, session: duckdb.DuckDBPyConnection
    ) -> None:
        self.reading = reading
        self.delivery = delivery
        self.workshop = workshop
        self.session = session
        self.outcome = Outcome()
        self.parts: list[Path] = []

    def read(self) -> Outcome:
        delivery, outcome = self.delivery, self.outcome
        if delivery.lines:
            outcome.unknown_fields |= self._sniff()
            self._read_lines()
        if delivery.damage:
            outcome.rejects.append(Reject(delivery.lines + 1, delivery.damage, "", ""))
        if outcome.rows:
            outcome.parquet = self.parts[0] if len(self.parts) == 1 else self._merged()
        return outcome

    def _read_lines(self) -> None:
        delivery = self.delivery
        # Names from outside may hold the wildcards of read_json; a link of our own does not.
        link = self.workshop / "whole.ndjson"
        link.symlink_to(delivery.plain)
        records = delivery.lines - delivery.trailing_blanks
        if self._bulk(link, records, 1):
            self.outcome.blank_lines += delivery.trailing_blanks
        else:
            self._split(0, delivery.size, 1)

    def _split(self, start: int, end: int, first_line: int) -> int:
        """Read the lines between two offsets part by part; return the number of the line after them."""
        step = max((end - start) // PARTS, CAREFUL_BYTES)
        while start < end:
            stop = _after_line(self.delivery.plain, start + step, end)
            first_line = self._stretch(start, stop, first_line)
            start = stop
        return first_line

    def _stretch(self, start: int, stop: int, first_line: int) -> int:
        piece = self.workshop / f"piece-{start}-{stop}.ndjson"
        lines = _copy(self.delivery.plain, start, stop, piece)
        is_whole = (start, stop) == (0, self.delivery.size)
        if is_whole or not self._bulk(piece, lines, first_line):
            if stop - start > 2 * CAREFUL_BYTES and lines > 1:
                piece.unlink()
                return self._split(start, stop, first_line)
            self._careful(piece, first_line, is_last=stop == self.delivery.size)
        piece.unlink()
        return first_line + lines

    def _bulk(self, path: Path, records: int, first_line: int) -> bool:
        """Read a file in one statement; False if it refuses or has not as many rows as it should."""
        part = self._part(first_line)
        try:
            copy = f"copy ({self.reading.bulk(path)}) to {literal(part)} ({PARQUET})"
            (rows,) = self.session.execute(copy).fetchone()
        except _REFUSED:
            return False
        if rows != records:
            return False
        self._add(part, rows)
        return True

    def _careful(self, piece: Path, first_line: int, *, is_last: bool) -> None:
        part, outcome = self._part(first_line), self.outcome
        found = careful.read(
            self.session, self.reading, piece, part, first_line=first_line, ends_file=is_last
        )
        outcome.blank_lines += found.blank_lines
        outcome.rejects += found.rejects
        outcome.unknown_fields |= found.unknown_fields
        outcome.byte_order_mark |= found.byte_order_mark
        self._add(part, found.rows)

    def _part(self, first_line: int) -> Path:
        return self.workshop / f"part-{first_line}.parquet"

    def _add(self, part: Path, rows: int) -> None:
        if rows:
            self.parts.append(part)
            self.outcome.rows += rows

    def _merged(self) -> Path:
        """Return one Parquet with the rows of all parts in line order, each with its line."""
        target = self.workshop / "merged.parquet"
        first = "cast(regexp_extract(filename, 'part-(\\d+)', 1) as bigint)"
        columns = ", ".join(
            f"coalesce(raw_line, file_row_number + {first}) as raw_line"
            if name == "raw_line"
            else quoted(name)
            for name, _ in self.reading.stream.table_columns()
        )
        files = ", ".join(literal(part) for part in self.parts)
        rows = f"select {columns} from read_parquet([{files}], file_row_number = true, filename = true)"  # noqa: S608
        self.session.execute(f"copy ({rows}) to {literal(target)} ({PARQUET})")
        return target

    def _sniff(self) -> set[str]:
        """Return undeclared paths in the first lines; lines that do not parse have nothing to say here."""
        found: set[str] = set()
        for line in _head(self.delivery.plain):
            try:
                found |= strict_json.undeclared(strict_json.parse(line), self.reading.stream)
            except strict_json.BadLine:
                continue
        return found


def _head(plain: Path) -> Iterator[bytes]:
    with plain.open("rb") as handle:
        for _ in range(SNIFFED_LINES):
            if not (line := handle.readline(CAREFUL_BYTES)):
                return
            yield line


def _after_line(path: Path, offset: int, end: int) -> int:
    """Return the first offset from `offset` on at which a line begins, at most `end`."""
    if offset >= end:
        return end
    with path.open("rb") as handle:
        handle.seek(offset - 1)
        while block := handle.read(1 << 16):
            found = block.find(b"\n")
            if found >= 0:
                return min(handle.tell() - len(block) + found + 1, end)
    return end


def _copy(path: Path, start: int, stop: int, target: Path) -> int:
    """Copy the bytes between two offsets; return the number of lines in them."""
    newlines, left, last = 0, stop - start, b""
    with path.open("rb") as source, target.open("wb") as out:
        source.seek(start)
        while left and (block := source.read(min(left, 1 << 20))):
            out.write(block)
            newlines += block.count(b"\n")
            last = block[-1:]
            left -= len(block)
    return newlines + (0 if last == b"\n" else 1)
