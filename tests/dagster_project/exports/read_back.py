"""Reads an exported file back as the values its query had, by the types in its manifest."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from python_calamine import CalamineWorkbook

from dagster_project.exports.formats import unguarded
from ingestion.duck import literal

Row = tuple[Any, ...]
_OF_TEXT: dict[str, Callable[[str], Any]] = {
    "BIGINT": int,
    "INTEGER": int,
    "HUGEINT": int,
    "DECIMAL": Decimal,
    "DATE": date.fromisoformat,
    "TIMESTAMP": lambda text: datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None),
    "BOOLEAN": lambda text: text == "true",
}


def read_back(path: Path) -> list[Row]:
    """Return the rows of an export, as values of the types that its manifest states."""
    manifest = json.loads(path.with_name(f"{path.name}.manifest.json").read_text())
    kinds = {name: column_type.split("(")[0] for name, column_type in manifest["columns"].items()}
    return {"csv": _csv, "json": _json, "parquet": _parquet, "xlsx": _xlsx}[path.suffix[1:]](path, kinds)


def _csv(path: Path, kinds: dict[str, str]) -> list[Row]:
    with duckdb.connect() as reader:
        found = reader.sql(
            f"from read_csv({literal(path)}, header = true, all_varchar = true, allow_quoted_nulls = false)"
        )
        assert found.columns == list(kinds)
        texts = found.fetchall()
    convert = [_OF_TEXT.get(kind, unguarded) for kind in kinds.values()]
    return [
        tuple(None if text is None else of(text) for of, text in zip(convert, row, strict=True))
        for row in texts
    ]


def _json(path: Path, kinds: dict[str, str]) -> list[Row]:
    rows = json.loads(path.read_text(), parse_float=Decimal)
    assert all(list(row) == list(kinds) for row in rows)

    def value(kind: str, found: Any) -> Any:
        return _OF_TEXT[kind](found) if isinstance(found, str) and kind in _OF_TEXT else found

    return [tuple(value(kind, row[name]) for name, kind in kinds.items()) for row in rows]


def _parquet(path: Path, kinds: dict[str, str]) -> list[Row]:
    with duckdb.connect() as reader:
        found = reader.sql(f"from read_parquet({literal(path)})")
        assert found.columns == list(kinds)
        return found.fetchall()


def _xlsx(path: Path, kinds: dict[str, str]) -> list[Row]:
    header, *rows = CalamineWorkbook.from_path(path).get_sheet_by_name("tollbook").to_python()
    assert header == list(kinds)
    return [
        tuple(_of_cell(kind, cell) for kind, cell in zip(kinds.values(), row, strict=True)) for row in rows
    ]


def _of_cell(kind: str, cell: Any) -> Any:
    """Convert a cell; an empty text and no value are the same in a spreadsheet."""
    if cell == "" or cell is None:
        return None
    if kind == "DECIMAL":
        return Decimal(repr(cell))
    if kind in ("BIGINT", "INTEGER", "HUGEINT"):
        assert cell == int(cell)
        return int(cell)
    if kind == "TIMESTAMP":
        moment = cell if isinstance(cell, datetime) else datetime.combine(cell, datetime.min.time())
        return in_milliseconds(moment)
    return cell


def in_milliseconds(value: Any) -> Any:
    """Return a value as a spreadsheet holds it: times to the millisecond, an empty text as no value."""
    if isinstance(value, datetime):
        moment = value + timedelta(microseconds=500)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return None if value == "" else value
