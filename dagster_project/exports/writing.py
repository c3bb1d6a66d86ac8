"""Exports: one query over the published marts becomes one file and its manifest, both whole or not at all.

report and selection → query → rows counted and summed → file → manifest. The manifest is renamed into place last: a
file is complete when the manifest beside it has its hash.

Rulings: docs/decisions/exports.md#exports-3.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from dagster_project.books.published import published
from dagster_project.exports.formats import WRITERS, Advance, format_of
from dagster_project.exports.manifest import Manifest, Totals, describe, manifest_beside, totals
from dagster_project.exports.reports import ExportError, Report, Selection
from ingestion.files import whole
from ingestion.home import Home


class NothingSelected(RuntimeError):
    """The selection has no rows; nothing was written."""


def export(
    home: Home,
    report: Report,
    selection: Selection,
    target: Path,
    file_format: str | None = None,
    progress: Callable[[int], Advance] | None = None,
) -> Manifest:
    """Write a report and its manifest; return the manifest.

    Args:
        home: Whose published marts are read.
        report: The report.
        selection: The days and values it covers.
        target: The file, replaced if it is there; its suffix names the format.
        file_format: The format a person asked for, refused if the suffix names another.
        progress: Called with the number of rows before they are written; what it returns is called with how many are.

    Raises:
        NothingPublished: no run has published yet.
        NothingSelected: the selection has no rows.
        ExportError: the selection does not fit the report, the suffix names no format, too many rows for a
            spreadsheet, the folder does not exist, or the target is not a file.
    """
    written_as = format_of(target, file_format)
    target = _file(target)
    with reading(home, report.name) as marts:
        sql = report.sql(selection)
        found = totals(marts, sql, written_as)
        if not found.rows:
            raise NothingSelected(_nothing(marts, report, selection))
        advance = progress(found.rows) if progress else _ignore
        return _write(marts, sql, report, selection, written_as, found, target, advance)


def _write(
    marts: duckdb.DuckDBPyConnection,
    sql: str,
    report: Report,
    selection: Selection,
    written_as: str,
    found: Totals,
    target: Path,
    advance: Advance,
) -> Manifest:
    with whole(manifest_beside(target)) as described, whole(target) as temporary:
        WRITERS[written_as](marts, sql, temporary, found.rows, advance)
        manifest = describe(marts, report, selection, written_as, found, temporary, target.name)
        described.write_text(manifest.as_json(), encoding="utf-8")
    return manifest


@contextmanager
def reading(home: Home, what: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to the published marts; what they lack, or cannot compare with, is an ExportError."""
    with published(home) as marts:
        marts.execute("set TimeZone = 'UTC'")
        # Progress is asked for (formats.py), and printed by nobody but the command line.
        marts.execute("set enable_progress_bar = true")
        marts.execute("set enable_progress_bar_print = false")
        try:
            yield marts
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise ExportError(
                f"{what}: the published marts do not have what it needs ({str(error).splitlines()[0]});"
                " `tollbook run` publishes the marts of this version"
            ) from error
        except duckdb.ConversionException as error:
            raise ExportError(
                f"{what}: a filter has a value of another type than its column: {str(error).splitlines()[0]}"
            ) from error


def _file(target: Path) -> Path:
    """Return the file to write, behind a link if it is one.

    Raises:
        ExportError: it is not a file, or its folder does not exist.
    """
    target = target.resolve()
    if target.exists() and not target.is_file():
        raise ExportError(f"{target} is not a file but {_kind(target)}; name a file in --out")
    if not target.parent.is_dir():
        raise ExportError(f"{target.parent} is not a folder; create it or choose another --out")
    return target


def _kind(path: Path) -> str:
    """Return the kind of an existing path that is not a file."""
    kinds = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    mode = path.stat().st_mode
    return next((kind for is_of_kind, kind in kinds.items() if is_of_kind(mode)), "a device")


def _nothing(marts: duckdb.DuckDBPyConnection, report: Report, selection: Selection) -> str:
    """Return why a selection is empty: the days for which the report has rows."""
    [(first, last)] = marts.execute(
        f"select min({report.day}), max({report.day}) from {report.relation}"
    ).fetchall()
    there = f"it has rows from {first} to {last}" if first else "it has no rows at all"
    return f"no rows of {report.name} for {selection.words()}; {there}. Nothing was written"


def _ignore(done: int) -> None:
    """Show no progress."""
