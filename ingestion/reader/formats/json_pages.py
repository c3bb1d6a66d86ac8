"""The records of one API body, cut out as text.

A body without records (a refusal, another answer) is one fault. Knows the path to the records, not what they mean.
"""

from __future__ import annotations

import json
from pathlib import Path

from ingestion.reader.formats import json_text
from ingestion.reader.formats.json_text import NotJson
from ingestion.streams import PAGE, Format

LONGEST_BODY = 128 << 20
_BYTE_ORDER_MARK = "\ufeff"


class BadPage(ValueError):
    """A body without records; `reason` is a code of `rejects.REASONS`."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason, field)
        self.reason = reason
        self.field = field


def has_field(body: Path, name: str) -> bool:
    """Return whether a body is an object with this field; one that cannot be read has none."""
    if body.stat().st_size > LONGEST_BODY:
        return False
    try:
        text = body.read_bytes().decode("utf-8").lstrip(_BYTE_ORDER_MARK)
        start = json_text.after_space(text, 0)
        return text[start : start + 1] == "{" and any(
            key == name for key, *_ in json_text.members(text, start)
        )
    except (UnicodeDecodeError, NotJson):
        return False


def records(value: str, form: Format) -> list[str]:
    """Return the records of a whole JSON value.

    Raises:
        BadPage: it holds no page of this format.
    """
    refusal = _refusal(value)
    for path in (form.records, *form.also):
        try:
            found = _records(value, 0, len(value), path.split("."), form.around, {})
        except LookupError:
            continue
        if refusal and not found:
            break
        return found
    raise BadPage(refusal or "no_records", form.records)


def _refusal(text: str) -> str:
    """Return a reason if the body is an error: `success` is false, or there is an `error`."""
    if not text.startswith("{"):
        return ""
    for key, start, end in json_text.members(text, 0):
        value = text[start:end]
        if (key == "success" and value == "false") or (
            key == "error" and value not in ("null", '""', "false")
        ):
            return "refused_by_api"
    return ""


def _records(
    text: str, start: int, end: int, path: list[str], around: tuple[str, ...], found: dict[str, str]
) -> list[str]:
    """Return the texts of all records at a path below a value.

    Raises:
        LookupError: the path does not lead to objects or lists.
    """
    opening = text[start]
    if opening == "[":
        return [
            record
            for _, inner, after in json_text.elements(text, start)
            for record in _records(text, inner, after, path, around, found)
        ]
    if not path:
        if text[start:end] == "null":
            return []
        return [_with_page(text[start:end], found)]
    if opening != "{":
        raise LookupError(path[0])
    spans = {key: (inner, after) for key, inner, after in json_text.members(text, start)}
    found = {**found, **{name: text[slice(*spans[name])] for name in around if name in spans}}
    return _records(text, *spans[path[0]], path[1:], around, found)


def _with_page(record: str, found: dict[str, str]) -> str:
    if not found or not record.startswith("{"):
        return record
    taken = ",".join(f"{json.dumps(name)}:{value}" for name, value in found.items())
    rest = record[1:].lstrip()
    return f'{{"{PAGE}":{{{taken}}}{"" if rest.startswith("}") else ","}{rest}'
