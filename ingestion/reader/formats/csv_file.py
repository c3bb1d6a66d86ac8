"""The records of a CSV delivery become parts: in bulk where they are simple, one by one where they are not.

The header names the columns, in any order, and shows the delimiter; a file without a mandatory column is one reject. A
record has the number of the line it begins on; the header is line 1.

Rulings: docs/decisions/reading.md#reading-4.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import duckdb

from ingestion.reader import extras, key_shapes, strict_json, unknown_names
from ingestion.reader.careful import Sieve
from ingestion.reader.delivery import Delivery
from ingestion.reader.formats import csv_numbers, csv_records
from ingestion.reader.formats.csv_records import Record
from ingestion.reader.parts import Outcome, Parts
from ingestion.reader.rejects import Reject
from ingestion.reader.sql import Layout, Reading
from ingestion.reader.strict_json import BadLine
from ingestion.reader.values import is_embedded
from ingestion.streams import Stream

#: Stretches of this size are read carefully as soon as the bulk read refuses them.
CAREFUL_BYTES = 8 << 20
#: Records examined at the head of a file for the shapes of JSON in cells.
SNIFFED_RECORDS = 100
#: A line with more cells is not a header.
MOST_COLUMNS = 1000
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Header:
    """The first line of a file.

    Attributes:
        layout: What each column is.
        length: Bytes of the line.
        marked: A byte order mark stood before it.
    """

    layout: Layout
    length: int
    marked: bool


def read(reading: Reading, delivery: Delivery, scratch: Path, session: duckdb.DuckDBPyConnection) -> Outcome:
    """Read CSV; the Parquet is left in `scratch`."""
    if not delivery.lines:
        return Outcome()
    try:
        header = _header(delivery.plain, reading.stream)
    except BadLine as fault:
        return Outcome(lines=1, rejects=[Reject(1, fault.reason, fault.field, "")])
    return _Reader(reading, delivery, header, scratch, session).read()


def _header(plain: Path, stream: Stream) -> Header:
    """Read the header.

    Raises:
        BadLine: it is not a header, a mandatory column is missing, or a declared one is there twice.
    """
    with plain.open("rb") as handle:
        line = handle.readline(CAREFUL_BYTES)
    try:
        text = line.removeprefix(_MARK).strip(b"\r\n").decode("utf-8")
    except UnicodeDecodeError:
        raise BadLine("invalid_utf8") from None
    delimiter, cells = _cells(text, stream)
    if len(cells) > MOST_COLUMNS:
        raise BadLine("too_many_columns")
    names = _names(stream)
    found = tuple(names.get(_title(cell), "") for cell in cells)
    for field in stream.fields:
        name = field.path.partition(".")[0] if is_embedded(stream, field) else field.name
        if field.mandatory and name not in found:
            raise BadLine("missing_column", field.path)
        if found.count(name) > 1:
            raise BadLine("duplicate_column", field.path)
    dropped = {_title(path) for path in stream.dropped}
    titles = tuple(cell.strip() for cell in cells)
    times = Counter(titles)
    extra = {
        title
        for name, title in zip(found, titles, strict=True)
        if not name and title and _title(title) not in dropped and times[title] == 1
    }
    kept = sorted(title for title in extra if title.casefold() not in extras.CONTENT)
    unknown = frozenset(extra)
    layout = Layout(found, titles, tuple(kept[: extras.MOST_FIELDS]), unknown=unknown, delimiter=delimiter)
    return Header(layout, len(line), line.startswith(_MARK))


def _cells(header: str, stream: Stream) -> tuple[str, list[str]]:
    """Return the delimiter that finds most of the declared columns in a header, and the header's cells.

    Raises:
        BadLine: its quotes are wrong with every delimiter.
    """
    names = _names(stream)
    readings = {mark: csv_records.cells_of(header, mark) for mark in csv_records.DELIMITERS}
    whole = {mark: cells for mark, cells in readings.items() if cells is not None}
    if not whole:
        raise BadLine("malformed_csv")
    return max(whole.items(), key=lambda reading: sum(_title(cell) in names for cell in reading[1]))


def _title(header: str) -> str:
    return " ".join(header.split()).casefold()


def _names(stream: Stream) -> dict[str, str]:
    names = {key.casefold(): key for key in stream.embedded}
    for field in stream.fields:
        if not is_embedded(stream, field):
            names |= {_title(title): field.name for title in (field.path, *field.aliases)}
    return names


class _Reader:
    """Reads one file, whole or stretch by stretch, in line order."""

    def __init__(
        self,
        reading: Reading,
        delivery: Delivery,
        header: Header,
        scratch: Path,
        session: duckdb.DuckDBPyConnection,
    ) -> None:
        self.stream, self.delivery, self.header, self.scratch = reading.stream, delivery, header, scratch
        self.columns, self.delimiter = len(header.layout.header), header.layout.delimiter
        self.kinds = {f.name: (f.kind, f.path) for f in self.stream.fields if not is_embedded(self.stream, f)}
        found = key_shapes.known(session, reading, self._sniff())
        self.parts = Parts(reading, replace(header.layout, shapes=found), scratch, session)
        outcome = self.parts.outcome
        outcome.unknown_fields |= header.layout.unknown
        if header.marked:
            outcome.notes.add("byte_order_mark")

    def read(self) -> Outcome:
        delivery, outcome = self.delivery, self.parts.outcome
        records = delivery.lines - 1 - delivery.trailing_blanks
        link = self.scratch / "whole.csv"
        link.symlink_to(delivery.plain)
        simple = records > 0 and self._is_simple(delivery.plain, self.header.length, delivery.size)
        if simple and self.parts.bulk(link, records, 2, has_header=True):
            outcome.blank_lines += delivery.trailing_blanks
            outcome.lines = delivery.lines - 1
        else:
            self._read_stretches()
        if not self._ends_in_newline():
            outcome.notes.add("no_newline_at_end")
        return self.parts.finish()

    def _sniff(self) -> dict[str, list[str]]:
        """Return the cells of the first records that embed JSON."""
        layout, texts = self.header.layout, {key: [] for key in self.stream.embedded}
        if texts:
            with self.delivery.plain.open("rb") as handle:
                handle.seek(self.header.length)
                found = csv_records.records(handle, 2, self.delivery.size, self.columns, self.delimiter)
                for record in islice(found, SNIFFED_RECORDS):
                    for name, cell in zip(layout.header, record.cells or [], strict=False):
                        if name in texts:
                            texts[name].append(cell)
        return texts

    def _is_simple(self, path: Path, start: int, stop: int) -> bool:
        return csv_records.is_simple(path, start, stop, self.columns, self.delimiter)

    def _read_stretches(self) -> None:
        line = 2
        with self.delivery.plain.open("rb") as handle:
            handle.seek(self.header.length)
            while (start := handle.tell()) < self.delivery.size:
                stop = min(start + CAREFUL_BYTES, self.delivery.size)
                handle.seek(stop - 1)
                handle.readline()
                stop = min(handle.tell(), self.delivery.size)
                handle.seek(start)
                piece = self.scratch / f"piece-{line}.csv"
                piece.write_bytes(handle.read(stop - start))
                lines = self._stretch(piece, line)
                if lines is None:
                    handle.seek(start)
                    line = self._carefully(handle, line, stop)
                else:
                    line += lines
                piece.unlink()

    def _stretch(self, piece: Path, first_line: int) -> int | None:
        """Read simple lines in bulk; return how many there were, or None if they are not simple."""
        size = piece.stat().st_size
        with piece.open("rb") as handle:
            lines = sum(1 for _ in handle)
        if not self._is_simple(piece, 0, size) or not self.parts.bulk(piece, lines, first_line):
            return None
        self.parts.outcome.lines += lines
        return lines

    def _carefully(self, handle, first_line: int, stop: int) -> int:
        """Read the records up to an offset one by one; return the number of the line after them."""
        line = first_line
        with self.parts.careful(first_line) as sieve:
            for record in csv_records.records(handle, first_line, stop, self.columns, self.delimiter):
                self.parts.outcome.lines += 1
                line = record.number + max(record.text.count(b"\n"), 1)
                self._take(sieve, record)
        return line

    def _take(self, sieve: Sieve, record: Record) -> None:
        if record.fault:
            sieve.reject(record.number, record.fault, "", record.text)
        elif record.cells is None:
            sieve.found.blank_lines += 1
        else:
            try:
                named, extra = self._named(record.cells)
                opened = strict_json.flat_record(named, self.stream)
                values = strict_json.declared_values(opened, self.stream)
            except BadLine as fault:
                sieve.reject(record.number, fault.reason, fault.field, record.text)
                return
            unknown = unknown_names.of_record(opened, self.stream)
            sieve.keep(record.number, record.text, values, extras.members_of(extra, extra), unknown)

    def _named(self, cells: list[str]) -> tuple[dict[str, str | None], dict[str, str | None]]:
        layout = self.header.layout
        named, extra = {}, {}
        for name, title, cell in zip(layout.header, layout.titles, cells, strict=True):
            if name in self.kinds and cell:
                kind, path = self.kinds[name]
                named[name] = csv_numbers.plain(cell, kind, layout.delimiter, path)
            elif name:
                named[name] = cell or None
            elif title in layout.extra:
                extra[title] = cell or None
        return named, extra

    def _ends_in_newline(self) -> bool:
        with self.delivery.plain.open("rb") as handle:
            handle.seek(self.delivery.size - 1)
            return handle.read(1) == b"\n"
