"""Which keys JSON inside a text usually has: a shape seen to be in order needs no second look.

A key that stands twice would be lost in silence when such a text is opened in bulk, and looking for one in
every line costs more than reading it.

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
            # Some text is no JSON; the careful read will say which.
            continue
        found.append(_of_folders_seen(key, reading.folders(key), [keys for (keys,) in rows]))
    return tuple(found)


def _of_folders_seen(key: str, folders: list[str], known: list[list[list[str] | None]]) -> Shapes:
    """Return the shapes without the objects that no text has, nor has a null in the place of.

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
