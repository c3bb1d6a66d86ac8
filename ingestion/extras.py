"""What a record says that nobody declared: kept in the column `extra`, as one JSON object, in measure.

Gateways add fields without notice. Their values wait in `extra` until a dialect declares them. Text a person
or a model wrote, and anything that looks like a key, does not belong into the books and is not kept, whatever
the field is called.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ingestion.dialects.shape import PAGE, SECRET, Stream
from ingestion.duck import literal
from ingestion.reader_values import quoted

if TYPE_CHECKING:
    from ingestion.reader_sql import Layout

#: Longer values are cut and become text.
LONGEST_VALUE = 300
#: More undeclared fields than this are another format, not drift.
MOST_FIELDS = 20
#: Names under which gateways send what was asked and answered.
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
_SECRET_TEXT = re.compile(SECRET, re.ASCII)


def undeclared_keys(record: Iterable[str], stream: Stream) -> list[str]:
    """Return those of the top-level keys of records that nobody declared and that may be kept, sorted.

    One that differs from another in case only is not kept: to DuckDB both would be one column.
    """
    known = {field.path.partition(".")[0] for field in stream.fields} | {PAGE, *stream.embedded}
    known |= {path.partition(".")[0] for path in stream.dropped}
    taken = {key.casefold() for key in known} | CONTENT
    kept: dict[str, str] = {}
    for key in sorted(record):
        if key.casefold() not in taken:
            kept.setdefault(key.casefold(), key)
    return list(kept.values())[:MOST_FIELDS]


def text_of(found: dict[str, Any]) -> str | None:
    """Return the values as the JSON text that SQL makes of them, or None if there are none."""
    shown = []
    for key in sorted(found):
        written = json.dumps(found[key], ensure_ascii=False, separators=(",", ":"))
        if len(written) > LONGEST_VALUE:
            written = json.dumps(written[:LONGEST_VALUE], ensure_ascii=False)
        if found[key] is not None:
            shown.append(f"{json.dumps(key, ensure_ascii=False)}:{_SECRET_TEXT.sub('[secret]', written)}")
    return "{" + ",".join(shown) + "}" if shown else None


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


def _object(members: list[tuple[str, str]]) -> str:
    if not members:
        return "cast(null as varchar)"
    shown = ", ".join(
        f"case when {value} is not null then concat({literal(json.dumps(key, ensure_ascii=False) + ':')},"
        f" regexp_replace(case when length(cast({value} as varchar)) > {LONGEST_VALUE}"
        f" then cast(to_json(left(cast({value} as varchar), {LONGEST_VALUE})) as varchar)"
        f" else cast({value} as varchar) end, {literal(SECRET)}, '[secret]', 'g')) end"
        for key, value in members
    )
    return f"nullif(concat('{{', concat_ws(',', {shown}), '}}'), '{{}}')"
