"""A query's rows as a spreadsheet, row by row, so that memory does not grow with them.

A spreadsheet stores numbers as doubles. An amount is a number, so that people can add it up; `inexact` counts the
amounts that a double does not hold to their last digit. Texts are stored as texts and never run as formulas.

Rulings: docs/decisions/exports.md#exports-2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.exports.queries import columns_of, kind_of, projected
from dagster_project.exports.reports import ExportError

#: Rows below the header that a spreadsheet holds.
MOST_ROWS = 1_048_575
#: Rows fetched and reported at a time.
_CHUNK = 5_000
#: Day 0 of a spreadsheet's calendar, counted from the Unix epoch.
_EPOCH = 25_569
_MICROSECONDS_A_DAY = 86_400_000_000
#: Type → expression of the value in the cell; every other type is text.
_CELLS = {
    "TIMESTAMP": f"epoch_us({{0}}) / {_MICROSECONDS_A_DAY} + {_EPOCH}",
    "DATE": f"date_diff('day', date '1970-01-01', {{0}}) + {_EPOCH}",
    "DECIMAL": "cast({0} as double)",
    "HUGEINT": "cast({0} as double)",
    **dict.fromkeys(
        ("VARCHAR", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DOUBLE", "FLOAT"), "{0}"
    ),
}
#: Type → how its numbers are shown.
_SHOWN = {
    "TIMESTAMP": "yyyy-mm-dd hh:mm:ss.000",
    "DATE": "yyyy-mm-dd",
    "DECIMAL": "#,##0.00##########",
    "BIGINT": "#,##0",
}
_WIDTHS = {"TIMESTAMP": 24, "DATE": 12, "DECIMAL": 18}


def write(marts: duckdb.DuckDBPyConnection, sql: str, target: Path, advance: Callable[[int], None]) -> None:
    """Write a query's rows to a sheet `tollbook` with a frozen header and filters.

    Args:
        marts: connection on which the query runs.
        sql: the query; it has at least one row and at most MOST_ROWS.
        target: the file.
        advance: called with the number of rows written so far.

    Raises:
        ExportError: a text is longer than a cell may be.
    """
    from rustpy_xlsxwriter import Format, write_worksheet

    columns = columns_of(marts, sql)
    cells = projected(columns, sql, _CELLS, other="cast({0} as varchar)")
    kinds = {name: kind_of(column_type) for name, column_type in columns.items()}
    shown = {kind: Format().set_num_format(pattern) for kind, pattern in _SHOWN.items()}
    try:
        write_worksheet(
            _rows(marts, cells, advance),
            target,
            sheet_name="tollbook",
            freeze_row=1,
            autofilter=True,
            header_format=Format().set_bold().set_border_bottom("thin"),
            column_formats={name: shown[kind] for name, kind in kinds.items() if kind in shown},
            column_widths={
                name: max(_WIDTHS.get(kind, 12), min(len(name) + 4, 32)) for name, kind in kinds.items()
            },
        )
    except RuntimeError as error:
        raise ExportError(
            f"a spreadsheet cannot hold these rows: {error}; write a .csv or .parquet file"
        ) from error


def inexact(name: str, column_type: str) -> str | None:
    """Return SQL that counts the values of a column that a double does not hold exactly; None if it holds them all.

    A double holds a value if its shortest decimal text, which is what the cell contains, is that value.
    """
    if kind_of(column_type) in ("DECIMAL", "BIGINT", "HUGEINT"):
        back = f"try_cast(cast(cast({name} as double) as varchar) as {column_type})"
        return f"count(*) filter (where {name} is not null and {back} is distinct from {name})"
    return None


def _rows(
    marts: duckdb.DuckDBPyConnection, sql: str, advance: Callable[[int], None]
) -> Iterator[dict[str, Any]]:
    result = marts.execute(sql)
    names = [column[0] for column in result.description]
    done = 0
    while chunk := result.fetchmany(_CHUNK):
        for row in chunk:
            yield dict(zip(names, row, strict=True))
        done += len(chunk)
        advance(done)
