"""What a connector is made of: streams, the fields they declare, and the raw columns those become.

A connector module is data in these shapes and nothing else. How fields are read is in `reader/sql.py`, what they mean
is SQL in the connector's dbt staging folder.

Rulings: docs/decisions/reading.md#reading-5, docs/decisions/structure.md#structure-1.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Protocol

#: Token counts from this on are damage: no request has nearly a billion tokens.
TOKEN_LIMIT = 1_000_000_000
#: The same for searches of one request.
SEARCH_LIMIT = 100_000
#: The same for credits, milliseconds and calls, of one record and of a period. Smaller values stay whole numbers in
#: millionths, and a time shifted by one stays a valid time.
COUNT_LIMIT = 1_000_000_000_000
TOTAL_LIMIT = 1_000_000_000_000_000
#: Times outside this range are milliseconds read as seconds, zeroed clocks and the like.
EARLIEST, LATEST = "2015-01-01", "2100-01-01"

#: Key under which a record gets the fields of the page (or bucket) around it.
PAGE = "page"
ARCHIVES = ("", ".gz", ".zst")


#: Suffixes that leave the format open: the first lines of the file decide it.
TEXT_SUFFIXES = (".txt", ".log")


@dataclass(frozen=True)
class Format:
    """How files hold the records of a stream. Every format may come plain, as .gz or as .zst.

    Attributes:
        name: json, csv or sse.
        suffixes: File names of this format end in one of these.
        shapes: What such files may hold, for messages.
        first_line: Line of the landing file that holds the first record, if each has a line of its own.
        records: json: dotted path of the records in an API's body; an object without it is a record itself.
            Lists on the path are expanded, at any depth.
        also: json: other paths older servers used, tried in order.
        around: json: fields of the body and of objects on the path that each record gets, as `page.<field>`; the
            nearest wins.
        marked_by: A body with this field, or a table with this column, follows this contract, where a folder
            holds two.
    """

    name: Literal["json", "csv", "sse"]
    suffixes: tuple[str, ...]
    shapes: str
    first_line: int = 1
    records: str = ""
    also: tuple[str, ...] = ()
    around: tuple[str, ...] = ()
    marked_by: str = ""

    def reads(self, file_name: str) -> bool:
        """Return whether a file of this name may be in this format."""
        return _ends_in(file_name, self.suffixes + TEXT_SUFFIXES)


def is_identified_by_content(file_name: str) -> bool:
    """Return whether the name of a file leaves its format open."""
    return _ends_in(file_name, TEXT_SUFFIXES)


def is_json_body(file_name: str) -> bool:
    """Return whether the file's name means one body, which is never empty."""
    return _ends_in(file_name, (".json",))


def _ends_in(file_name: str, suffixes: tuple[str, ...]) -> bool:
    return file_name.endswith(tuple(suffix + archive for suffix in suffixes for archive in ARCHIVES))


_JSON_SUFFIXES = (".ndjson", ".jsonl", ".json")
#: JSON objects, one a line, printed over many lines, or in a list.
NDJSON = Format("json", _JSON_SUFFIXES, "objects, one a line or over many, or lists of them")
#: A header line, then one record a line (or several, inside quotes). A field's path is its header.
CSV = Format("csv", (".csv", ".tsv"), "a header line, cells parted by , ; | or tab", first_line=2)
#: Recorded streams of server-sent events: the last chunk with `usage` is the record of its response.
SSE = Format("sse", (".sse",), "recorded events")


def json_pages(
    records: str, also: tuple[str, ...] = (), around: tuple[str, ...] = (), marked_by: str = ""
) -> Format:
    """Return the format of API bodies that hold their records at a path; the records may also be bare."""
    shapes = f"API bodies with {records}, or its objects as in any other JSON"
    return Format("json", _JSON_SUFFIXES, shapes, 1, records, also, around, marked_by)


