"""`tollbook export`: checks the options and writes the report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from dagster_project.reports import exports
from dagster_project.reports.export import ExportError, export
from ingestion.home import Home


def write_report(
    home: Home,
    name: str,
    first: date,
    last: date,
    group_by: Sequence[str],
    filters: dict[str, Sequence[str]],
    file_format: str,
    out: Path,
) -> str:
    """Write a report and return a line about it.

    Raises:
        ExportError: the options do not fit the report; the message names the option and what to write.
        NothingPublished: no run has published yet.
    """
    if first > last:
        raise ExportError(f"--from {first} is after --to {last}; swap them")
    group_by = [part.strip() for value in group_by for part in value.split(",")]
    unknown = [part for part in group_by if part not in exports.GROUP_BY]
    if unknown:
        raise ExportError(f"--group-by {unknown[0]!r} is unknown; write {', '.join(exports.GROUP_BY)}")
    if group_by and name != "usage":
        raise ExportError(f"--group-by sums usage; {name} are listed one by one, leave it out")
    given = [option for option, values in filters.items() if values]
    if given and name in ("invoices", "focus"):
        raise ExportError(f"--{given[0]} narrows usage and requests, not {name}; leave it out")
    if len(set(group_by)) != len(group_by):
        raise ExportError("--group-by names one thing twice; name each once")
    selection = exports.Selection(first, last, filters)
    report = {
        "usage": lambda: exports.usage(selection, group_by),
        "requests": lambda: exports.requests(selection),
        "invoices": lambda: exports.invoices(selection),
        "focus": lambda: exports.focus(selection),
    }[name]()
    rows = export(home, report, file_format, out)
    return f"wrote {rows:,} rows of {name}, {first} to {last}, to {out}"
