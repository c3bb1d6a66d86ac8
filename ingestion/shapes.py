"""Which keys JSON inside a text usually has: a shape seen to be in order needs no second look.

A key that stands twice would be lost in silence when such a text is opened in bulk, and looking for one in
every line costs more than reading it.
"""

from __future__ import annotations

import duckdb

from ingestion.reader_sql import Reading


def known(
    session: duckdb.DuckDBPyConnection, reading: Reading, texts: dict[str, list[str]]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the usual shapes of each embedded field, from some of its texts."""
    found = []
    for key, written in texts.items():
        if written:
            try:
                rows = session.execute(reading.shapes(key), [written]).fetchall()
            except duckdb.InvalidInputException:
                continue
            found.append((key, tuple(shape for (shape,) in rows)))
    return tuple(found)
