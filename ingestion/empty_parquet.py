"""Parquet files without rows: they give a table its columns where no file with rows exists yet."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ingestion import duck
from ingestion.files import temporary_beside, whole
from ingestion.home import Home
from ingestion.raw_tables import Columns
from ingestion.reader.values import quoted

_CONTENTS: dict[tuple[tuple[str, str], ...], bytes] = {}


def write_empty(home: Home, target: Path, columns: Columns) -> None:
    """Write a file with these columns and no rows, unless it is there."""
    content = _without_rows(home, tuple(columns))
    if not target.exists() or target.read_bytes() != content:
        with whole(target) as temporary:
            temporary.write_bytes(content)


def _without_rows(home: Home, columns: tuple[tuple[str, str], ...]) -> bytes:
    """Return the bytes of a Parquet file with these columns and no rows, made once per process."""
    if columns not in _CONTENTS:
        nothing = ", ".join(f"cast(null as {sql_type}) as {quoted(name)}" for name, sql_type in columns)
        empty = temporary_beside(home.raw / "empty.parquet")
        with closing(duck.session(home.raw)) as session:
            session.execute(f"copy (select {nothing} limit 0) to {duck.literal(empty)} (format parquet)")
        _CONTENTS[columns] = empty.read_bytes()
        empty.unlink()
    return _CONTENTS[columns]
