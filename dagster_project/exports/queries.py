"""SQL around a query: its columns, and the same rows with some of them converted."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb


def quoted(name: str) -> str:
    """Quote an SQL name."""
    return '"' + name.replace('"', '""') + '"'


def columns_of(marts: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """Return the type of every column of a query, in order."""
    rows = marts.sql(sql)
    return dict(zip(rows.columns, map(str, rows.types), strict=True))


def kind_of(column_type: str) -> str:
    """Return a type without its precision: DECIMAL of DECIMAL(18,12)."""
    return column_type.split("(")[0]


def projected(
    columns: Mapping[str, str], sql: str, expressions: Mapping[str, str], other: str = "{0}"
) -> str:
    """Return a query with its columns converted; the order of its rows stays.

    Args:
        columns: type of every column of the query.
        sql: the query.
        expressions: kind of type → SQL of the converted value, `{0}` for the column.
        other: the same for kinds that `expressions` lacks.
    """
    converted = (
        f"{expressions.get(kind_of(column_type), other).format(quoted(name))} as {quoted(name)}"
        for name, column_type in columns.items()
    )
    return f"select {', '.join(converted)} from ({sql})"
