"""The SQL that turns NDJSON into a raw table, written from a stream's declaration.

Two forms of one statement, equal in every value they accept:

- *bulk*: strict types, and `error()` at the first line that is suspect, so it yields a whole clean file or
nothing;
- *careful*: every value is read as its text, a `reject` column names what is wrong with a line.

Money is proven exact, not trusted: JSON numbers reach SQL through a double. A double `d` of a decimal
literal, and the product `d * 10^scale`, are each off by at most 2^-53 of their value, so the rounded result
can only be wrong when the product is that close to a half. Such lines, and amounts too large for the
argument, are suspect and read from text.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from ingestion.dialects.shape import MONEY, TOKEN_LIMIT, Column, Field, Stream
from ingestion.duck import literal

#: Times outside this range are milliseconds read as seconds, zeroed clocks and the like.
EARLIEST, LATEST = "2015-01-01", "2100-01-01"
#: Key under which the careful path hands a line's number to SQL.
LINE_KEY = "tollbook raw line"
#: Raise it when the same declaration would now give other rows or rejects: every file is then read again.
READER_VERSION = 1

_BULK_TYPE = {
    "text": "VARCHAR",
    "flag": "BOOLEAN",
    # A count declared BIGINT would take true as 1 and 5.7 as 6; as text it does not.
    "integer": "VARCHAR",
    "tokens": "VARCHAR",
    "decimal": "DOUBLE",
    "time": "TIMESTAMPTZ",
    "epoch": "DOUBLE",
}

_CAREFUL_TYPE = dict.fromkeys(_BULK_TYPE, "VARCHAR")


def quoted(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _bulk_types(time_zone: str) -> dict[str, str]:
    # read_json takes a time without offset as UTC, whatever the session says; a cast from text asks it.
    return _BULK_TYPE if time_zone == "UTC" else {**_BULK_TYPE, "time": "VARCHAR"}


def _columns_argument(stream: Stream, types: dict[str, str], extra: tuple[str, ...] = ()) -> str:
    """Return the `columns` argument of read_json: the declared fields, nested as in the JSON."""
    tree: dict = {}
    for field in stream.fields:
        *folders, leaf = field.path.split(".")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
        node[leaf] = types[field.kind.name]

    def sql_type(node: dict | str) -> str:
        if isinstance(node, str):
            return node
        return "STRUCT(" + ", ".join(f"{quoted(key)} {sql_type(value)}" for key, value in node.items()) + ")"

    top = [f"{quoted(key)}: {literal(sql_type(node))}" for key, node in tree.items()]
    return "{" + ", ".join([*top, *extra]) + "}"


def _source(field: Field) -> str:
    return ".".join(quoted(part) for part in field.path.split("."))


def _bulk_value(field: Field, to_utc: str) -> str:
    kind, value = field.kind, _source(field)
    match kind.name:
        case "integer" | "tokens" | "decimal":
            return f"cast({value} as {kind.sql_type})"
        case "time":
            return to_utc.format(f"cast({value} as timestamptz)")
        case "epoch":
            return f"make_timestamp(cast(round({value} * 1e6) as bigint))"
    return value


def _text(field: Field) -> str:
    """Name of a field's text beside its value, in the careful form."""
    return quoted(f"{field.name} as text")


def _careful_value(field: Field, to_utc: str) -> str:
    kind, text = field.kind, _text(field)
    match kind.name:
        case "integer" | "tokens":
            number = f"try_cast({text} as decimal(38, 9))"
            return f"case when {number} = trunc({number}) then try_cast({number} as bigint) end"
        case "decimal" | "flag":
            return f"try_cast({text} as {kind.sql_type})"
        case "time":
            return to_utc.format(f"try_cast({text} as timestamptz)")
        case "epoch":
            seconds = f"try_cast({text} as double)"
            representable = f"{seconds} between -62135596800 and 253402300799"
            return (
                f"case when {representable} then make_timestamp(cast(round({seconds} * 1e6) as bigint)) end"
            )
    return text


def _shared_checks(stream: Stream) -> list[tuple[str, str, str]]:
    """Return (reason, field, condition over field and column names) that hold in both forms."""
    checks = []
    for field in stream.fields:
        name = quoted(field.name)
        if field.mandatory and field.kind.name == "text":
            checks.append(("missing_field", field.path, f"{name} is null or {name} = ''"))
        elif field.mandatory:
            checks.append(("missing_field", field.path, f"{name} is null"))
        if field.kind.name == "tokens":
            checks.append(
                ("token_count_out_of_range", field.path, f"{name} not between 0 and {TOKEN_LIMIT - 1}")
            )
        if field.kind.sql_type == "TIMESTAMP":
            bounds = f"timestamp '{EARLIEST}' and timestamp '{LATEST}'"
            checks.append(("time_out_of_range", field.path, f"{name} not between {bounds}"))
    checks.extend((check.reason, check.field, check.condition) for check in stream.checks)
    return checks


def _bulk_doubts(field: Field) -> list[str]:
    """Return conditions over the values as read under which only the text of the line can tell."""
    value = _source(field)
    match field.kind.name:
        case "text" if field.mandatory:
            # An object reads as its JSON text; only the line tells it from a name in braces.
            return [f"starts_with({value}, '{{') or starts_with({value}, '[')"]
        case "integer" | "tokens":
            return [f"contains({value}, '.')"]
        case "decimal":
            scaled = f"abs({value}) * 1e{field.kind.scale}"
            # From 5e14 on everything is within the tolerance: too large for the argument is in doubt too.
            near_a_half = f"abs({scaled} - trunc({scaled}) - 0.5) <= {scaled} * 1e-15"
            # DuckDB reads `true` as 1, which is a likely rate but an unlikely amount of money.
            return [near_a_half, f"{value} = 1"] if field.kind is MONEY else [near_a_half]
    return []


