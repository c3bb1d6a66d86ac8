"""Formats of an export: the file's suffix names it, and each writes a query's rows exactly.

CSV, Parquet and JSON are written by DuckDB, spreadsheets by spreadsheet.py. Money is decimal text in CSV and JSON,
DECIMAL in Parquet. Times are UTC. In CSV a text that a spreadsheet would run as a formula gets an apostrophe in front
(`guarded`); numbers, negative ones too, are never touched.

Rulings: docs/decisions/exports.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import duckdb

from dagster_project.exports import spreadsheet
from dagster_project.exports.queries import columns_of, projected
from dagster_project.exports.reports import ExportError
from ingestion.duck import literal

#: Called with the number of rows written so far.
Advance = Callable[[int], None]
#: A text with such a beginning may be run as a formula: by Excel also behind blanks, and with full-width signs. Texts
#: that have an apostrophe before it get another, so that `unguarded` is exact.
_FORMULA = r"^(?:[' \t\r\n\f\v ]*[=+\-@＝＋－＠]|'*[\t\r\n])"
#: A negative number that a gateway wrote as text.
_NUMBER = r"-[0-9]+(?:[.,][0-9]+)*(?:[eE][-+]?[0-9]+)?"
_LOOK_SECONDS = 0.2


def format_of(target: Path, asked: str | None = None) -> str:
    """Return the format that the suffix of a file names.

    Args:
        target: the file to write.
        asked: the format of `--format`, which must be the same.

    Raises:
        ExportError: the suffix names no format, or another than `asked`.
    """
    suffix = target.suffix.lower().removeprefix(".")
    if suffix not in WRITERS:
        known = ", ".join(f".{name}" for name in WRITERS)
        raise ExportError(f"{target.name}: the suffix names the format; end the file in one of {known}")
    if asked not in (None, suffix):
        raise ExportError(
            f"{target.name} would be {asked} in a file called .{suffix}; write {target.stem}.{asked}"
        )
    return suffix


def guarded(text: str) -> str:
    """Return a text as a CSV holds it: with an apostrophe in front if a spreadsheet would run it as a formula."""
    return f"'{text}" if re.search(_FORMULA, text) and not re.fullmatch(_NUMBER, text) else text


def unguarded(cell: str) -> str:
    """Return the text of a CSV cell without the apostrophe of `guarded`."""
    return cell[1:] if cell.startswith("'") and re.search(_FORMULA, cell) else cell


def _write_csv(
    marts: duckdb.DuckDBPyConnection, sql: str, target: Path, count: int, advance: Advance
) -> None:
    is_formula = (
        f"regexp_matches({{0}}, {literal(_FORMULA)}) and not regexp_full_match({{0}}, {literal(_NUMBER)})"
    )
    guard = f"case when {is_formula} then concat('''', {{0}}) else {{0}} end"
    text = projected(columns_of(marts, sql), sql, {"VARCHAR": guard, "TIMESTAMP": _UTC_TEXT})
    _copy(marts, text, target, "format csv, header true", count, advance)


def _write_json(
    marts: duckdb.DuckDBPyConnection, sql: str, target: Path, count: int, advance: Advance
) -> None:
    exact = projected(
        columns_of(marts, sql), sql, {"DECIMAL": "cast({0} as varchar)", "TIMESTAMP": _UTC_TEXT}
    )
    _copy(marts, exact, target, "format json, array true", count, advance)


def _write_parquet(
    marts: duckdb.DuckDBPyConnection, sql: str, target: Path, count: int, advance: Advance
) -> None:
    _copy(marts, sql, target, "format parquet, compression zstd", count, advance)


def _write_xlsx(
    marts: duckdb.DuckDBPyConnection, sql: str, target: Path, count: int, advance: Advance
) -> None:
    if count > spreadsheet.MOST_ROWS:
        raise ExportError(
            f"{count:,} rows do not fit a spreadsheet ({spreadsheet.MOST_ROWS:,}); narrow --from and --to,"
            " or write a .csv or .parquet file"
        )
    spreadsheet.write(marts, sql, target, advance)


#: Times are written in UTC with a Z.
_UTC_TEXT = "strftime({0}, '%Y-%m-%dT%H:%M:%S.%fZ')"


def _copy(
    marts: duckdb.DuckDBPyConnection, sql: str, target: Path, options: str, count: int, advance: Advance
) -> None:
    """Copy a query's rows to a file and report its progress; stopping the process stops the copy."""
    with ThreadPoolExecutor(1) as thread:
        copying = thread.submit(marts.execute, f"copy ({sql}) to {literal(target)} ({options})")
        try:
            while wait([copying], _LOOK_SECONDS).not_done:
                advance(int(count * max(marts.query_progress(), 0.0) / 100))
        except BaseException:
            marts.interrupt()
            raise
        copying.result()
    advance(count)


WRITERS: dict[str, Callable[[duckdb.DuckDBPyConnection, str, Path, int, Advance], None]] = {
    "csv": _write_csv,
    "xlsx": _write_xlsx,
    "parquet": _write_parquet,
    "json": _write_json,
}
