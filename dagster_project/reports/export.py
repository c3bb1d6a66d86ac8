"""Exports: one query over the published marts becomes one file, written atomically.

query of the report, with its filters → DuckDB writes CSV, Parquet or JSON; XlsxWriter writes spreadsheets.
`exports.py` decides what a report holds; this module knows only formats. Money stays exact: decimal text in CSV and
JSON, DECIMAL in Parquet. A spreadsheet stores doubles with 15 digits.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.books.published import published
from dagster_project.reports.exports import Report
from ingestion.duck import literal
from ingestion.files import whole
from ingestion.home import Home

#: Rows below the header that a spreadsheet holds.
SPREADSHEET_ROWS = 1_048_575
#: Rows fetched at a time for a spreadsheet.
_CHUNK = 10_000
#: A spreadsheet that opens a CSV file runs a text with such a beginning as a formula.
_FORMULA = r"^[=+@\-\t\r]"


class ExportError(ValueError):
    """The report cannot be written; the message says what to change."""


def export(home: Home, report: Report, file_format: str, target: Path) -> int:
    """Write a report and return its rows.

    Args:
        home: Whose published marts are read.
        report: The report.
        file_format: csv, xlsx, parquet or json.
        target: The file, replaced if it is there.

    Raises:
        NothingPublished: no run has published yet.
        ExportError: too many rows for a spreadsheet, the folder does not exist, or the target is not a file.
    """
    target = target.resolve()
    if target.exists() and not target.is_file():
        raise ExportError(f"{target} is not a file but {_kind(target)}; name a file in --out")
    if not target.parent.is_dir():
        raise ExportError(f"{target.parent} is not a folder; create it or choose another --out")
    with published(home) as marts, whole(target) as temporary:
        marts.execute("set TimeZone = 'UTC'")
        rows = marts.sql(report.sql)
        return _WRITERS[file_format](marts, rows, temporary)


def _kind(path: Path) -> str:
    """Return the kind of an existing path that is not a file."""
    kinds = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    mode = path.stat().st_mode
    return next((kind for is_of_kind, kind in kinds.items() if is_of_kind(mode)), "a device")


def _write_csv(marts: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, target: Path) -> int:
    guarded = {
        "VARCHAR": "case when regexp_matches({0}, "
        + literal(_FORMULA)
        + ") then concat('''', {0}) else {0} end",
        "TIMESTAMP": _UTC_TEXT,
    }
    return _copy(marts, _projected(rows, guarded), target, "format csv, header true")


def _write_json(marts: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, target: Path) -> int:
    exact = {"DECIMAL": "cast({0} as varchar)", "TIMESTAMP": _UTC_TEXT}
    return _copy(marts, _projected(rows, exact), target, "format json, array true")


def _write_parquet(marts: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, target: Path) -> int:
    return _copy(marts, rows.sql_query(), target, "format parquet, compression zstd")


#: Times are written in UTC with a Z.
_UTC_TEXT = "strftime({0}, '%Y-%m-%dT%H:%M:%S.%fZ')"


def _projected(rows: duckdb.DuckDBPyRelation, expressions: dict[str, str]) -> str:
    """Return the query of `rows` with the columns of some types converted."""
    columns = []
    for name, column_type in zip(rows.columns, rows.types, strict=True):
        quoted = '"' + name.replace('"', '""') + '"'
        expression = expressions.get(str(column_type).split("(")[0], "{0}").format(quoted)
        columns.append(f"{expression} as {quoted}")
    return f"select {', '.join(columns)} from ({rows.sql_query()})"


def _copy(marts: duckdb.DuckDBPyConnection, query: str, target: Path, options: str) -> int:
    return int(marts.execute(f"copy ({query}) to {literal(target)} ({options})").fetchall()[0][0])


def _write_xlsx(marts: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, target: Path) -> int:
    import xlsxwriter

    count = int(marts.execute(f"select count(*) from ({rows.sql_query()})").fetchall()[0][0])
    if count > SPREADSHEET_ROWS:
        raise ExportError(
            f"{count:,} rows do not fit a spreadsheet ({SPREADSHEET_ROWS:,}); narrow --from and --to,"
            " or write --format csv or parquet"
        )
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(target), options) as book:
        sheet = book.add_worksheet("tollbook")
        bold = book.add_format({"bold": True, "bottom": 1})
        formats = {
            datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            date: book.add_format({"num_format": "yyyy-mm-dd"}),
            Decimal: book.add_format({"num_format": "#,##0.00##########"}),
        }
        for place, name in enumerate(rows.columns):
            sheet.write_string(0, place, name, bold)
            sheet.set_column(place, place, max(12, min(len(name) + 2, 32)))
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, count, len(rows.columns) - 1)
        line = 0
        result = marts.execute(rows.sql_query())
        while chunk := result.fetchmany(_CHUNK):
            for row in chunk:
                line += 1
                for place, value in enumerate(row):
                    _write_cell(sheet, line, place, value, formats)
    return count


def _write_cell(sheet: Any, line: int, place: int, value: Any, formats: dict[type, Any]) -> None:
    if value is None:
        return
    if isinstance(value, str | bool | int | Decimal | date):
        sheet.write(line, place, value, formats.get(type(value)))
    else:
        sheet.write_string(line, place, str(value))


_WRITERS: dict[str, Callable[[duckdb.DuckDBPyConnection, duckdb.DuckDBPyRelation, Path], int]] = {
    "csv": _write_csv,
    "xlsx": _write_xlsx,
    "parquet": _write_parquet,
    "json": _write_json,
}
