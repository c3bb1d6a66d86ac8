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

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import duckdb
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dagster_project.books.published import published
from dagster_project.exports.queries import columns_of, kind_of, quoted
from dagster_project.exports.reports import USAGE_DIMENSIONS, ExportError, Report
from ingestion.duck import literal
from ingestion.files import finished
from ingestion.home import Home
from ingestion.sources.strict_yaml import YamlError, load_yaml

SHIPPED = Path(__file__).parent / "shipped"
_SUMMABLE = ("DECIMAL", "BIGINT", "HUGEINT", "INTEGER")
#: Endings of numbers whose sum means nothing.
_NOT_SUMMABLE = ("_rate", "_share", "_factor", "_ratio", "_per_mtok", "_id", "_line")
_DAYS = ("DATE", "TIMESTAMP")

Value = str | int | float | bool | None


def _values(given: Any) -> Any:
    """Accept one value for a list of one."""
    return given if isinstance(given, list) else [given]


class _Saved(BaseModel):
    """The keys of a file, before its mart is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    meaning: Annotated[str, Field(min_length=1)]
    mart: str
    day: str
    columns: Annotated[list[str], Field(min_length=1)]
    group_by: list[str] = []
    filters: dict[str, Annotated[list[Value], BeforeValidator(_values), Field(min_length=1)]] = {}
    order_by: list[str] = []


@dataclass(frozen=True)
class Custom:
    """A saved report.

    Attributes:
        report: the report; its dimensions are those of its mart once `find_custom` has looked.
        place: file it is from, for people.
        lines: line of every key and list entry, by path: ("columns", 2).
        saved: the keys of the file.
    """

    report: Report
    place: str
    lines: Mapping[tuple[str | int, ...], int]
    saved: _Saved


def custom_reports(home: Home) -> dict[str, Custom]:
    """Return the saved reports by name, those of the home in place of shipped ones of the same name.

    Raises:
        ExportError: a file cannot be used; the message has a line for each fault, with file, line and key.
    """
    faults: list[str] = []
    found: dict[str, Custom] = {}
    for folder, shown in ((SHIPPED, "shipped"), (home.reports, "reports")):
        here: dict[str, str] = {}
        for path in finished(folder, "*.yml"):
            custom = _read(path, f"{shown}/{path.name}", faults)
            if custom is None:
                continue
            name = custom.report.name
            if name in here:
                faults.append(
                    f"{custom.place}:{_line(custom.lines, ('name',))}: name: {name!r} is also {here[name]}"
                )
            here[name] = custom.place
            found[name] = custom
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


def _read(path: Path, place: str, faults: list[str]) -> Custom | None:
    """Read a file; its faults are added to `faults`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = load_yaml(text)
    except (OSError, UnicodeDecodeError, YamlError) as error:
        faults.append(f"{place}: {error}")
        return None
    lines = dict(_lines(yaml.compose(text, Loader=yaml.SafeLoader)))
    try:
        saved = _Saved.model_validate(content)
    except ValidationError as error:
        for fault in error.errors():
            faults.append(f"{place}:{_line(lines, fault['loc'])}: {_key(fault['loc'])}{_reason(fault)}")
        return None
    return Custom(_report(saved), place, lines, saved)


def _report(saved: _Saved) -> Report:
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


def _checked(marts: duckdb.DuckDBPyConnection, custom: Custom) -> Report:
    """Return the report with the dimensions of its mart.

    Raises:
        ExportError: the mart or a column does not exist, or cannot be used so.
    """
    saved = custom.saved
    known = [
        name
        for (name,) in marts.execute(
            "select table_name from information_schema.tables"
            " where table_catalog = 'tollbook' and table_schema = 'marts'"
        ).fetchall()
    ]
    if saved.mart not in known:
        raise ExportError(_fault(custom, ("mart",), saved.mart, "a published mart", known))
    columns = columns_of(marts, f"select * from {quoted(saved.mart)}")
    faults = list(_faults(custom, columns))
    if faults:
        raise ExportError("\n".join(faults))
    dimensions = {option: column for option, column in USAGE_DIMENSIONS.items() if column in columns}
    return replace(custom.report, dimensions=dimensions)


def _faults(custom: Custom, columns: Mapping[str, str]) -> Iterator[str]:
    """Yield what in a file its mart cannot give."""
    saved = custom.saved
    named = [
        (("day",), saved.day),
        *((("columns", place), name) for place, name in enumerate(saved.columns)),
        *((("group_by", place), name) for place, name in enumerate(saved.group_by)),
        *((("filters", name), name) for name in saved.filters),
    ]
    wrong = [(where, name) for where, name in named if name not in columns]
    for where, name in wrong:
        yield _fault(custom, where, name, f"a column of {saved.mart}", list(columns))
    shown = [*saved.group_by, *saved.columns]
    for place, name in enumerate(saved.order_by):
        if name.removeprefix("-") not in shown:
            yield _fault(custom, ("order_by", place), name, "a column of this report", shown)
    if wrong:
        return
    if kind_of(columns[saved.day]) not in _DAYS:
        days = [name for name, column_type in columns.items() if kind_of(column_type) in _DAYS]
        yield _fault(custom, ("day",), saved.day, "a day or a time", days)
    for place, name in enumerate(saved.columns):
        if saved.group_by and (kind_of(columns[name]) not in _SUMMABLE or name.endswith(_NOT_SUMMABLE)):
            line = _line(custom.lines, ("columns", place))
            yield (
                f"{custom.place}:{line}: columns[{place}]: {name} has no sum; move it to group_by, or leave it out"
            )
        if name in saved.group_by:
            line = _line(custom.lines, ("columns", place))
            yield f"{custom.place}:{line}: columns[{place}]: {name} is in group_by, too; name it once"


def _fault(custom: Custom, where: tuple[str | int, ...], name: str, what: str, known: list[str]) -> str:
    """Return a fault with the names that were perhaps meant."""
    near = get_close_matches(name, known, n=3) or sorted(known)[:8]
    return (
        f"{custom.place}:{_line(custom.lines, where)}: {_key(where)}{name!r} is not {what};"
        f" write for example {', '.join(near)}"
    )


def _lines(
    node: yaml.Node | None, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], int]]:
    """Yield path and line of every key and list entry of a document."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key.start_mark.line + 1
            yield from _lines(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield (*path, place), value.start_mark.line + 1
            yield from _lines(value, (*path, place))


def _line(lines: Mapping[tuple[str | int, ...], int], where: tuple[str | int, ...]) -> int:
    """Return the line of a path, or of the innermost part of it that the file has."""
    while where and where not in lines:
        where = where[:-1]
    return lines.get(where, 1)


def _key(where: tuple[str | int, ...]) -> str:
    """Write a path as people do, `columns[2]: `; nothing for the whole document."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).removeprefix(".")
    return f"{text}: " if text else ""


def _reason(fault: Mapping[str, Any]) -> str:
    """Write a fault of a key, with what to write instead."""
    known = ", ".join(_Saved.model_fields)
    match fault["type"]:
        case "extra_forbidden":
            return f"is not a key of a report; write one of {known}"
        case "missing":
            return "is missing; write it"
        case "string_pattern_mismatch":
            return f"{fault['input']!r} is not a name; write small letters, digits, - and _"
        case "model_type" | "model_attributes_type":
            return f"a report is a list of keys and values; write {known}"
    return f"{re.sub('^Input', 'it', fault['msg'])}, not {fault['input']!r}"
