"""The manifest of an export, `<file>.manifest.json`: what the file holds, and of which publication.

    rows, sums           of the query, exact; an amount that is empty is in no sum
    sha256, bytes        of the file, as `sha256sum` prints it
    selection            report, days, filters, grouping
    publication          id and time of the published marts it was read from

The same marts and selection give the same manifest, but for the hash of a spreadsheet, which holds its time of writing.

Rulings: docs/decisions/exports.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.books import publication
from dagster_project.exports import spreadsheet
from dagster_project.exports.queries import columns_of, kind_of, quoted
from dagster_project.exports.reports import Report, Selection

_SUMMED = ("DECIMAL", "BIGINT", "HUGEINT")


@dataclass(frozen=True)
class Totals:
    """What a query holds.

    Attributes:
        rows: number of its rows.
        columns: type of each column.
        sums: sum of every column of numbers, exact; None where every value is empty.
        inexact: number of values, by column, that a spreadsheet rounds; empty for other formats.
    """

    rows: int
    columns: Mapping[str, str]
    sums: Mapping[str, Decimal | int | None]
    inexact: Mapping[str, int]


@dataclass(frozen=True)
class Manifest:
    """What an exported file holds, and where it comes from."""

    file: str
    format: str
    rows: int
    bytes: int
    sha256: str
    columns: Mapping[str, str]
    sums: Mapping[str, Decimal | int | None]
    rounded_in_spreadsheet: Mapping[str, int]
    selection: Mapping[str, Any]
    publication_id: str
    published_at: datetime
    tollbook: str

    def as_json(self) -> str:
        """Return the manifest as a JSON document; sums are text, so that no digit is lost."""
        sums = {name: None if value is None else plain(value) for name, value in self.sums.items()}
        content = asdict(self) | {"sums": sums, "published_at": f"{self.published_at:%Y-%m-%dT%H:%M:%SZ}"}
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def plain(number: Decimal | int) -> str:
    """Return a number as text with all its digits."""
    return f"{number:f}" if isinstance(number, Decimal) else str(number)


def manifest_beside(target: Path) -> Path:
    """Return the path of the manifest of a file."""
    return target.with_name(f"{target.name}.manifest.json")


def selection_of(report: Report, selection: Selection) -> dict[str, Any]:
    """Return report and selection as a manifest states them."""
    return {
        "report": report.name,
        "from": str(selection.first),
        "to": str(selection.last),
        "filters": selection.given(),
        "group_by": list(report.groups) if report.groups is not None else None,
    }


def totals(marts: duckdb.DuckDBPyConnection, sql: str, written_as: str) -> Totals:
    """Count and sum a query's rows.

    Args:
        marts: connection on which the query runs.
        sql: the query.
        written_as: the format; for a spreadsheet, amounts that it rounds are counted.
    """
    columns = columns_of(marts, sql)
    asked = {"rows": "count(*)"}
    for place, (name, column_type) in enumerate(columns.items()):
        if kind_of(column_type) in _SUMMED:
            asked[f"sum_{place}"] = f"sum({quoted(name)})"
        if written_as == "xlsx" and (counting := spreadsheet.inexact(quoted(name), column_type)):
            asked[f"inexact_{place}"] = counting
    query = (
        f"select {', '.join(f'{expression} as {name}' for name, expression in asked.items())} from ({sql})"
    )
    [values] = marts.execute(query).fetchall()
    found = dict(zip(asked, values, strict=True))
    named = dict(enumerate(columns))
    return Totals(
        rows=found["rows"],
        columns=columns,
        sums={named[place]: found[f"sum_{place}"] for place in named if f"sum_{place}" in found},
        inexact={named[place]: found[f"inexact_{place}"] for place in named if found.get(f"inexact_{place}")},
    )


def describe(
    marts: duckdb.DuckDBPyConnection,
    report: Report,
    selection: Selection,
    written_as: str,
    found: Totals,
    written: Path,
    name: str,
) -> Manifest:
    """Describe a finished file.

    Args:
        marts: connection to the marts it was read from.
        report: the report.
        selection: its selection.
        written_as: the format.
        found: what the query held.
        written: the file, perhaps under a temporary name.
        name: the name it will have.
    """
    with written.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    publication_id, published_at = publication.identity_of(marts)
    return Manifest(
        file=name,
        format=written_as,
        rows=found.rows,
        bytes=written.stat().st_size,
        sha256=digest,
        columns=found.columns,
        sums=found.sums,
        rounded_in_spreadsheet=found.inexact,
        selection=selection_of(report, selection),
        publication_id=publication_id,
        published_at=published_at,
        tollbook=version("tollbook"),
    )
