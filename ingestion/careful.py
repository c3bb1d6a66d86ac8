"""The slow way through a stretch of lines: parse each by the letter, keep the good, reject the bad.

Only stretches that the bulk read refused come here. Good lines are written back as text values and go through
the same typed statement as all others; nothing is decided twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ingestion import strict_json
from ingestion.duck import literal
from ingestion.reader_sql import LINE_KEY, Reading, quoted
from ingestion.rejects import Reject, redacted
from ingestion.strict_json import BadLine

LONGEST_LINE = 64 << 20
_BLANK = b"\xef\xbb\xbf \t\r\n\v\f"


@dataclass
class Stretch:
    """What became of a stretch of lines: rows written, and what was found in the others."""

    rows: int = 0
    blank_lines: int = 0
    rejects: list[Reject] = field(default_factory=list)
    unknown_fields: set[str] = field(default_factory=set)
    byte_order_mark: bool = False


def read(
    session: duckdb.DuckDBPyConnection,
    reading: Reading,
    piece: Path,
    target: Path,
    *,
    first_line: int,
    ends_file: bool,
) -> Stretch:
    """Read the lines of `piece` into `target`, a Parquet with line numbers.

    Args:
        session: DuckDB session in the reading's time zone.
        reading: How to read.
        piece: Plain file of whole lines.
        target: Parquet to write.
        first_line: Number of the piece's first line in the landing file.
        ends_file: The piece is the end of the landing file, so a broken last line was cut off there.
    """
    found = Stretch()
    texts: dict[int, bytes] = {}
    canonical = target.with_suffix(".ndjson")
    with canonical.open("w", encoding="utf-8") as out:
        for number, line, complete in _numbered(piece, first_line):
            if line is None:
                found.rejects.append(Reject(number, "line_too_long", "", ""))
                continue
            found.byte_order_mark |= strict_json.starts_with_byte_order_mark(line)
            if not line.strip(_BLANK):
                found.blank_lines += 1
                continue
            try:
                record = strict_json.parse(line)
                values = strict_json.declared_values(record, reading.stream)
            except BadLine as fault:
                cut = ends_file and not complete and fault.reason in ("malformed_json", "invalid_utf8")
                reason = "truncated_line" if cut else fault.reason
                found.rejects.append(Reject(number, reason, fault.field, redacted(line, reading.stream)))
                continue
            found.unknown_fields |= strict_json.undeclared(record, reading.stream)
            texts[number] = line
            out.write(json.dumps({**values, LINE_KEY: number}, ensure_ascii=False) + "\n")
    session.execute(f"create or replace temp table stretch as {reading.careful(canonical)}")
    refused = session.execute("select raw_line, reject from stretch where reject is not null").fetchall()
    for number, fault in refused:
        reason, _, path = fault.partition("|")
        found.rejects.append(Reject(number, reason, path, redacted(texts[number], reading.stream)))
    columns = ", ".join(quoted(name) for name, _ in reading.stream.table_columns())
    good = f"select {columns} from stretch where reject is null order by raw_line"  # noqa: S608
    (found.rows,) = session.execute(f"copy ({good}) to {literal(target)} (format parquet)").fetchone()
    session.execute("drop table stretch")
    canonical.unlink()
    return found


def _numbered(piece: Path, first_line: int) -> Iterator[tuple[int, bytes | None, bool]]:
    """Yield (number, line, does it end in a newline); a line beyond all measure comes as None."""
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
