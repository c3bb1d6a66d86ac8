"""Which keys JSON inside a text usually has: a shape seen to be in order needs no second look.

A key that stands twice would be lost in silence when such a text is opened in bulk, and looking for one in
every line costs more than reading it.
"""

from __future__ import annotations

import duckdb

from ingestion.reader_sql import Reading, Shapes


def known(
    session: duckdb.DuckDBPyConnection, reading: Reading, texts: dict[str, list[str]]
) -> tuple[Shapes, ...]:
    """Return the usual shapes of each embedded field, from some of its texts."""
    found = []
    for key, written in texts.items():
        try:
            rows = session.execute(reading.shapes(key), [written]).fetchall() if written else []
        except duckdb.InvalidInputException:
            # Some text is no JSON; the careful read will say which.
            continue
        plain = tuple(top for is_plain, top, _ in rows if is_plain)
        found.append(Shapes(key, plain, tuple(whole for is_plain, _, whole in rows if not is_plain)))
    return tuple(found)