@dataclass(frozen=True)
class Kind:
    """How a value is read.

    `name` is one of text, flag, integer, tokens, decimal, time (RFC 3339, or the source's wall clock) and
    epoch (seconds, may have a fraction, or milliseconds); `sql_type` is the type of the raw column; `scale`
    is the number of decimals of a decimal; `per_second` is the unit of an epoch; a number below -`limit` or
    above `limit`, if that is not 0, is damage. For a text, `holds` is name (may be given by a person), id (generated)
    or prose; it decides how a secret in it is redacted. In a table made for people a number may carry its `unit`: usd
    (with or without `$`), or ms (also as s).
    """

    name: str
    sql_type: str
    scale: int = 0
    per_second: int = 1
    limit: int = 0
    holds: Literal["name", "id", "prose"] = "name"
    unit: str = ""


TEXT = Kind("text", "VARCHAR")
#: A generated id of a call.
ID = Kind("text", "VARCHAR", holds="id")
#: A gateway's message in words, which may quote the caller's key.
PROSE = Kind("text", "VARCHAR", holds="prose")
FLAG = Kind("flag", "BOOLEAN")
#: An id, a code: any whole number.
INTEGER = Kind("integer", "BIGINT")
#: Credits, quota, milliseconds, calls: of one record...
COUNT = Kind("integer", "BIGINT", limit=COUNT_LIMIT)
DURATION_MS = replace(COUNT, unit="ms")
#: ...or of all records of a period.
TOTAL = Kind("integer", "BIGINT", limit=TOTAL_LIMIT)
#: Counts of one call that have a price, never negative.
TOKENS = Kind("tokens", "BIGINT", limit=TOKEN_LIMIT - 1)
SEARCHES = Kind("tokens", "BIGINT", limit=SEARCH_LIMIT)
#: What one call costs: no call costs more than the limit.
MONEY = Kind("decimal", "DECIMAL(18,12)", 12, limit=100_000, unit="usd")
#: What all calls of a period cost, a million dollars a day included.
SPEND = Kind("decimal", "DECIMAL(38,12)", 12, limit=TOTAL_LIMIT, unit="usd")
#: How much of something a report counts, in whatever unit.
QUANTITY = Kind("decimal", "DECIMAL(38,9)", 9)
UNIT_PRICE = Kind("decimal", "DECIMAL(24,18)", 18)
FACTOR = Kind("decimal", "DECIMAL(18,9)", 9)
#: A multiple of the gateway's unit price.
RATIO = Kind("decimal", "DECIMAL(18,9)", 9, limit=1_000_000)
#: A discount: the share to pay, the share off, or a percentage.
DISCOUNT = Kind("decimal", "DECIMAL(18,9)", 9, limit=100)
INVOICE_AMOUNT = Kind("decimal", "DECIMAL(18,4)", 4, limit=COUNT_LIMIT)
VAT_RATE = Kind("decimal", "DECIMAL(9,6)", 6)
TIME = Kind("time", "TIMESTAMP")
EPOCH = Kind("epoch", "TIMESTAMP")
EPOCH_MS = Kind("epoch", "TIMESTAMP", per_second=1000)


@dataclass(frozen=True)
class Field:
    """One value of a record: its `path` there and its `name` among columns.

    `path` is dotted in JSON and the header in CSV; `aliases` are other headers it may have. Headers are compared
    without regard to case. A record whose `mandatory` field is missing, null or empty is rejected, a CSV file without
    its column is rejected whole.
    """

    path: str
    kind: Kind
    name: str
    mandatory: bool = False
    aliases: tuple[str, ...] = ()


def fields(kind: Kind, *paths: str, mandatory: bool = False, **renamed: str) -> tuple[Field, ...]:
    """Declare fields of one kind; `paths` are named by themselves with `_` for `.`, `renamed` as
    name=path.
    """
    own = tuple(Field(path, kind, path.replace(".", "_"), mandatory) for path in paths)
    return own + tuple(Field(path, kind, name, mandatory) for name, path in renamed.items())


def column(kind: Kind, name: str, *headers: str, mandatory: bool = False) -> Field:
    """Declare a CSV column: its name in raw, its usual header, and other headers it may have."""
    return Field(headers[0], kind, name, mandatory, headers[1:])


