"""The careful read of a stretch of records: each is parsed strictly in Python; good ones are kept, bad ones rejected.

Used only for stretches that the bulk read refused. Good records are written as text values and go through the same
typed expressions as all others, so every rule exists once.

Rulings: docs/decisions/reading.md#reading-1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from ingestion.duck import literal
from ingestion.reader import extras, json_values, strict_json, unknown_names
from ingestion.reader.rejects import Reject, redacted
from ingestion.reader.sql import EXTRA_KEY, LINE_KEY, UNKNOWN_KEY, Reading
from ingestion.reader.strict_json import BadLine
from ingestion.reader.values import quoted

LONGEST_LINE = 64 << 20
BLANK = b"\xef\xbb\xbf \t\r\n\v\f"
#: The line number that was written at the end of a record.
_OWN_NUMBER = re.compile(rb',?"%s":\d+(?=}\Z)' % LINE_KEY.encode())


@dataclass
class Stretch:
    """What became of a stretch of lines: rows written, and what was found in the others."""

    rows: int = 0
    blank_lines: int = 0
    rejects: list[Reject] = field(default_factory=list)
    unknown_fields: set[str] = field(default_factory=set)
    byte_order_mark: bool = False


class Sieve:
    """Collects the records of a stretch; `finish` writes the good ones to a Parquet file with line numbers.

    Args:
        session: DuckDB session in the reading's time zone.
        reading: How to read.
        target: Parquet to write.
    """

    def __init__(self, session: duckdb.DuckDBPyConnection, reading: Reading, target: Path) -> None:
        self.found = Stretch()
        self._session, self._reading, self._target = session, reading, target
        self._texts: dict[int, bytes] = {}
        self._seen: set[tuple[str, ...]] = set()
        self._canonical = target.with_suffix(".ndjson")
        self._out = self._canonical.open("wb")
        self._longest = 0

    def keep(
        self,
        number: int,
        line: bytes,
        values: dict[str, Any],
        extra: list[dict[str, Any]],
        unknown: str | None,
    ) -> None:
        """Add a record whose text is valid; `finish` checks its types."""
        self._texts[number] = line
        self._seen |= strict_json.places(values)
        whole = {**values, LINE_KEY: number, EXTRA_KEY: extra, UNKNOWN_KEY: unknown}
        text = json_values.written(whole).replace("\n", " ").encode() + b"\n"
        self._longest = max(self._longest, len(text))
        self._out.write(text)

    def reject(self, number: int, reason: str, at: str = "", line: bytes = b"") -> None:
        """Add a reject."""
        excerpt = redacted(line, self._reading.stream) if line else ""
        self.found.rejects.append(Reject(number, reason, at, excerpt))

    def finish(self) -> Stretch:
        """Write the good records; return the result of all."""
        self._out.close()
        session, found = self._session, self.found
        absent = {field.name for field, keys in self._reading.stream.places if keys not in self._seen}
        statement = self._reading.careful(self._canonical, self._longest, absent)
        session.execute(f"create or replace temp table stretch as {statement}")
        refused = session.execute("select raw_line, reject from stretch where reject is not null").fetchall()
        for number, fault in refused:
            reason, _, path = fault.partition("|")
            self.reject(number, reason, path, self._texts[number])
        columns = ", ".join(quoted(name) for name, _ in self._reading.stream.table_columns())
        good = f"select {columns} from stretch where reject is null order by raw_line"  # noqa: S608
        (found.rows,) = session.execute(
            f"copy ({good}) to {literal(self._target)} (format parquet)"
        ).fetchone()
        session.execute("drop table stretch")
        self._canonical.unlink()
        return found


def read_lines(
    sieve: Sieve,
    reading: Reading,
    piece: Path,
    first_line: int,
    *,
    ends_file: bool,
    numbers: Sequence[int] | None = None,
) -> None:
    """Read the JSON lines of `piece` into a sieve.

    Args:
        sieve: Collects them.
        reading: How to read.
        piece: Plain file of whole lines.
        first_line: Number of the piece's first line in the landing file.
        ends_file: The piece is the end of the landing file, so a broken last line was cut off there.
        numbers: Line numbers in the landing file, where they are not positions among these lines.
    """
    found, stream = sieve.found, reading.stream
    undeclared: dict[frozenset[str], list[str]] = {}
    for place, line, complete in _numbered(piece, first_line):
        number = numbers[place - 1] if numbers else place
        if line is None:
            sieve.reject(number, "line_too_long")
            continue
        found.byte_order_mark |= strict_json.starts_with_byte_order_mark(line)
        if not line.strip(BLANK):
            found.blank_lines += 1
            continue
        try:
            record = strict_json.opened(strict_json.parse(line), stream)
            record.pop(LINE_KEY, None)
            values = strict_json.declared_values(record, stream)
        except BadLine as fault:
            cut = ends_file and not complete and fault.reason in ("malformed_json", "invalid_utf8")
            sieve.reject(
                number, "truncated_line" if cut else fault.reason, fault.field, _OWN_NUMBER.sub(b"", line)
            )
            continue
        shape = frozenset(strict_json.paths(record))
        if shape not in undeclared:
            undeclared[shape] = extras.undeclared_keys(record, stream)
            found.unknown_fields |= strict_json.undeclared(shape, stream)
        unknown = unknown_names.of_record(record, stream)
        sieve.keep(
            number, _OWN_NUMBER.sub(b"", line), values, extras.members_of(record, undeclared[shape]), unknown
        )


def _numbered(piece: Path, first_line: int) -> Iterator[tuple[int, bytes | None, bool]]:
    """Yield (number, line, does it end in a newline); a line longer than `LONGEST_LINE` is None."""
    with piece.open("rb") as handle:
        number = first_line
        while line := handle.readline(LONGEST_LINE):
            complete = line.endswith(b"\n")
            if not complete and len(line) == LONGEST_LINE:
                while (rest := handle.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
                yield number, None, True
            else:
                yield number, line.rstrip(b"\n"), complete
            number += 1
