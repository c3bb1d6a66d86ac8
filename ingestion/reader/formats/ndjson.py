"""The JSON lines of one delivery become parts: in bulk where they are clean, carefully where they are not.

    whole file ─► bulk read ─────────────────────────────► Parquet
                     │ refused                                ▲
                     └─► pieces ─► bulk read ────────────────►┤
                                     │ refused                │
                                     └─► pieces … careful read┘

A bad line causes a careful read of its neighbourhood, not of the file. Both reads give the same result for a line.

Rulings: docs/decisions/reading.md#reading-3.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import duckdb

from ingestion.reader import careful, json_values, key_shapes, strict_json, values
from ingestion.reader.parts import Outcome, Parts
from ingestion.reader.sql import LINE_KEY, Layout, Reading

#: Stretches of this size are read carefully as soon as the bulk read refuses them.
CAREFUL_BYTES = 8 << 20
#: Into how many pieces a refused stretch is cut.
PIECES = 16
#: Lines sampled before a file is read: at its head, and at most as many at its end.
SNIFFED_LINES = 100
#: The end of a file.
LAST_BYTES = 1 << 14
#: Places sampled in between, and lines at each.
SNIFFED_PLACES, LINES_A_PLACE = 20, 5


@dataclass(frozen=True)
class Lines:
    """A plain file of JSON lines.

    Attributes:
        plain: The file.
        size: Bytes of it that hold whole lines.
        lines: Lines in them, blank ones included; a last line without a newline is a line.
        trailing_blanks: Blank lines at the very end.
        numbers: Line numbers in the landing file, if they differ from these lines' positions; every line then carries
            its number.
    """

    plain: Path
    size: int
    lines: int
    trailing_blanks: int = 0
    numbers: array[int] | None = None


def read(
    reading: Reading,
    lines: Lines,
    scratch: Path,
    session: duckdb.DuckDBPyConnection,
    are_lines: Callable[[], bool] = lambda: True,
) -> Outcome | None:
    """Read JSON lines; the Parquet is left in `scratch`.

    None if the bulk read refuses the file and `are_lines` says that it holds something else.
    """
    if not lines.lines:
        return Outcome()
    return _Reader(reading, lines, scratch, session).read(are_lines)


class _Reader:
    """Reads one file stretch by stretch, in line order."""

    def __init__(
        self, reading: Reading, lines: Lines, scratch: Path, session: duckdb.DuckDBPyConnection
    ) -> None:
        self.reading, self.lines, self.scratch = reading, lines, scratch
        unknown, absent, absent_objects, texts = self._sniff()
        layout = Layout(
            shapes=key_shapes.known(session, reading, texts),
            absent=absent,
            absent_objects=absent_objects,
            numbered=lines.numbers is not None,
        )
        self.parts = Parts(reading, layout, scratch, session)
        self.parts.outcome.unknown_fields |= unknown
        self.parts.outcome.lines = lines.lines
        # DuckDB leaves a mark at the head of a file out when it reads on one thread, and refuses the line on several.
        if _begins_with_byte_order_mark(lines.plain):
            self.parts.outcome.notes.add("byte_order_mark")

    def read(self, are_lines: Callable[[], bool]) -> Outcome | None:
        lines = self.lines
        # Names from outside may hold the wildcards of read_json; a link of our own does not.
        link = self.scratch / "whole.ndjson"
        link.symlink_to(lines.plain)
        if self.parts.bulk(link, lines.lines - lines.trailing_blanks, 1):
            self.parts.outcome.blank_lines += lines.trailing_blanks
        elif not are_lines():
            link.unlink()
            return None
        else:
            self._split(0, lines.size, 1)
        return self.parts.finish()

    def _split(self, start: int, end: int, first_line: int) -> int:
        """Read the lines between two offsets piece by piece; return the number of the line after them."""
        step = _step(start, end)
        while start < end:
            stop = _after_line(self.lines.plain, start + step, end)
            first_line = self._stretch(start, stop, first_line)
            start = stop
        return first_line

    def _stretch(self, start: int, stop: int, first_line: int) -> int:
        piece = self.scratch / f"piece-{start}-{stop}.ndjson"
        lines = _copy(self.lines.plain, start, stop, piece)
        is_whole = (start, stop) == (0, self.lines.size)
        if is_whole or not self.parts.bulk(piece, lines, first_line):
            # A line longer than a step would be cut off as the same stretch again.
            if _after_line(piece, _step(start, stop), stop - start) < stop - start > 2 * CAREFUL_BYTES:
                piece.unlink()
                return self._split(start, stop, first_line)
            with self.parts.careful(first_line) as sieve:
                careful.read_lines(
                    sieve,
                    self.reading,
                    piece,
                    first_line,
                    ends_file=stop == self.lines.size,
                    numbers=self.lines.numbers,
                )
        piece.unlink()
        return first_line + lines

    def _sniff(
        self,
    ) -> tuple[set[str], frozenset[str], frozenset[tuple[str, ...]], dict[str, list[str]]]:
        """Return from a sample of lines: undeclared paths, absent fields, absent objects, embedded JSON texts.

        Lines that do not parse are skipped.
        """
        stream = self.reading.stream
        paths: set[str] = set()
        absent = [f for f in stream.fields if not f.mandatory and not values.is_embedded(stream, f)]
        objects = {stream.keys(f)[:depth] for f in absent for depth in range(1, len(stream.keys(f)))}
        texts: dict[str, list[str]] = {key: [] for key in stream.embedded}
        for line in _sample(self.lines.plain, self.lines.size):
            try:
                record = strict_json.parse(line)
                written = {key: _text(record.get(key)) for key in texts}
                record = strict_json.opened(record, stream)
            except strict_json.BadLine:
                continue
            for key, text in written.items():
                if text:
                    texts[key].append(text)
            record.pop(LINE_KEY, None)
            paths |= strict_json.paths(record)
            absent = [f for f in absent if strict_json.value_in(record, stream.keys(f)) is None]
            objects = {keys for keys in objects if strict_json.value_in(record, keys) is None}
        return (
            strict_json.undeclared(paths, stream),
            frozenset(field.name for field in absent),
            frozenset(objects),
            texts,
        )


def _begins_with_byte_order_mark(plain: Path) -> bool:
    with plain.open("rb") as handle:
        return strict_json.starts_with_byte_order_mark(handle.read(3))


def _text(value: Any) -> str:
    """Return the text of an embedded field, which may be an object as it is."""
    if isinstance(value, dict):
        return json_values.written(value)
    return value if isinstance(value, str) else ""


def _sample(plain: Path, size: int) -> Iterator[bytes]:
    """Yield the lines at the head of a file, at its end, and at places evenly spread between."""
    with plain.open("rb") as handle:
        yield from _lines(handle, SNIFFED_LINES)
        begun = handle.tell()
        for place in range(1, SNIFFED_PLACES + 1):
            at = begun + (size - begun) * place // (SNIFFED_PLACES + 1)
            if at > handle.tell():
                handle.seek(at)
                handle.readline(CAREFUL_BYTES)
                yield from _lines(handle, LINES_A_PLACE)
        if (last := size - LAST_BYTES) > handle.tell():
            handle.seek(last)
            handle.readline(CAREFUL_BYTES)
        yield from _lines(handle, SNIFFED_LINES)


def _lines(handle: BinaryIO, most: int) -> Iterator[bytes]:
    for _ in range(most):
        if not (line := handle.readline(CAREFUL_BYTES)):
            return
        yield line


def _step(start: int, end: int) -> int:
    """Return the length of the pieces of a refused stretch, without the rest of their last line."""
    return max((end - start) // PIECES, CAREFUL_BYTES)


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