def unneeded(kind: Kind, *paths: str, **renamed: str) -> tuple[tuple[Field, ...], dict[str, Column]]:
    """Declare fields that no number depends on: a value not of its kind becomes null, and its row is kept.

    Args:
        kind: integer, decimal or flag.
        paths: As for `fields`.
        renamed: As for `fields`.

    Returns:
        The fields, read as text, and the column of each by its name.
    """
    read, columns = [], {}
    for field in fields(kind, *paths, **renamed):
        text = f"{field.name}_as_written"
        read.append(Field(field.path, TEXT, text))
        if kind.name == "integer":
            number = f"try_cast({text} as decimal(38, 9))"
            is_one = f"{number} = trunc({number}) and abs({number}) <= {kind.limit or TOTAL_LIMIT}"
            sql = f"case when {is_one} then cast({number} as bigint) end"
        else:
            sql = f"try_cast({text} as {kind.sql_type})"
        columns[field.name] = Column(field.name, kind.sql_type, sql)
    return tuple(read), columns


def below(folder: str, *names: str) -> tuple[str, ...]:
    """Return the paths of `names` in an object; `folder` is the object's path."""
    return tuple(f"{folder}.{name}" for name in names)


@dataclass(frozen=True)
class Column:
    """A raw column computed from field names by portable SQL."""

    name: str
    sql_type: str
    sql: str


def prose(column: str, field: str) -> Column:
    """Return a column with the beginning of a field of prose."""
    return Column(column, "VARCHAR", f"left({field}, 300)")


@dataclass(frozen=True)
class Check:
    """A line for which `condition` (SQL over raw columns) is true is rejected for `reason`.

    `field` is the field a person has to look at.
    """

    reason: str
    field: str
    condition: str


