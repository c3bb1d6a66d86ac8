"""Reports that a person saved: `reports/<file>.yml` of the home, and the shipped examples.

    name: spend_by_key                    what `--report` takes
    meaning: what every key spent, by day
    mart: fct_usage_daily
    day: event_date                       what --from and --to select
    group_by: [event_date, api_key_id]    rows are summed by these; without it they are listed one by one
    columns: [requests, list_cost_usd]    with group_by the sums, else the columns
    filters: {status: [success, timeout], workspace_id: ws_01, member_id: null}
    order_by: [event_date, -list_cost_usd]

file → keys and types → columns of the published mart → Report. Every fault names file, line and key. A report of the
home replaces a shipped one of the same name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import duckdb
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from dagster_project.books.published import published
from dagster_project.exports import yaml_file
from dagster_project.exports.presets import BUILT_IN
from dagster_project.exports.queries import columns_of, kind_of, quoted
from dagster_project.exports.reports import USAGE_DIMENSIONS, ExportError, Report
from dagster_project.exports.yaml_file import YamlFile
from ingestion.duck import literal
from ingestion.files import finished
from ingestion.home import Home

SHIPPED = Path(__file__).parent / "shipped"
_SUMMABLE = ("DECIMAL", "BIGINT", "HUGEINT", "INTEGER")
#: Endings of numbers whose sum means nothing.
_NOT_SUMMABLE = ("_rate", "_share", "_factor", "_ratio", "_per_mtok", "_id", "_line")
_DAYS = ("DATE", "TIMESTAMP")

Value = str | int | float | bool | date | None


def _values(given: Any) -> Any:
    """Accept one value for a list of one."""
    return given if isinstance(given, list) else [given]


class Saved(BaseModel):
    """The keys of a file; whether its mart has them is checked by `find_custom`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    meaning: Annotated[str, Field(min_length=1)]
    mart: str
    day: str
    columns: Annotated[list[str], Field(min_length=1)]
    group_by: list[str] = []
    filters: dict[str, Annotated[list[Value], BeforeValidator(_values), Field(min_length=1)]] = {}
    order_by: list[str] = []


def custom_reports(home: Home) -> dict[str, YamlFile[Saved]]:
    """Return the saved reports by name, those of the home in place of shipped ones of the same name.

    Raises:
        ExportError: a file cannot be used; the message has a line for each fault, with file, line and key.
    """
    faults: list[str] = []
    found: dict[str, YamlFile[Saved]] = {}
    for folder, shown in ((SHIPPED, "shipped"), (home.reports, "reports")):
        here: dict[str, str] = {}
        for path in finished(folder, "*.yml"):
            file = yaml_file.read(path, f"{shown}/{path.name}", Saved, faults)
            if file is None:
                continue
            name = file.content.name
            if name in BUILT_IN:
                faults.append(file.fault(("name",), f"{name!r} is a built-in report; choose another name"))
            if name in here:
                faults.append(file.fault(("name",), f"{name!r} is also in {here[name]}"))
            here[name] = file.place
            found[name] = file
    if faults:
        raise ExportError("\n".join(faults))
    return found


def find_custom(home: Home, name: str) -> Report:
    """Return a saved report, checked against the published marts.

    Raises:
        NothingPublished: no run has published yet.
        ExportError: no file has this name, a file cannot be used, or the mart lacks what the file names.
    """
    known = custom_reports(home)
    if name not in known:
        raise ExportError(
            f"no report is called {name!r}; there are {', '.join(known)}. Save one as {home.reports}/{name}.yml"
        )
    with published(home) as marts:
        return _checked(marts, known[name])


def _report(saved: Saved) -> Report:
    sums = tuple(f"sum({quoted(name)}) as {quoted(name)}" for name in saved.columns)
    groups = tuple(map(quoted, saved.group_by))
    shown = [*saved.group_by, *saved.columns]
    ordered = [
        f"{quoted(name.removeprefix('-'))}{' desc' if name.startswith('-') else ''}"
        for name in saved.order_by
    ]
    named = {name.removeprefix("-") for name in saved.order_by}
    return Report(
        name=saved.name,
        meaning=saved.meaning,
        relation=quoted(saved.mart),
        day=f"cast({quoted(saved.day)} as date)",
        columns=(*groups, *sums) if groups else tuple(map(quoted, saved.columns)),
        order=(*ordered, *(quoted(name) for name in shown if name not in named)),
        dimensions={},
        conditions=tuple(_condition(name, values) for name, values in saved.filters.items()),
        groups=groups or None,
    )


def _condition(name: str, values: list[Value]) -> str:
    """Return SQL for a column that has one of some values; null stands for an empty one."""
    column = quoted(name)
    written = [
        str(value).lower() if isinstance(value, bool) else value for value in values if value is not None
    ]
    parts = [f"{column} in ({', '.join(map(literal, written))})"] if written else []
    parts += [f"{column} is null"] if None in values else []
    return f"({' or '.join(parts)})"


def _checked(marts: duckdb.DuckDBPyConnection, file: YamlFile[Saved]) -> Report:
    """Return the report with the dimensions of its mart.

    Raises:
        ExportError: the mart or a column does not exist, or cannot be used so.
    """
    saved = file.content
    known = [
        name
        for (name,) in marts.execute(
            "select table_name from information_schema.tables"
            " where table_catalog = 'tollbook' and table_schema = 'marts'"
        ).fetchall()
    ]
    if saved.mart not in known:
        raise ExportError(file.unknown(("mart",), saved.mart, "a published mart", known))
    columns = columns_of(marts, f"select * from {quoted(saved.mart)}")
    faults = list(_faults(file, columns))
    if faults:
        raise ExportError("\n".join(faults))
    dimensions = {option: column for option, column in USAGE_DIMENSIONS.items() if column in columns}
    return replace(_report(saved), dimensions=dimensions)


def _faults(file: YamlFile[Saved], columns: Mapping[str, str]) -> Iterator[str]:
    """Yield what in a file its mart cannot give."""
    saved = file.content
    named = [
        (("day",), saved.day),
        *((("columns", place), name) for place, name in enumerate(saved.columns)),
        *((("group_by", place), name) for place, name in enumerate(saved.group_by)),
        *((("filters", name), name) for name in saved.filters),
    ]
    wrong = [(where, name) for where, name in named if name not in columns]
    for where, name in wrong:
        yield file.unknown(where, name, f"a column of {saved.mart}", list(columns))
    shown = [*saved.group_by, *saved.columns]
    for place, name in enumerate(saved.order_by):
        if name.removeprefix("-") not in shown:
            yield file.unknown(("order_by", place), name, "a column of this report", shown)
    if wrong:
        return
    if kind_of(columns[saved.day]) not in _DAYS:
        days = [name for name, column_type in columns.items() if kind_of(column_type) in _DAYS]
        yield file.unknown(("day",), saved.day, "a day or a time", days)
    for place, name in enumerate(saved.columns):
        if saved.group_by and (kind_of(columns[name]) not in _SUMMABLE or name.endswith(_NOT_SUMMABLE)):
            yield file.fault(("columns", place), f"{name} has no sum; move it to group_by, or leave it out")
        if name in saved.group_by:
            yield file.fault(("columns", place), f"{name} is in group_by, too; name it once")