def _careful_checks(field: Field) -> list[tuple[str, str, str]]:
    """Return (reason, field, condition) for a text that its type could not take."""
    text = _text(field)
    lost = f"{text} is not null and {quoted(field.name)} is null"
    match field.kind.name:
        case "integer" | "tokens":
            digits = f"regexp_full_match({text}, '[+-]?[0-9]+')"
            return [
                ("integer_out_of_range", field.path, f"{lost} and {digits}"),
                ("wrong_type", field.path, lost),
            ]
        case "decimal":
            number = f"try_cast({text} as double) is not null"
            return [
                ("money_out_of_range", field.path, f"{lost} and {number}"),
                ("wrong_type", field.path, lost),
            ]
        case "flag":
            return [("wrong_type", field.path, lost)]
        case "time" | "epoch":
            return [("invalid_time", field.path, lost)]
    return []


def _to_utc(time_zone: str) -> str:
    # In a UTC session the cast costs nothing; elsewhere it would give the session's wall clock.
    return "cast({} as timestamp)" if time_zone == "UTC" else "timezone('UTC', {})"


def _derived(stream: Stream) -> str:
    """Return the columns that are computed from fields, as a select list."""
    computed = [column for column in stream.columns if isinstance(column, Column)]
    return (
        ", ".join(f"cast({c.sql} as {c.sql_type}) as {quoted(c.name)}" for c in computed)
        or "null as nothing_derived"
    )


@dataclass(frozen=True)
class Reading:
    """One file to read and what its rows say about where they come from.

    Attributes:
        stream: What to read.
        time_zone: Zone of times without an offset; the session must run in it.
        source: Name of the source.
        raw_file: The landing file, relative to landing/.
        delivered_on: Day of delivery.
    """

    stream: Stream
    time_zone: str
    source: str
    raw_file: str
    delivered_on: date

    def _outputs(self, source: str, raw_line: str) -> str:
        stream = self.stream
        occurred = [f"{quoted(stream.occurred_at)} as occurred_at"] if stream.occurred_at else []
        return ", ".join(
            [
                f"{source} as source",
                f"{literal(self.raw_file)} as raw_file",
                f"{raw_line} as raw_line",
                f"date '{self.delivered_on}' as delivered_on",
                *occurred,
                *(quoted(column.name) for column in stream.raw_columns()),
            ]
        )

    def version(self) -> str:
        """Return a fingerprint of everything that decides what a line becomes."""
        return _version(self.stream, self.time_zone)

    def bulk(self, path: Path) -> str:
        """Return the statement that reads a clean file whole, or fails; its rows have no `raw_line`."""
        stream = self.stream
        to_utc = _to_utc(self.time_zone)
        values = ", ".join(f"{_bulk_value(f, to_utc)} as {quoted(f.name)}" for f in stream.fields)
        columns = _columns_argument(stream, _bulk_types(self.time_zone))
        doubts = " or ".join(["false", *(doubt for field in stream.fields for doubt in _bulk_doubts(field))])
        suspect = " or ".join(["doubtful", *(f"({condition})" for _, _, condition in _shared_checks(stream))])
        source = f"case when {suspect} then error('suspect line') else {literal(self.source)} end"
        return (
            f"with fields as (select {values}, {doubts} as doubtful"  # noqa: S608
            f" from {_read_json(path, columns)}),"
            f" typed as (select *, {_derived(stream)} from fields)"
            f" select {self._outputs(source, 'cast(null as bigint)')} from typed"
        )

    def careful(self, path: Path) -> str:
        """Return the statement that reads lines the careful parser wrote.

        It has one column more, `reject`: null, or the reason and the field, as `reason|field`.
        """
        stream = self.stream
        to_utc = _to_utc(self.time_zone)
        columns = _columns_argument(stream, _CAREFUL_TYPE, (f"{quoted(LINE_KEY)}: 'BIGINT'",))
        texts = ", ".join(f"{_source(f)} as {_text(f)}" for f in stream.fields)
        values = ", ".join(f"{_careful_value(f, to_utc)} as {quoted(f.name)}" for f in stream.fields)
        checks = [check for field in stream.fields for check in _careful_checks(field)]
        checks += _shared_checks(stream)
        reject = " ".join(f"when {when} then {literal(f'{reason}|{at}')}" for reason, at, when in checks)
        return (
            f"with texts as (select {texts}, {quoted(LINE_KEY)} as line"  # noqa: S608
            f" from {_read_json(path, columns)}),"
            f" fields as (select *, {values} from texts),"
            f" typed as (select *, {_derived(stream)} from fields)"
            f" select {self._outputs(literal(self.source), 'line')}, case {reject} end as reject from typed"
        )


def _read_json(path: Path, columns: str) -> str:
    return (
        f"read_json({literal(path)}, format = 'newline_delimited', compression = 'none', columns = {columns})"
    )


@cache
def _version(stream: Stream, time_zone: str) -> str:
    anywhere = Reading(stream, time_zone, "", "", date.min)
    said = (READER_VERSION, anywhere.bulk(Path()), anywhere.careful(Path()), stream.provider, stream.model)
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]
