"""One line of a landing file, parsed by the letter, reduced to the fields its stream declares.

Every number keeps its literal text. What a parser usually forgives is refused: duplicate keys (others keep
the first or the last), NaN and infinities, lone surrogates, bytes that are not UTF-8. A fault counts where a
declared field is touched; what happens inside dropped content is nobody's money.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from ingestion.dialects.shape import Field, Stream

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LEAP_SECOND = re.compile(r"(T\d\d:\d\d):60((?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)$")
#: Python refuses to convert integers of some thousand digits.
_LONGEST_INTEGER = 4000
_BYTE_ORDER_MARK = "\ufeff"


class BadLine(ValueError):
    """A line that cannot become a row: `reason` is a code of `rejects.REASONS`, `field` the path at fault or
    ''.
    """

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason, field)
        self.reason = reason
        self.field = field


class _Number(str):
    """The literal text of a JSON number."""


class _NotFinite(str):
    """NaN, Infinity or -Infinity, which are not JSON."""


class _Object(dict):
    """A JSON object that remembers which keys it had twice."""

    twice: frozenset[str] = frozenset()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        found.twice = frozenset(key for key in keys if keys.count(key) > 1)
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_Number, parse_float=_Number, parse_constant=_NotFinite, strict=True
)


def parse(line: bytes) -> dict[str, Any]:
    """Parse one line into an object.

    Raises:
        BadLine: it is not UTF-8, not JSON, not an object, or holds a lone surrogate.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise BadLine("invalid_utf8") from None
    try:
        record = _DECODER.decode(text.lstrip(_BYTE_ORDER_MARK).strip(" \t\r\n\v\f"))
    except (ValueError, RecursionError):
        raise BadLine("malformed_json") from None
    if not isinstance(record, _Object):
        raise BadLine("not_an_object")
    if _SURROGATE.search(text):
        try:
            json.dumps(record, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise BadLine("lone_surrogate") from None
    return record


def starts_with_byte_order_mark(line: bytes) -> bool:
    """Tell whether the line begins with the three bytes some editors put before UTF-8 text."""
    return line.startswith(_BYTE_ORDER_MARK.encode())


def opened(record: dict[str, Any], stream: Stream) -> dict[str, Any]:
    """Return the record with JSON that stands in it as text opened, where the stream says so.

    Where an object should be, gateways also write nothing, `null`, a list or a number: no object, and no fault.

    Raises:
        BadLine: such a text is no JSON.
    """
    for key in stream.embedded:
        value = record.get(key)
        if value is None or isinstance(value, dict):
            continue
        if key in getattr(record, "twice", ()):
            raise BadLine("duplicate_key", key)
        if isinstance(value, _NotFinite):
            raise BadLine("wrong_type", key)
        record[key] = (
            _opened(value, key) if isinstance(value, str) and not isinstance(value, _Number) else None
        )
    return record


def _opened(text: str, key: str) -> dict[str, Any] | None:
    if not text.strip(" "):
        return None
    try:
        return parse(text.encode("utf-8"))
    except BadLine as fault:
        if fault.reason == "not_an_object":
            return None
        raise BadLine(fault.reason if fault.reason == "lone_surrogate" else "malformed_json", key) from None


def flat_record(cells: dict[str, str | None], stream: Stream) -> dict[str, Any]:
    """Return cells by name as a record like a parsed one.

    Raises:
        BadLine: a cell that should be JSON is none.
    """
    return opened(_Object(cells), stream)


def declared_values(record: dict[str, Any], stream: Stream) -> dict[str, Any]:
    """Return the declared fields as nested JSON whose leaves are text (or true/false/null).

    Raises:
        BadLine: a declared key stands twice, an object is something else, or a value is no value of its kind.
    """
    kept: dict[str, Any] = {}
    for field, keys in stream.places:
        value = _value_at(record, field, keys)
        if value is None:
            continue
        *folders, leaf = keys
        node = kept
        for folder in folders:
            node = node.setdefault(folder, {})
        node[leaf] = _as_text(value, field)
    return kept


def _value_at(record: dict[str, Any], field: Field, keys: tuple[str, ...]) -> Any:
    node: Any = record
    for part in keys:
        if node is None:
            return None
        if not isinstance(node, _Object):
            raise BadLine("wrong_type", field.path.rpartition(".")[0])
        if part in node.twice:
            raise BadLine("duplicate_key", field.path)
        node = node.get(part)
    return node


def _as_text(value: Any, field: Field) -> str:
    kind = field.kind.name
    if isinstance(value, _NotFinite):
        raise BadLine("non_finite_number", field.path)
    if isinstance(value, (dict, list)):
        if kind != "text" or field.mandatory:
            raise BadLine("wrong_type", field.path)
        return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, bool):
        if kind not in ("flag", "text"):
            raise BadLine("wrong_type", field.path)
        return "true" if value else "false"
    if isinstance(value, _Number):
        if kind in ("flag", "time"):
            raise BadLine("wrong_type", field.path)
        return json.dumps(plain(value)) if kind == "text" else _positional(value)
    if kind == "time":
        return _rfc3339(value)
    return _positional(value) if kind == "decimal" else value


def _positional(number: str) -> str:
    """Return a number without exponent; SQL loses those with more digits before it than the column holds."""
    if "e" not in number and "E" not in number:
        return number
    try:
        value = Decimal(number)
    except InvalidOperation:
        return number
    return format(value, "f") if value.is_finite() and -60 < value.adjusted() < 40 else number


def plain(value: Any) -> Any:
    """Return a value with its numbers as Python's, which print as the bulk read's do."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, _Number):
        is_integer = value.lstrip("-").isdigit() and len(value) <= _LONGEST_INTEGER
        return int(value) if is_integer else float(value)
    return value


def _rfc3339(text: str) -> str:
    """Return a time as SQL takes it: capital T and Z, a leap second as the second before."""
    return _LEAP_SECOND.sub(r"\1:59\2", text.upper())


def value_in(record: Any, keys: tuple[str, ...]) -> Any:
    """Return what keys lead to, None if there is nothing."""
    for key in keys:
        if not isinstance(record, dict):
            return None
        record = record.get(key)
    return record


def paths(record: Any, prefix: str = "") -> set[str]:
    """Return the dotted paths of all values of an object; a list is one value."""
    found: set[str] = set()
    for key, value in record.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            found |= paths(value, f"{path}.")
        else:
            found.add(path)
    return found


def undeclared(found: Iterable[str], stream: Stream) -> set[str]:
    """Return those of the paths that the stream neither declares nor drops on purpose."""
    known = {field.path for field in stream.fields}
    dropped = set(stream.dropped)
    return {path for path in found if not _covered(path, known, dropped)}


def _covered(path: str, known: set[str], dropped: set[str]) -> bool:
    parts = path.split(".")
    above = {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
    if above & (known | dropped):
        return True
    # An object that is null or empty here and has declared fields elsewhere is not new.
    return any(name.startswith(f"{path}.") for name in known)
