"""Exports that a night writes by itself, as `config/exports.yml` asks; without that file there are none.

    nightly:
      - {report: usage, group_by: [day, workspace, model], days: 7, formats: [parquet]}
    monthly:
      - {report: focus, formats: [csv], filters: {source: [infery]}}
      - {report: spend_by_key, formats: [xlsx]}
    statements: true

    exports/nightly/<last day with usage>/<report>.<format>    the last `days` days up to it
    exports/monthly/<month>/<report>.<format>                  the last month that is over
    exports/statements/<month>/                                the same month, if `statements` is true

A file whose manifest is of this publication and selection is not written again. An export that fails does not stop the
others; its reason is returned. The caller holds the lock of the home: leftovers of a killed night are removed.

Rulings: docs/decisions/exports.md#exports-5.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from dagster_project.books import publication
from dagster_project.books.published import published
from dagster_project.exports import yaml_file
from dagster_project.exports.command import report_of
from dagster_project.exports.custom import custom_reports, find_custom
from dagster_project.exports.manifest import manifest_beside, selection_of
from dagster_project.exports.presets import BUILT_IN
from dagster_project.exports.reports import ExportError, Report, Selection
from dagster_project.exports.statements.content import next_month
from dagster_project.exports.statements.writing import NoStatement, write_statements
from dagster_project.exports.writing import NothingSelected, export
from ingestion.files import remove_unfinished
from ingestion.home import Home

logger = logging.getLogger("tollbook.exports")

Format = Literal["csv", "xlsx", "parquet", "json"]


class Asked(BaseModel):
    """One export of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    report: str
    group_by: list[str] = []
    filters: dict[str, list[str]] = {}
    formats: Annotated[list[Format], Field(min_length=1)] = ["parquet"]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")] | None = None

    @property
    def file(self) -> str:
        """Name of the file without its suffix."""
        return self.name or self.report


class AskedNightly(Asked):
    """One export of every night: the last `days` days with usage."""

    days: Annotated[int, Field(gt=0, le=3660)] = 1


