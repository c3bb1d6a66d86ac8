"""CSV, strictly by RFC 4180 but with any delimiter: where records begin and end, and what their cells are.

A record is one line, or several if quotes hold its line breaks. Damage must not affect the lines after it: lines are
joined only if they are one whole record together, else only the first is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

LONGEST_LINE = 64 << 20
#: A quoted cell longer than this is taken for an unclosed quote.
MOST_LINES, MOST_BYTES = 1000, 1 << 20
#: Fits into a processor's cache.
_BLOCK = 1 << 19
#: Checking a quoted byte takes sixteen bytes of memory; a longer block is not simple.
_LONGEST_QUOTED = 1 << 22
_BLANK = b"\xef\xbb\xbf \t\r\n\v\f"
_QUOTE, _NEWLINE, _RETURN = b'"\n\r'
#: Possible delimiters, the likeliest first.
DELIMITERS = (",", ";", "\t", "|")
_CELLS = {mark: re.compile(rf'"((?:[^"]|"")*)"|([^"{re.escape(mark)}\r\n]*)') for mark in DELIMITERS}


@dataclass(frozen=True)
class Record:
    """A record, a blank line or a fault.

    Attributes:
        number: Line it begins on.
        text: Its bytes.
        cells: Its cells; None for a blank line or a fault.
        fault: Reject reason, or ''.
    """

    number: int
    text: bytes
    cells: list[str] | None = None
    fault: str = ""


def cells_of(text: str, delimiter: str = ",") -> list[str] | None:
    """Return the cells of one record without its line end, or None if its quoting is wrong or not closed."""
    if '"' not in text:
        return None if "\r" in text else text.split(delimiter)
    cells, at = [], 0
    while True:
        match = _CELLS[delimiter].match(text, at)
        quoted, plain = match.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        at = match.end()
        if at == len(text):
            return cells
        if text[at] != delimiter:
            return None
        at += 1


def records(handle: BinaryIO, number: int, stop: int, columns: int, delimiter: str = ",") -> Iterator[Record]:
    """Yield everything from the handle's place up to offset `stop`; the last record may reach beyond it.

    Args:
        handle: The plain file, at the beginning of a record.
        number: Its line.
        stop: Offset at which no further record is begun.
        columns: Number of cells of the header.
        delimiter: The file's.
    """
    blank = _BLANK.replace(delimiter.encode(), b"")
    while handle.tell() < stop and (line := handle.readline(LONGEST_LINE)):
        lines = 1
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := handle.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield Record(number, b"", None, "line_too_long")
        elif not line.strip(blank):
            yield Record(number, line)
        else:
            record = _record(number, line, columns, delimiter)
            if record.fault == "malformed_csv" and line.count(b'"') % 2:
                joined, lines = _joined(handle, line, columns, delimiter)
                record = Record(number, *joined) if joined else record
            yield record
        number += lines


def _record(number: int, line: bytes, columns: int, delimiter: str) -> Record:
    try:
        cells = cells_of(_without_end(line).decode("utf-8"), delimiter)
    except UnicodeDecodeError:
        return Record(number, line, None, "invalid_utf8")
    fault = "malformed_csv" if cells is None else "wrong_cell_count" if len(cells) != columns else ""
    if fault and not line.endswith(b"\n"):
        fault = "truncated_line"
    return Record(number, line, None if fault else cells, fault)


def _joined(
    handle: BinaryIO, line: bytes, columns: int, delimiter: str
) -> tuple[tuple[bytes, list[str]] | None, int]:
    """Return the record a line is the beginning of, and its lines; without one the handle stays in place."""
    start, pieces, size, is_open = handle.tell(), [line], len(line), True
    for lines in range(2, MOST_LINES):
        following = handle.readline(MOST_BYTES)
        pieces.append(following)
        size += len(following)
        if not following or size > MOST_BYTES:
            break
        is_open ^= following.count(b'"') % 2 == 1
        if not is_open:
            record = _record(0, b"".join(pieces), columns, delimiter)
            if record.cells:
                return (b"".join(pieces), record.cells), lines
            break
    handle.seek(start)
    return None, 1


def _without_end(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")


def is_simple(plain: Path, start: int, size: int, columns: int, delimiter: str = ",") -> bool:
    """Return whether every line between two offsets is one record of so many cells, all with equal line ends.

    DuckDB reads such lines by RFC 4180; it may accept faults in others.
    """
    ends: set[bool] = set()
    with plain.open("rb") as handle:
        handle.seek(start)
        while (left := size - handle.tell()) > 0:
            block = handle.read(min(left, _BLOCK))
            if not block.endswith(b"\n") and handle.tell() < size:
                block += handle.readline(LONGEST_LINE)
            if handle.tell() >= size:
                block = block.rstrip(b"\n\r") + b"\n"
            if block != b"\n" and not _is_simple(block, columns, ord(delimiter), ends):
                return False
    return len(ends) < 2


def _is_simple(block: bytes, columns: int, delimiter: int, ends: set[bool]) -> bool:
    """Check whole lines; add to `ends` whether they end in a carriage return."""
    codes = np.frombuffer(block, np.uint8)
    lines = int(np.count_nonzero(codes == _NEWLINE))
    if b"\r" in block:
        ends.add(True)
        lines_with = block.count(b"\r\n")
        if lines_with != block.count(b"\r") or lines - lines_with not in (0, 1):
            return False
    else:
        ends.add(False)
    if b'"' not in block:
        return int(np.count_nonzero(codes == delimiter)) == lines * (columns - 1)
    return _is_quoted_simply(np.frombuffer(b"\n" + block, np.uint8), lines * (columns - 1), delimiter)


def _is_quoted_simply(codes: np.ndarray, delimiters: int, delimiter: int) -> bool:
    quotes = np.flatnonzero(codes == _QUOTE)
    if len(quotes) % 2 or len(codes) > _LONGEST_QUOTED:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    # Each quote of a doubled one is both.
    may_open, may_follow = _among(delimiter, _NEWLINE, _QUOTE), _among(delimiter, _NEWLINE, _RETURN, _QUOTE)
    if not (may_open[codes[opening - 1]].all() and may_follow[codes[closing + 1]].all()):
        return False
    inside = codes[_between(opening, closing)]
    quoted = int(np.count_nonzero(inside == delimiter))
    return not (inside == _NEWLINE).any() and int(np.count_nonzero(codes == delimiter)) - quoted == delimiters


def _between(opening: np.ndarray, closing: np.ndarray) -> np.ndarray:
    """Return every place between an opening quote and the one that closes it."""
    lengths = closing - opening - 1
    places_before = np.cumsum(lengths) - lengths
    return np.repeat(opening + 1 - places_before, lengths) + np.arange(lengths.sum())


def _among(*allowed: int) -> np.ndarray:
    """Return a lookup table by byte: whether it is one of these."""
    return np.isin(np.arange(256), allowed)
