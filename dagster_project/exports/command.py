"""`tollbook export`: finds the report, writes it, and says what was written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

from dagster_project.exports.custom import custom_reports, find_custom
from dagster_project.exports.formats import Advance
from dagster_project.exports.manifest import Manifest, manifest_beside
from dagster_project.exports.presets import BUILT_IN
from dagster_project.exports.reports import ExportError, Report, Selection, usage
from dagster_project.exports.writing import export
from dagster_project.printable import counted
from ingestion.home import Home


def find(home: Home, name: str | None, custom: str | None, group_by: Sequence[str]) -> Report:
    """Return the report that a command line names.

    Args:
        home: whose reports/ holds custom reports.
        name: a built-in report.
        custom: a report of reports/, or a shipped one.
        group_by: what usage is summed by; commas separate several.

    Raises:
        ExportError: there is no such report, it is named twice or not at all, or it cannot be grouped.
    """
    if (name is None) == (custom is None):
        raise ExportError(
            f"name one report: {', '.join(BUILT_IN)}, or --report with one of `tollbook export --list`"
        )
    groups = [part.strip() for value in group_by for part in value.split(",")]
    return report_of(name or custom or "", groups) or find_custom(home, custom or "")


def report_of(name: str, groups: Sequence[str]) -> Report | None:
    """Return a built-in report; None if `name` is not one of them.

    Raises:
        ExportError: the report cannot be grouped so.
    """
    if name == "usage":
        return usage(groups)
    if groups:
        raise ExportError(f"--group-by sums usage; {name} has its own rows, leave it out")
    return BUILT_IN.get(name)


def write_report(
    home: Home,
    report: Report,
    selection: Selection,
    out: Path,
    file_format: str | None = None,
    progress: Callable[[int], Advance] | None = None,
) -> Iterator[str]:
    """Write a report; yield lines about the file.

    Raises:
        NothingPublished: no run has published yet.
        NothingSelected: the selection has no rows.
        ExportError: see writing.export; or the first day is after the last.
    """
    if selection.first > selection.last:
        raise ExportError(f"--from {selection.first} is after --to {selection.last}; swap them")
    began = time.monotonic()
    manifest = export(home, report, selection, out, file_format, progress)
    seconds = time.monotonic() - began
    yield (
        f"wrote {counted(manifest.rows, 'row')} of {report.name}, {selection.words()}, to {out}"
        f" in {seconds:.1f} s ({manifest.rows / max(seconds, 0.001):,.0f} rows/s)"
    )
    yield f"rows, sums and hash are in {manifest_beside(out.resolve())}"
    yield from _rounded(manifest)


def _rounded(manifest: Manifest) -> Iterator[str]:
    """Yield a line about amounts that the spreadsheet rounds."""
    if manifest.rounded_in_spreadsheet:
        names = ", ".join(manifest.rounded_in_spreadsheet)
        number = counted(sum(manifest.rounded_in_spreadsheet.values()), "number")
        yield f"{number} of {names} have more digits than a spreadsheet holds; a .csv or .parquet file has them all"


def listed(home: Home) -> Iterator[str]:
    """Yield every report with its meaning, built-in ones first.

    Raises:
        ExportError: a file of reports/ cannot be used.
    """
    own = custom_reports(home)
    width = max(len(name) for name in (*BUILT_IN, *own))
    yield "tollbook export NAME"
    for name, report in BUILT_IN.items():
        yield f"  {name:<{width}}  {report.meaning}"
    yield "tollbook export --report NAME"
    for name, file in own.items():
        yield f"  {name:<{width}}  {file.content.meaning} ({file.place})"


def whole_days(first: date | None, last: date | None) -> tuple[date, date]:
    """Return both days of a command line.

    Raises:
        ExportError: one is missing.
    """
    if first is None or last is None:
        raise ExportError("give the first and the last day: --from 2026-08-01 --to 2026-08-31")
    return first, last
