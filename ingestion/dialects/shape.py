"""What a dialect is made of: streams, the JSON fields they declare, and the raw columns those become.

A dialect module is data in these shapes and nothing else. How fields are read is in `reader_sql`, what they
mean is SQL in the dialect's dbt staging folder.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Token counts from this on are damage, not usage: no request of any gateway comes near a thousand million.
TOKEN_LIMIT = 1_000_000_000


@dataclass(frozen=True)
class Kind:
    """How a JSON value is read.

    `name` is one of text, flag, integer, tokens, decimal, time (RFC 3339) and epoch (seconds, may have a
    fraction); `sql_type` is the type of the raw column; `scale` is the number of decimals of a decimal.
    """

    name: str
    sql_type: str
    scale: int = 0


TEXT = Kind("text", "VARCHAR")
FLAG = Kind("flag", "BOOLEAN")
INTEGER = Kind("integer", "BIGINT")
TOKENS = Kind("tokens", "BIGINT")
MONEY = Kind("decimal", "DECIMAL(18,12)", 12)
UNIT_PRICE = Kind("decimal", "DECIMAL(24,18)", 18)
FACTOR = Kind("decimal", "DECIMAL(18,9)", 9)
INVOICE_AMOUNT = Kind("decimal", "DECIMAL(18,4)", 4)
VAT_RATE = Kind("decimal", "DECIMAL(9,6)", 6)
TIME = Kind("time", "TIMESTAMP")
EPOCH = Kind("epoch", "TIMESTAMP")


@dataclass(frozen=True)
class Field:
    """One value of a record: where it stands in the JSON (dotted `path`) and what columns call it (`name`).

    A record whose `mandatory` field is missing, null or empty is rejected.
    """

    path: str
    kind: Kind
    name: str
    mandatory: bool = False


def fields(kind: Kind, *paths: str, mandatory: bool = False, **renamed: str) -> tuple[Field, ...]:
    """Declare fields of one kind; `paths` are named by themselves with `_` for `.`, `renamed` as
    name=path.
    """
    own = tuple(Field(path, kind, path.replace(".", "_"), mandatory) for path in paths)
    return own + tuple(Field(path, kind, name, mandatory) for name, path in renamed.items())


def below(folder: str, *names: str) -> tuple[str, ...]:
    """Return the paths of `names` in an object; `folder` is the object's path."""
    return tuple(f"{folder}.{name}" for name in names)


@dataclass(frozen=True)
class Column:
    """A raw column computed from field names by portable SQL."""

    name: str
    sql_type: str
    sql: str


@dataclass(frozen=True)
class Check:
    """A line for which `condition` (SQL over raw columns) is true is rejected for `reason`.

    `field` is the field a person has to look at.
    """

    reason: str
    field: str
    condition: str


@dataclass(frozen=True)
class Stream:
    """One kind of record a gateway delivers, and the raw table it fills.

    Attributes:
        name: Folder name under `landing/<source>/`.
        table: Raw table, `<dialect>_<stream>`.
        fields: Everything that is read; undeclared paths never reach raw.
        columns: Raw columns in order: the name of a field, or a `Column`.
        occurred_at: Field that is the billing-basis time; None if the stream holds no usage events.
        checks: Impossibilities beyond types and mandatory fields.
        provider: SQL over raw columns: the provider half of the price key ('' if there is none).
        model: SQL over raw columns: the model half of the price key.
        dropped: Paths known and left out on purpose (with all below them), so that they are not reported as
        new.
    """

    name: str
    table: str
    fields: tuple[Field, ...]
    columns: tuple[str | Column, ...]
    occurred_at: str | None = None
    checks: tuple[Check, ...] = ()
    provider: str = "''"
    model: str = "''"
    dropped: tuple[str, ...] = ()

    def raw_columns(self) -> list[Column]:
        """Return the stream's own raw columns, typed, after the columns every table has in common."""
        by_name = {field.name: field for field in self.fields}
        return [
            Column(column, by_name[column].kind.sql_type, f'"{column}"')
            if isinstance(column, str)
            else column
            for column in self.columns
        ]

    def table_columns(self) -> list[tuple[str, str]]:
        """Return (name, type) of every column of the raw table, in order."""
        common = [
            ("source", "VARCHAR"),
            ("raw_file", "VARCHAR"),
            ("raw_line", "BIGINT"),
            ("delivered_on", "DATE"),
        ]
        if self.occurred_at:
            common.append(("occurred_at", "TIMESTAMP"))
        return common + [(column.name, column.sql_type) for column in self.raw_columns()]


@dataclass(frozen=True)
class Dialect:
    """A gateway's way of writing its logs."""

    name: str
    streams: tuple[Stream, ...]

    def stream(self, name: str) -> Stream | None:
        """Return the stream called `name`, or None."""
        return next((stream for stream in self.streams if stream.name == name), None)
