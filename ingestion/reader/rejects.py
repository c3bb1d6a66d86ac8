"""Lines that could not become rows: why, where, and as much of their text as may be shown.

Rejects are Parquet beside raw, one file per landing file that has any. Prompt and answer text and anything
that looks like a key stays out of them.

Rulings: docs/decisions/secrets.md#secrets-1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ingestion.files import whole
from ingestion.reader.sql import Reading
from ingestion.redaction import masked, shown_name
from ingestion.streams import Stream

#: Every reason a line can be rejected for, with its message; {field} is the field at fault.
REASONS = {
    "malformed_json": "The line is not valid JSON.",
    "truncated_line": "The file ends in the middle of this line.",
    "truncated_archive": "The compressed file ends too early; what came before was read. Deliver it again.",
    "damaged_archive": "The compressed file is damaged from here on. Deliver it again.",
    "trailing_garbage": "Other bytes follow the compressed data, which was read. Deliver the file again.",
    "archive_too_large": "The compressed file unpacks to far more than logs do, and nothing of it was read. Deliver it"
    " unpacked, or allow more with TOLLBOOK_UNPACK_RATIO.",
    "unknown_file_type": "The file's name does not end in a suffix this stream can read: {field}.",
    "not_a_regular_file": "The landing entry is a link or a device, not a file.",
    "line_too_long": "The line is longer than 64 MiB.",
    "invalid_utf8": "The line is not UTF-8 text.",
    "lone_surrogate": "The line holds half of a surrogate pair, which is no character.",
    "not_an_object": "The line is JSON, but not an object.",
    "duplicate_key": "The key {field} occurs twice, so its value is ambiguous.",
    "missing_field": "The mandatory field {field} is missing or empty.",
    "wrong_type": "The field {field} holds a value of another type than declared.",
    "ambiguous_number": "The field {field} can be read as two numbers: its separator may be decimal or for thousands.",
    "non_finite_number": "The field {field} is NaN or infinite.",
    "integer_out_of_range": "The field {field} is an integer too large to be a count.",
    "token_count_out_of_range": "The field {field} is negative, or larger than one call can be.",
    "money_out_of_range": "The field {field} is an amount too large to be true.",
    "invalid_time": "The field {field} is not a time.",
    "time_out_of_range": "The field {field} lies outside 2015 to 2100; is it milliseconds read as seconds?",
    "missing_column": "The header lacks the mandatory column {field} (the delimiter may be , ; | or tab); the file"
    " was not read.",
    "duplicate_column": "The header has the column {field} twice; the file was not read.",
    "too_many_columns": "The header has more than 1,000 columns; the file was not read.",
    "malformed_csv": "The quotes of the line do not follow RFC 4180.",
    "wrong_cell_count": "The line has more or fewer cells than the header.",
    "malformed_event": "The line is not a line of an event stream.",
    "malformed_page": "The body is not whole JSON: an error page, or a cut transfer. Fetch it again.",
    "empty_page": "The body is empty. Fetch it again.",
    "page_too_long": "The body is longer than 128 MiB.",
    "refused_by_api": "The body is the API's refusal, not data; see its message, then fetch it again.",
    "no_records": "The body has no records at {field}.",
    "unknown_status": "The field {field} is not one of the statuses this gateway is known to send.",
}

EXCERPT_LENGTH = 300

_SCHEMA = {
    "source": pl.String,
    "stream": pl.String,
    "delivered_on": pl.Date,
    "raw_file": pl.String,
    "raw_line": pl.Int64,
    "reason": pl.String,
    "detail": pl.String,
    "excerpt": pl.String,
}

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)("?)(\s*:)?')
#: A value that is a name and no prose.
_NAME = re.compile(r"[^\s\\]{0,100}")
_OUTSIDE = re.compile(r"[^\s\d{}\[\],:.eE+\-]+")


@dataclass(frozen=True)
class Reject:
    """One line that is not in raw. `line` counts from 1; `field` is the path at fault, or ''."""

    line: int
    reason: str
    field: str
    excerpt: str


def redacted(line: bytes, stream: Stream) -> str:
    """Return what may be shown of a line: structure, keys, numbers and the values of declared fields.

    Text that is not JSON could be part of a prompt; only the beginning of a markup page is shown.
    """
    text = line[: 8 * EXCERPT_LENGTH].decode("utf-8", errors="replace").strip("\ufeff \t\r\n")
    if text.startswith("<"):
        shown = text[:80]
    elif not text.startswith(("{", "[")):
        return f"[{len(line)} bytes that are not JSON]"
    else:
        shown = _structure(text, {field.path.rpartition(".")[2] for field in stream.fields})
    return masked(shown)[:EXCERPT_LENGTH]


def _structure(text: str, safe: set[str]) -> str:
    pieces: list[str] = []
    end = 0
    key = ""
    for match in _STRING.finditer(text):
        between = text[end : match.start()]
        pieces.append(_OUTSIDE.sub(_word, between))
        content, closed, colon = match.groups()
        if "}" in between or "," in between:
            key = ""
        if colon:
            key = content
            pieces.append(match.group() if key in safe or shown_name(key) == key else '"…":')
        elif key in safe and closed and _NAME.fullmatch(content):
            pieces.append(match.group())
        else:
            pieces.append('"…"')
        end = match.end()
    pieces.append(_OUTSIDE.sub(_word, text[end:]))
    return "".join(pieces)


def _word(match: re.Match[str]) -> str:
    word = match.group()
    return word if word in ("true", "false", "null", "NaN", "Infinity") else "…"


def _detail(reject: Reject) -> str:
    if reject.reason == "malformed_json" and reject.field:
        return f"The text of the field {reject.field} is not a JSON object."
    # Only a duplicate key is named by the file; all other names are declared here.
    named = shown_name(reject.field) if reject.reason == "duplicate_key" else reject.field
    return REASONS[reject.reason].format(field=named)


def write(target: Path, rejects: list[Reject], reading: Reading) -> None:
    """Write the rejects of one landing file, in line order."""
    rows = [
        {
            "source": reading.source,
            "stream": reading.stream.name,
            "delivered_on": reading.delivered_on,
            "raw_file": reading.raw_file,
            "raw_line": reject.line,
            "reason": reject.reason,
            "detail": _detail(reject),
            "excerpt": reject.excerpt,
        }
        for reject in sorted(rejects, key=lambda reject: reject.line)
    ]
    with whole(target) as temporary:
        pl.DataFrame(rows, schema=_SCHEMA).write_parquet(temporary)
