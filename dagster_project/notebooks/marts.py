"""Questions to the published marts: SQL in, rows out, with the SQL that a reader may copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import duckdb
import marimo as mo
import polars as pl

from dagster_project.books.published import NothingPublished, published
from dagster_project.notebooks.tables import nothing
from dagster_project.printable import joined
from dagster_project.reports.trace import as_text, events_of
from ingestion.home import Home


@dataclass(frozen=True)
class Answer:
    """Rows, money as Decimal; the SQL they are the result of; the description of each column that a mart has."""

    rows: pl.DataFrame
    sql: str
    descriptions: dict[str, str]

    def __bool__(self) -> bool:
        return not self.rows.is_empty()

    def with_words(
        self, column: str, by: str | Sequence[str], words: Mapping[Any, str], otherwise: str, at: int
    ) -> Answer:
        """Return the answer with a column that is not in the marts: the words for the value of another column.

        Args:
            column: name of the new column.
            by: column that the words are for, or several.
            words: words by value; by a tuple of values where there are several columns.
            otherwise: words for any other value.
            at: position of the new column, from 0.
        """
        values = self.rows[by] if isinstance(by, str) else self.rows.select(by).rows()
        added = pl.Series(column, [words.get(value, otherwise) for value in values], pl.String)
        return Answer(self.rows.clone().insert_column(at, added), self.sql, self.descriptions)

    def sums(self) -> dict[str, Any]:
        """Return the sum of each column of numbers; 0 where none is known."""
        numbers = [column for column in self.rows.columns if self.rows[column].dtype.is_numeric()]
        return {column: self.rows[column].sum() or 0 for column in numbers}

    def first(self) -> dict[str, Any]:
        """Return the first row by column."""
        return self.rows.row(0, named=True)


class Marts:
    """A read-only connection whose unqualified names are the published marts."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, kept_open: ExitStack | None = None):
        self._connection, self._kept_open = connection, kept_open
        # A night in progress may use the other cores.
        connection.execute("set threads = 2")

    def ask(self, sql: str) -> Answer:
        """Return the answer to a query."""
        relation = self._connection.sql(sql)
        # Polars keeps the type of its input, which DuckDB reports as a leak at exit; so it gets a stand-in.
        rows = pl.DataFrame(SimpleNamespace(__arrow_c_stream__=relation.__arrow_c_stream__))
        return Answer(rows, sql, self._descriptions)

    def bill_of(self, request_id: str) -> str:
        """Return every event of a request written out, as `tollbook trace` prints it."""
        events = events_of(self._connection, request_id)
        return "\n\n".join(joined(as_text(event)) for event in events)

    @cached_property
    def _descriptions(self) -> dict[str, str]:
        """Descriptions by column; of a column of several marts, one of them."""
        found = self._connection.sql(
            "select column_name, min(comment) from duckdb_columns()"
            " where schema_name = 'marts' and comment is not null group by column_name"
        )
        return dict(found.fetchall())


def open_marts(home: Home | None = None) -> Marts:
    """Open the published marts; without them the notebook stops at a message that says what to run."""
    stack = ExitStack()
    try:
        return Marts(stack.enter_context(published(home or Home.locate())), stack)
    except NothingPublished as problem:
        mo.stop(True, nothing(f"{problem}.", "To try it on generated data: `make run`."))
