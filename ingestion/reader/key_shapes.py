"""The sets of keys that JSON inside a text usually has (shapes). A text of a known shape needs no further check.

A duplicate key would be lost silently when such a text is parsed in bulk, and searching every line for one costs more
than reading it.

Rulings: docs/decisions/reading.md#reading-3.
"""

from __future__ import annotations

import duckdb

from ingestion.reader.sql import Reading, Shapes


def known(
    session: duckdb.DuckDBPyConnection, reading: Reading, texts: dict[str, list[str]]
) -> tuple[Shapes, ...]:
    """Return the usual shapes of each embedded field, from some of its texts."""
    found = []
    for key, written in texts.items():
        try:
            rows = session.execute(reading.shapes(key), [written]).fetchall() if written else []
        except duckdb.InvalidInputException:
            # Some text is not JSON; the careful read reports which.
            continue
        found.append(_of_folders_seen(key, reading.folders(key), [keys for (keys,) in rows]))
    return tuple(found)


def _of_folders_seen(key: str, folders: list[str], known: list[list[list[str] | None]]) -> Shapes:
    """Return the shapes without objects whose key is in no text.

    Such an object cannot be in a text whose other keys are known.
    """
    named = {
        f'{folder}."{name}"'
        for shape in known
        for folder, keys in zip(folders, shape, strict=True)
        for name in keys or ()
    }
    seen = [place for place, folder in enumerate(folders) if not place or folder in named]
    return Shapes(
        key,
        tuple(folders[place] for place in seen),
        tuple(tuple(shape[p] and tuple(shape[p]) for p in seen) for shape in known),
    )
