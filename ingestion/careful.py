"""The slow way through a stretch of lines: parse each by the letter, keep the good, reject the bad with a reason.

Only stretches that the bulk read refused come here. Good lines are written back as text values and go through the same
typed statement; nothing is decided twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb

from ingestion import strict_json
from ingestion.duck import literal
from ingestion.reader_sql import LINE_KEY, Reading, quoted
from ingestion.rejects import Reject, redacted
from ingestion.strict_json import BadLine

LONGEST_LINE = 64 << 20


class Stretch:
    """What became of a stretch of lines; counts and findings of all its lines."""

    def __init__(self) -> None:
        self.rows = 0
        self.blank_lines = 0
        self.rejects: list[Reject] = []
        self.unknown_fields: set[str] = set()
        self.byte_order_mark = False


def read(
    session: duckdb.DuckDBPyConnection,
    reading: Reading,
    part: Path,
    first_line: int,
    target: Path,
    *,
    cut_at_end: bool,
) -> Stretch:
    """Read the lines of `part` into `target` (Parquet with line numbers).

    Args:
        session: DuckDB session in the reading's time zone.
        reading: How to read.
        part: Plain file of whole lines.
        first_line: Number of its first line in the landing file.
        target: Parquet to write.
        cut_at_end: The part ends the landing file and its last line has no newline.
    """
    found = Stretch()
    texts: dict[int, bytes] = {}
    canonical = target.with_suffix(".ndjson")
    with canonical.open("w", encoding="utf-8") as out:
        for number, line, is_last in _numbered(part, first_line):
            if line is None:
                found.rejects.append(Reject(number, "line_too_long", "", ""))
                continue
            found.byte_order_mark |= strict_json.starts_with_byte_order_mark(line)
            if not line.strip(b"\xef\xbb\xbf \t\r\n\v\f"):
                found.blank_lines += 1
                continue
            try:
                record = strict_json.parse(line)
                values = strict_json.declared_values(record, reading.stream)
            except BadLine as fault:
                torn = is_last and cut_at_end and fault.reason in ("malformed_json", "invalid_utf8")
                reason = "truncated_line" if torn else fault.reason
                found.rejects.append(Reject(number, reason, fault.field, redacted(line, reading.stream)))
                continue
            found.unknown_fields |= strict_json.undeclared(record, reading.stream)
            texts[number] = line
            out.write(json.dumps({**values, LINE_KEY: number}, ensure_ascii=False) + "\n")
    session.execute(f"create or replace temp table stretch as {reading.careful(canonical)}")
    for number, fault in session.execute(
        "select raw_line, reject from stretch where reject is not null order by raw_line"
    ).fetchall():
        reason, _, field = fault.partition("|")
        found.rejects.append(Reject(number, reason, field, redacted(texts[number], reading.stream)))
    columns = ", ".join(quoted(name) for name, _ in reading.stream.table_columns())
    found.rows = session.execute(
        f"copy (select {columns} from stretch where reject is null) to {literal(target)} (format parquet)"  # noqa: S608
    ).fetchone()[0]
    session.execute("drop table stretch")
    canonical.unlink()
    return found


def _numbered(part: Path, first_line: int) -> Iterator[tuple[int, bytes | None, bool]]:
    """Yield (number, line without its newline, is it the last); a line beyond all measure comes as None."""
    size = part.stat().st_size
    with part.open("rb") as handle:
        number = first_line
        while line := handle.readline(LONGEST_LINE):
            too_long = len(line) == LONGEST_LINE and not line.endswith(b"\n")
            while too_long and (rest := handle.readline(LONGEST_LINE)):
                if rest.endswith(b"\n"):
                    break
            yield number, None if too_long else line.rstrip(b"\n"), handle.tell() == size
            number += 1