class Usage(Protocol):
    """How raw columns are computed, step by step, from fields; a file has only some of them."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """Fields that the steps read."""

    def columns(self) -> dict[str, str]:
        """Return the columns with their types."""

    def steps(self, present: Collection[str]) -> tuple[tuple[Column, ...], ...]:
        """Return the steps from the fields that are present; the last one is the columns."""

    def checks(self, present: Collection[str]) -> tuple[Check, ...]:
        """Return the checks of the fields that are present."""


#: The column of a caller's address where it is dropped.
NO_ADDRESS = Column("ip", "VARCHAR", "cast(null as varchar)")
_ADDRESS = {"keep": "nullif(address, '')", "hash": "sha256(nullif(address, ''))"}


@dataclass(frozen=True)
class Stream:
    """One kind of record a gateway delivers, and the raw table it fills.

    Attributes:
        name: Folder name under `landing/<source>/`. Streams of one name differ by format.
        table: Raw table; streams with equal columns may share one.
        fields: Everything that is read; undeclared top-level fields go to `extra`, others never reach raw.
        columns: Raw columns in order: the name of a field or of a column of `usage`, or a `Column`.
        occurred_at: Field that is the billing-basis time; None if the stream holds no usage events.
        checks: Checks beyond types and mandatory fields.
        provider: SQL over raw columns: the provider half of the price key ('' if there is none).
        model: SQL over raw columns: the model half of the price key.
        price_formula: Raw column that holds a price formula, if rows carry one.
        dropped: Paths known and left out on purpose (with all below them), so that they are not reported as
        new.
        format: How the stream's files hold records.
        embedded: Top-level fields whose text is itself a JSON object; fields below them are declared as if
            it were one. A text of anything else (nothing, `null`, a list, a number) is no object.
        loose: Top-level fields that may be a text or a list instead of an object; the fields below are null then.
        watched: Paths of objects in embedded fields that may decide a charge: the names of a row's undeclared fields
            there are kept in `unknown_fields`.
        usage: How the counts of a call are read.
        address: Path of the caller's network address, dropped unless a source asks for it; '' if there is none. The
            columns then hold NO_ADDRESS.
    """

    name: str
    table: str
    fields: tuple[Field, ...]
    columns: tuple[str | Column, ...]
    occurred_at: str | None = None
    checks: tuple[Check, ...] = ()
    provider: str = "''"
    model: str = "''"
    price_formula: str | None = None
    dropped: tuple[str, ...] = ()
    format: Format = NDJSON
    embedded: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    usage: Usage | None = None
    address: str = ""

    def with_address(self, how: str | None) -> Stream:
        """Return the stream with the address in its column `ip`, as written ('keep') or as its SHA-256 ('hash').

        Rulings: docs/decisions/secrets.md#secrets-3.
        """
        if not how or not self.address:
            return self
        filled = replace(NO_ADDRESS, sql=_ADDRESS[how])
        return replace(
            self,
            fields=(*self.fields, Field(self.address, TEXT, "address")),
            columns=tuple(filled if column == NO_ADDRESS else column for column in self.columns),
            dropped=tuple(path for path in self.dropped if path != self.address),
        )

    def keys(self, field: Field) -> tuple[str, ...]:
        """Return the keys that lead to a field's value in a record; a CSV record is flat and keyed by name."""
        if self.format.name == "csv" and field.path.partition(".")[0] not in self.embedded:
            return (field.name,)
        return tuple(field.path.split("."))

    @cached_property
    def places(self) -> tuple[tuple[Field, tuple[str, ...]], ...]:
        """Every field with its keys, computed once: damaged files need them line by line."""
        return tuple((field, self.keys(field)) for field in self.fields)

    def raw_columns(self) -> list[Column]:
        """Return the stream's own raw columns, typed, after the columns every table has in common."""
        types = {field.name: field.kind.sql_type for field in self.fields}
        types |= self.usage.columns() if self.usage else {}
        return [
            Column(column, types[column], f'"{column}"') if isinstance(column, str) else column
            for column in self.columns
        ]

    def table_columns(self) -> list[tuple[str, str]]:
        """Return (name, type) of every column of the raw table, in order."""
        common = [
            ("source", "VARCHAR"),
            ("raw_file", "VARCHAR"),
            ("raw_line", "BIGINT"),
            ("first_line", "BIGINT"),
            ("delivered_on", "DATE"),
        ]
        if self.occurred_at:
            common.append(("occurred_at", "TIMESTAMP"))
        own = [(column.name, column.sql_type) for column in self.raw_columns()]
        unknown = [("unknown_fields", "VARCHAR")] if self.watched else []
        return [*common, *own, *unknown, ("extra", "VARCHAR")]


@dataclass(frozen=True)
class Connector:
    """A gateway's way of writing its logs."""

    name: str
    streams: tuple[Stream, ...]

    def stream_names(self) -> tuple[str, ...]:
        """Return the names of all streams, each once."""
        return tuple(dict.fromkeys(stream.name for stream in self.streams))

    def stream(self, name: str, file_name: str = "") -> Stream | None:
        """Return the stream called `name` whose format the file has, else the first of that name, or None."""
        named = self.named(name)
        fitting = [stream for stream in named if stream.format.reads(file_name)]
        return next(iter(fitting or named), None)

    def named(self, name: str) -> list[Stream]:
        """Return all streams of a name."""
        return [stream for stream in self.streams if stream.name == name]

    def others(self, stream: Stream, file_name: str) -> tuple[Stream, ...]:
        """Return the other streams a file in this stream's folder may belong to; its content decides."""
        return tuple(
            other
            for other in self.named(stream.name)
            if other is not stream and other.format.reads(file_name)
        )

    def reads(self, name: str) -> str:
        """Return a sentence that says which files a stream reads."""
        shapes = {}
        for stream in self.named(name):
            shapes.setdefault(stream.format.suffixes, stream.format.shapes)
        each = [f"{', '.join(suffixes)} ({what})" for suffixes, what in shapes.items()]
        content = f"{' or '.join(TEXT_SUFFIXES)} with any of these"
        return f"{self.name}/{name} reads {'; '.join([*each, content])}; each plain, .gz or .zst"