class Schedule(BaseModel):
    """The exports that are written by themselves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    nightly: list[AskedNightly] = []
    monthly: list[Asked] = []
    statements: bool = False


@dataclass
class Written:
    """What a night's exports have come to.

    Attributes:
        files: files written, or found as they would be written.
        rows: their rows.
        rewritten: how many were written.
        failures: a sentence for each export that failed.
    """

    files: list[Path] = field(default_factory=list)
    rows: int = 0
    rewritten: int = 0
    failures: list[str] = field(default_factory=list)


def schedule(home: Home) -> Schedule:
    """Return what `config/exports.yml` asks for; nothing without the file.

    Raises:
        ExportError: the file cannot be used; the message has a line per fault, with line and key.
    """
    path = home.scheduled_exports
    if not path.exists():
        return Schedule()
    faults: list[str] = []
    file = yaml_file.read(path, f"config/{path.name}", Schedule, faults)
    if file is not None:
        known = [*BUILT_IN, *custom_reports(home)]
        faults += _unknown(file, known)
    if file is None or faults:
        raise ExportError("\n".join(faults))
    return file.content


def write_nightly(home: Home, last_day: date | None = None) -> Written:
    """Write the exports of every night.

    Args:
        home: The home.
        last_day: Their last event day; the last with usage by default.

    Raises:
        NothingPublished: no run has published yet.
    """
    written = Written()
    asked = _asked(home, written)
    last = last_day or _last_day(home)
    remove_unfinished(home.exports / "nightly")
    for one in asked.nightly if last else ():
        selection = Selection(last - timedelta(days=one.days - 1), last, one.filters)
        _write(home, one, selection, home.exports / "nightly" / f"{last}", written)
    return written


def write_monthly(home: Home, month: date | None = None) -> Written:
    """Write the exports and statements of a month.

    Args:
        home: The home.
        month: Its first day; by default the month before that of the last day with usage, the last that is over.

    Raises:
        NothingPublished: no run has published yet.
    """
    written = Written()
    asked = _asked(home, written)
    last = _last_day(home)
    if month is None and last is not None:
        month = (last.replace(day=1) - timedelta(days=1)).replace(day=1)
    if month is None:
        return written
    remove_unfinished(home.exports / "monthly")
    end = next_month(month) - timedelta(days=1)
    folder = home.exports / "monthly" / f"{month:%Y-%m}"
    for one in asked.monthly:
        _write(home, one, Selection(month, end, one.filters), folder, written)
    if asked.statements:
        _guarded("statements", written, lambda: _write_statements(home, month, written))
    return written


def _asked(home: Home, written: Written) -> Schedule:
    """Return the schedule; one that cannot be used is a failure, and asks for nothing."""
    try:
        return schedule(home)
    except ExportError as error:
        written.failures.extend(str(error).splitlines())
        return Schedule()


def _last_day(home: Home) -> date | None:
    """Return the last event day with usage."""
    with published(home) as marts:
        [(last,)] = marts.execute("select max(event_date) from fct_usage_daily").fetchall()
    return last


def _write(home: Home, asked: Asked, selection: Selection, folder: Path, written: Written) -> None:
    """Write one export in its formats."""

    def write(target: Path) -> None:
        chosen = report_of(asked.report, asked.group_by) or find_custom(home, asked.report)
        if not _is_current(home, target, chosen, selection):
            folder.mkdir(parents=True, exist_ok=True)
            export(home, chosen, selection, target)
            written.rewritten += 1
        written.files.append(target)
        written.rows += json.loads(manifest_beside(target).read_text(encoding="utf-8"))["rows"]

    for suffix in asked.formats:
        target = folder / f"{asked.file}.{suffix}"
        _guarded(target.name, written, lambda target=target: write(target))


def _write_statements(home: Home, month: date, written: Written) -> None:
    for made in write_statements(home, month, keep_current=True):
        written.files.append(made.path)
        written.rewritten += made.is_new


def _guarded(what: str, written: Written, act: Callable[[], None]) -> None:
    """Do something that may fail; a failure is noted. A selection without rows is no failure, and has no file.

    Every error is caught: the marts are published, and no fault of an export may fail the night.
    """
    try:
        act()
    except (NothingSelected, NoStatement):
        pass
    except ExportError as error:
        written.failures.append(f"{what}: {error}")
    except Exception as error:
        logger.exception("%s was not written", what)
        reason = str(error).partition("\n")[0]
        written.failures.append(f"{what}: {type(error).__name__}: {reason}")


def _is_current(home: Home, target: Path, report: Report, selection: Selection) -> bool:
    """Return whether a file was written from this publication for this selection."""
    try:
        manifest = json.loads(manifest_beside(target).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    current = publication.current(home)
    return (
        target.exists()
        and target.stat().st_size == manifest.get("bytes")
        and current is not None
        and manifest.get("publication_id") == current[0]
        and manifest.get("selection") == selection_of(report, selection)
        and manifest.get("tollbook") == version("tollbook")
    )


def _unknown(file: yaml_file.YamlFile[Schedule], known: Sequence[str]) -> Iterator[str]:
    """Yield reports, groups and filters that do not exist, and files that two exports would write."""
    for part in ("nightly", "monthly"):
        names: set[str] = set()
        for place, one in enumerate(getattr(file.content, part)):
            if one.report not in known:
                yield file.unknown((part, place, "report"), one.report, "a report", list(known))
            try:
                report_of(one.report, one.group_by)
            except ExportError as error:
                yield file.fault((part, place, "group_by"), str(error))
            if one.report in BUILT_IN:
                dimensions = BUILT_IN[one.report].dimensions
                for name in one.filters.keys() - dimensions.keys():
                    where = (part, place, "filters", name)
                    yield file.unknown(where, name, f"a filter of {one.report}", list(dimensions))
            if one.file in names:
                yield file.fault((part, place), f"two exports are called {one.file}; give one of them a name")
            names.add(one.file)
