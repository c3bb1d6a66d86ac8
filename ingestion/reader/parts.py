"""The Parquet parts a delivery is converted into, and the Outcome they add up to.

A part is written in bulk, without line numbers (its first line is in its name), or carefully, with them.
Readers decide what goes into which part, in line order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from ingestion.duck import literal
from ingestion.reader import extras, strict_json
from ingestion.reader.careful import Sieve
from ingestion.reader.rejects import Reject
from ingestion.reader.sql import LINE_KEY, UNEXPECTED, Layout, Reading
from ingestion.reader.values import quoted

#: dbt reads the file once, the same night: snappy's speed is worth more than zstd's size. Rows stay in line order.
PARQUET = "format parquet, compression snappy, preserve_order true"

_REFUSED = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException)


@dataclass
class Outcome:
    """What became of the lines of a delivery.

    Attributes:
        parquet: The rows in line order; None if there are none.
        rows: How many.
        lines: Records in the delivery, counted independently of their results; blank lines included.
        blank_lines: Lines that hold nothing.
        rejects: Lines that could not become rows.
        unknown_fields: Undeclared paths, as far as examined.
        notes: Observations that need no action.
    """

    parquet: Path | None = None
    rows: int = 0
    lines: int = 0
    blank_lines: int = 0
    rejects: list[Reject] = field(default_factory=list)
    unknown_fields: set[str] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)


class Parts:
    """Writes the parts of one delivery into a folder and counts what is in them."""

    def __init__(
        self, reading: Reading, layout: Layout, scratch: Path, session: duckdb.DuckDBPyConnection
    ) -> None:
        self.outcome = Outcome()
        self._reading, self._layout = reading, layout
        self._scratch, self._session = scratch, session
        self._parts: list[Path] = []
        self._as_expected = True

    def bulk(self, path: Path, records: int, first_line: int, *, has_header: bool = False) -> bool:
        """Read a file in one statement; False if it refuses or has not as many rows as it should."""
        layout = self._layout if self._reading.stream.format.name == "csv" else self._with_keys(path)
        if layout is None:
            return False
        part = self._part(first_line)
        rows = self._written(path, part, layout, has_header=has_header)
        if rows != records or (rows and self._is_in_doubt(part)):
            return False
        self._add(part, rows)
        return True

    def _with_keys(self, path: Path) -> Layout | None:
        """Return the layout with the undeclared fields of a file's records, or None if they cannot be columns."""
        stream, outcome = self._reading.stream, self.outcome
        try:
            keys = {key for (key,) in self._session.execute(self._reading.keys(path)).fetchall()}
        except _REFUSED:
            return None
        found = {path.partition(".")[0] for path in outcome.unknown_fields}
        outcome.unknown_fields |= strict_json.undeclared(keys - found - {LINE_KEY}, stream)
        extra = extras.as_columns(keys, stream)
        return None if extra is None else replace(self._layout, extra=extra)

    def _written(self, path: Path, part: Path, layout: Layout, *, has_header: bool) -> int | None:
        """Read a file in one statement, first with the expected layout; return its rows, None if it is refused."""
        while True:
            statement = self._reading.bulk(path, layout, has_header=has_header, as_expected=self._as_expected)
            try:
                copy = self._session.execute(f"copy ({statement}) to {literal(part)} ({PARQUET})")
            except _REFUSED as refusal:
                if not self._as_expected or UNEXPECTED not in str(refusal):
                    return None
                self._as_expected = False
            else:
                return copy.fetchone()[0]

    def _is_in_doubt(self, part: Path) -> bool:
        """Return whether a check fails that reads only the footer of the written file."""
        (fails,) = self._session.execute(self._reading.footer_doubts(part)).fetchone()
        return fails

    @contextmanager
    def careful(self, first_line: int) -> Iterator[Sieve]:
        """Yield a sieve for the records from a line on; on leaving, the good ones are a part."""
        part, outcome = self._part(first_line), self.outcome
        sieve = Sieve(self._session, self._reading, part)
        yield sieve
        found = sieve.finish()
        outcome.blank_lines += found.blank_lines
        outcome.rejects += found.rejects
        outcome.unknown_fields |= found.unknown_fields
        if found.byte_order_mark:
            outcome.notes.add("byte_order_mark")
        self._add(part, found.rows)

    def finish(self) -> Outcome:
        """Return the outcome, its Parquet in one piece."""
        if self.outcome.rows:
            self.outcome.parquet = self._parts[0] if len(self._parts) == 1 else self._merged()
        return self.outcome

    def _part(self, first_line: int) -> Path:
        return self._scratch / f"part-{first_line}.parquet"

    def _add(self, part: Path, rows: int) -> None:
        if rows:
            self._parts.append(part)
            self.outcome.rows += rows

    def _merged(self) -> Path:
        """Return one Parquet with the rows of all parts in line order, each with its line."""
        target = self._scratch / "merged.parquet"
        first = "cast(regexp_extract(filename, 'part-(\\d+)', 1) as bigint)"
        columns = ", ".join(
            f"coalesce(raw_line, file_row_number + {first}) as raw_line"
            if name == "raw_line"
            else quoted(name)
            for name, _ in self._reading.stream.table_columns()
        )
        files = ", ".join(literal(part) for part in self._parts)
        rows = f"select {columns} from read_parquet([{files}], file_row_number = true, filename = true)"  # noqa: S608
        self._session.execute(f"copy ({rows}) to {literal(target)} ({PARQUET})")
        return target
