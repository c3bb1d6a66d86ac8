"""Rows of a configuration table that a command writes for a person: read the home's own file, put one row, write it.

The file is replaced whole. A row of the same key is replaced; the order of the others stays.
"""

from __future__ import annotations

import csv
from datetime import date
from typing import Any

from ingestion.config.reader import read
from ingestion.config.rows import Row
from ingestion.config.tables import TABLES
from ingestion.files import whole
from ingestion.home import Home


class OwnTableError(ValueError):
    """The home's file cannot be used; the message has one `file:line: column: what; write …` per fault."""


def own_rows(home: Home, name: str) -> list[dict[str, Any]]:
    """Return the rows of the home's own file of a table; none where there is no file.

    Raises:
        OwnTableError: the file cannot be used.
    """
    path = home.config / f"{name}.csv"
    if not path.exists():
        return []
    faults: list[str] = []
    frame = read(path, f"config/{path.name}", TABLES[name], faults)
    if faults:
        raise OwnTableError("\n".join(faults))
    return frame.select(*TABLES[name].columns).rows(named=True)


def put_row(home: Home, name: str, row: Row) -> None:
    """Write a row into the home's own file of a table, in place of one of the same key.

    Raises:
        OwnTableError: the file cannot be used as it is.
    """
    table = TABLES[name]
    new = row.model_dump()
    kept = [old for old in own_rows(home, name) if any(old[column] != new[column] for column in table.key)]
    with (
        whole(home.config / f"{name}.csv") as temporary,
        temporary.open("w", encoding="utf-8", newline="") as handle,
    ):
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(table.columns)
        writer.writerows([_cell(one[column]) for column in table.columns] for one in [*kept, new])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)
