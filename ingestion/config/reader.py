"""A configuration file becomes rows, or a list of faults: `file:line: column: what; write …`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from ingestion.config.rows import Dated, Row
from ingestion.config.tables import Table


def read(path: Path, shown: str, table: Table, faults: list[str]) -> pl.DataFrame:
    """Return the rows of a CSV with their file and line; faults are added to `faults`."""
    rows = []
    seen: dict[tuple, list[tuple[int, Row]]] = {}
    for line, cells in _lines(path, shown, table, faults):
        try:
            row = table.row(**cells)
        except ValidationError as error:
            faults.extend(_explained(shown, line, error))
            continue
        faults.extend(
            _clashes(shown, line, row, seen.setdefault(tuple(getattr(row, k) for k in table.key), []))
        )
        rows.append({**row.model_dump(), "config_file": shown, "config_line": line})
    return pl.DataFrame(rows, schema={**table.columns, "config_file": pl.String(), "config_line": pl.Int64()})


def _lines(path: Path, shown: str, table: Table, faults: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, cells by column) of a CSV; syntax faults are added to `faults`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle, strict=True)
            header = [name.strip() for name in next(reader, [])]
            known = ",".join(table.columns)
            required = [name for name, field in table.row.model_fields.items() if field.is_required()]
            wrong = [name for name in header if name not in table.columns]
            missing = [name for name in required if name not in header]
            if wrong or missing or len(set(header)) != len(header):
                faults.append(f"{shown}:1: the header is not right; write {known}")
                return
            for cells in reader:
                values = [cell.strip() for cell in cells]
                if not any(values):
                    continue
                if len(values) != len(header):
                    what = f"has {len(values)} cells where the header has {len(header)}"
                    faults.append(
                        f"{shown}:{reader.line_num}: {what}; write {','.join(header)}, quoting commas"
                    )
                    continue
                optional = set(header) - set(required)
                filled = {k: v for k, v in zip(header, values, strict=True) if v or k not in optional}
                yield reader.line_num, filled
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        faults.append(f"{shown}: cannot be read as CSV ({error}); save it as UTF-8 CSV")


def _clashes(shown: str, line: int, row: Row, earlier: list[tuple[int, Row]]) -> list[str]:
    """Return the conflicts of a row with earlier rows of the same key, and add it to them."""
    faults = []
    if isinstance(row, Dated) and row.valid_to is not None and row.valid_to <= row.valid_from:
        what = "is not after valid_from; write the first day it no longer holds"
        faults.append(f"{shown}:{line}: valid_to: {what}")
    for other_line, other in earlier:
        if not isinstance(row, Dated) or not isinstance(other, Dated):
            faults.append(f"{shown}:{line}: repeats line {other_line}; keep one of them")
        elif (row.valid_to or date.max) > other.valid_from and (other.valid_to or date.max) > row.valid_from:
            what = f"overlaps line {other_line}; write a valid_to there, or a later day here"
            faults.append(f"{shown}:{line}: valid_from: {what}")
    earlier.append((line, row))
    return faults


def _explained(shown: str, line: int, error: ValidationError) -> list[str]:
    lines = []
    for fault in error.errors(include_url=False):
        column = ".".join(str(part) for part in fault["loc"])
        said = fault["msg"].removeprefix("Value error, ")
        given = fault["input"]
        what = (
            said
            if said.endswith("a value") or "; write" in said
            else f"{given!r} is wrong; write: {_wanted(said)}"
        )
        lines.append(f"{shown}:{line}: {column + ': ' if column else ''}{what}")
    return lines


def _wanted(message: str) -> str:
    return message.removeprefix("Input ").removeprefix("should be ").removeprefix("should ")
