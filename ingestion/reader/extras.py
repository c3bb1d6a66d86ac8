"""Undeclared fields of a record: kept in the column `extra` as one JSON object of limited size.

Gateways add fields without notice. Their values stay in `extra` until a connector declares them. Text that a person or
a model wrote, and anything that looks like a key, is not kept, whatever the field is called.

Rulings: docs/decisions/reading.md#reading-6, docs/decisions/secrets.md#secrets-1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ingestion.duck import literal
from ingestion.reader.values import quoted
from ingestion.redaction import MASK, is_secret_name_sql, kept_json_sql, shown_name
from ingestion.streams import PAGE, Stream

if TYPE_CHECKING:
    from ingestion.reader.sql import Layout

#: Longer values are cut and become text.
LONGEST_VALUE = 300
#: More undeclared fields than this are another format, not drift.
MOST_FIELDS = 20
#: With more in a file, a statement that reads them all would cost more than reading line by line.
MOST_COLUMNS = 200
#: Prefix of our own columns, the line number and lambda parameters: if a column has the name of a lambda parameter,
#: DuckDB takes the column.
OWN = "tollbook"
#: Names of fields that hold prompts and answers.
CONTENT = frozenset(
    (
        "answer",
        "arguments",
        "body",
        "choices",
        "completion",
        "content",
        "delta",
        "document",
        "documents",
        "image",
        "images",
        "input",
        "inputs",
        "instructions",
        "message",
        "messages",
        "output",
        "outputs",
        "prompt",
        "prompts",
        "query",
        "question",
        "reasoning",
        "request",
        "request_body",
        "response",
        "response_body",
        "responses",
        "result",
        "results",
        "system",
        "text",
        "texts",
        "tools",
        "transcript",
        "user_prompt",
    )
)
#: JSON values without text, so without a secret, whatever the field is called.
_NO_TEXT = "true|false|[-+.0-9eE]+"
#: SQL type of a record's undeclared members.
TYPE = "STRUCT(name VARCHAR, content JSON)[]"


def undeclared_keys(record: Iterable[str], stream: Stream) -> list[str]:
    """Return the undeclared top-level keys of a record that may be kept, sorted.

    Of keys that differ only in case one is kept: DuckDB would take them for one column.
    """
    kept: dict[str, str] = {}
    for key in _undeclared(record, stream):
        kept.setdefault(key.casefold(), key)
    return list(kept.values())


def as_columns(keys: Iterable[str], stream: Stream) -> tuple[str, ...] | None:
    """Return the undeclared top-level keys of many records, or None if they cannot all be columns."""
    found = _undeclared(keys, stream)
    are_columns = all(key and key.isprintable() for key in found)
    if len(found) > MOST_COLUMNS or len(undeclared_keys(found, stream)) < len(found) or not are_columns:
        return None
    return tuple(found)


def _undeclared(keys: Iterable[str], stream: Stream) -> list[str]:
    known = {field.path.partition(".")[0] for field in stream.fields} | {PAGE, *stream.embedded}
    known |= {path.partition(".")[0] for path in stream.dropped}
    taken = {key.casefold() for key in known} | CONTENT
    return sorted(
        key
        for key in keys
        if key.casefold() not in taken and not key.startswith(OWN) and shown_name(key) == key
    )


def members_of(record: dict[str, Any], keys: Iterable[str]) -> list[dict[str, Any]]:
    """Return those of a record's members that are kept, as a value of `TYPE`."""
    found = [
        {"name": json.dumps(key, ensure_ascii=False), "content": record[key]}
        for key in sorted(keys)
        if record[key] is not None
    ]
    return found[:MOST_FIELDS]


def column(number: int) -> str:
    """Name of an undeclared CSV column while it is read."""
    return f"tollbook column {number}"


def of_columns(keys: tuple[str, ...]) -> str:
    """Return the SQL of `extra` from JSON columns named after their keys."""
    return _object([(key, quoted(key)) for key in sorted(keys)])


def of_cells(layout: Layout) -> str:
    """Return the SQL of `extra` from the undeclared columns of a CSV file that may be kept."""
    found = [
        (title, f"to_json({quoted(column(number))})")
        for number, (name, title) in enumerate(zip(layout.header, layout.titles, strict=True))
        if not name and title in layout.extra
    ]
    return _object(sorted(found))


def of_members(members: str) -> str:
    """Return the SQL of `extra` from a value of `TYPE`."""
    member = _member("tollbook_member.name", "tollbook_member.content")
    shown = f"list_transform({members}, lambda tollbook_member: {member})"
    return _braced(f"array_to_string({shown}, ',')")


def _object(members: list[tuple[str, str]]) -> str:
    if not members:
        return "cast(null as varchar)"
    shown = ", ".join(
        f"case when {value} is not null then {_member(literal(json.dumps(key, ensure_ascii=False)), value)} end"
        for key, value in members
    )
    if len(members) <= MOST_FIELDS:
        return _braced(f"concat_ws(',', {shown})")
    some = f"list_filter([{shown}], lambda tollbook_member: tollbook_member is not null)[:{MOST_FIELDS}]"
    return _braced(f"array_to_string({some}, ',')")


def _member(name: str, content: str) -> str:
    """Return the SQL of a member's text; `name` is SQL of JSON text, `content` of JSON."""
    text = f"cast({content} as varchar)"
    kept = kept_json_sql(text)
    is_secret = f"{is_secret_name_sql(name)} and not regexp_full_match({text}, {literal(_NO_TEXT)})"
    return (
        f"concat({name}, ':', case when {is_secret} then {literal(json.dumps(MASK))}"
        f" when length({text}) <= {LONGEST_VALUE} then {kept}"
        f" else cast(to_json(left({kept}, {LONGEST_VALUE})) as varchar) end)"
    )


def _braced(members: str) -> str:
    return f"nullif(concat('{{', {members}, '}}'), '{{}}')"
