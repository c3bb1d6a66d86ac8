"""One line of a landing file, parsed strictly, reduced to the fields its stream declares.

Every number keeps its literal text. What parsers usually accept is refused: duplicate keys (others keep the first or
the last), NaN and infinities where a number belongs, lone surrogates, bytes that are not UTF-8. A fault counts only
where it affects a declared field; faults inside dropped content are ignored.

Rulings: docs/decisions/reading.md#reading-2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from ingestion.reader import json_values
from ingestion.reader.json_values import NotFinite, NotJson, Number, Object, Raw
from ingestion.streams import Field, Stream

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LEAP_SECOND = re.compile(r"(T\d\d:\d\d):60((?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)$")
_BYTE_ORDER_MARK = "\ufeff"
#: Undeclared fields nested deeper are not named.
_DEEPEST_NAME = 10


class BadLine(ValueError):
    """A line that cannot become a row: `reason` is a code of `rejects.REASONS`, `field` the path at fault or
    ''.
    """

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason, field)
        self.reason = reason
        self.field = field


def parse(line: bytes) -> Object:
    """Parse one line into an object.

    Raises:
        BadLine: it is not UTF-8, not JSON, not an object, or holds a lone surrogate.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise BadLine("invalid_utf8") from None
    try:
        record = json_values.parsed(text.lstrip(_BYTE_ORDER_MARK).strip(" \t\r\n\v\f"))
    except NotJson:
        raise BadLine("malformed_json") from None
    if not isinstance(record, Object):
        raise BadLine("not_an_object")
    if _SURROGATE.search(text) and _has_lone_surrogate(text):
        raise BadLine("lone_surrogate")
    return record


def _has_lone_surrogate(text: str) -> bool:
    high, end = False, 0
    for escape in _ESCAPE.finditer(text):
        code = int(escape[1] or "0", 16)
        follows = high and escape.start() == end
        if (0xDC00 <= code < 0xE000) != follows or high != follows:
            return True
        high, end = 0xD800 <= code < 0xDC00, escape.end()
    return high


def starts_with_byte_order_mark(line: bytes) -> bool:
    """Return whether the line begins with the three bytes some editors put before UTF-8 text."""
    return line.startswith(_BYTE_ORDER_MARK.encode())


def opened(record: dict[str, Any], stream: Stream) -> dict[str, Any]:
    """Return the record with its embedded JSON texts parsed, where the stream declares them.

    Instead of an object gateways also write nothing, `null`, a list or a number: no object, and no fault.

    Raises:
        BadLine: such a text is no JSON.
    """
    for key in stream.embedded:
        value = record.get(key)
        if value is None or isinstance(value, dict):
            continue
        if key in getattr(record, "twice", ()):
            raise BadLine("duplicate_key", key)
        if isinstance(value, NotFinite):
            raise BadLine("wrong_type", key)
        is_text = isinstance(value, str) and not isinstance(value, (Number, Raw))
        record[key] = _opened(value, key) if is_text else None
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
        BadLine: a cell that should be JSON is not.
    """
    return opened(Object(list(cells.items())), stream)


def declared_values(record: dict[str, Any], stream: Stream) -> dict[str, Any]:
    """Return the declared fields as nested JSON; leaves are what the careful form of `sql` reads as text.

    Raises:
        BadLine: a declared key occurs twice, an object is something else, or a value is not of its kind.
    """
    kept: dict[str, Any] = {}
    for field, keys in stream.places:
        value = _value_at(record, field, keys, is_loose=keys[0] in stream.loose)
        if value is None:
            continue
        *folders, leaf = keys
        node = kept
        for folder in folders:
            node = node.setdefault(folder, {})
        node[leaf] = _as_text(value, field)
    return kept


def _value_at(record: dict[str, Any], field: Field, keys: tuple[str, ...], *, is_loose: bool) -> Any:
    node: Any = record
    for part in keys:
        if node is None:
            return None
        if not isinstance(node, Object):
            if is_loose:
                return None
            raise BadLine("wrong_type", field.path.rpartition(".")[0])
        if part in node.twice:
            raise BadLine("duplicate_key", field.path)
        node = node.get(part)
    return node


def _as_text(value: Any, field: Field) -> Any:
    """Return what DuckDB reads as the text of a value: the value itself if DuckDB can make that text."""
    kind = field.kind.name
    if kind == "text":
        if field.mandatory and isinstance(value, NotFinite):
            raise BadLine("non_finite_number", field.path)
        if field.mandatory and isinstance(value, (dict, list, Raw)):
            raise BadLine("wrong_type", field.path)
        return value
    if isinstance(value, NotFinite):
        raise BadLine("non_finite_number", field.path)
    if isinstance(value, (dict, list, Raw)) or (isinstance(value, bool) and kind != "flag"):
        raise BadLine("wrong_type", field.path)
    if kind == "flag":
        return value
    if kind == "time":
        if isinstance(value, Number):
            raise BadLine("wrong_type", field.path)
        return _rfc3339(value)
    return str(value) if kind == "epoch" else _positional(value, kind)


def _positional(number: str, kind: str) -> str:
    """Return a number without exponent, and a count without a zero fraction; SQL would round them."""
    if number.isdigit() or (kind == "decimal" and "e" not in number and "E" not in number):
        return str(number)
    try:
        value = Decimal(number)
    except InvalidOperation:
        return str(number)
    if not value.is_finite() or not -60 < value.adjusted() < 40:
        return str(number)
    return f"{value:.0f}" if kind != "decimal" and value == value.to_integral_value() else f"{value:f}"


def _rfc3339(text: str) -> str:
    """Return a time as SQL takes it: capital T and Z, a leap second as the second before."""
    return _LEAP_SECOND.sub(r"\1:59\2", text.upper())


def value_in(record: Any, keys: tuple[str, ...]) -> Any:
    """Return the value at a path of keys, None if there is none."""
    for key in keys:
        if not isinstance(record, dict):
            return None
        record = record.get(key)
    return record


def paths(record: Any, prefix: str = "", depth: int = 1) -> set[str]:
    """Return the dotted paths of all values of an object; a list is one value, and so is what is deep inside."""
    found: set[str] = set()
    for key, value in record.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and value and depth < _DEEPEST_NAME:
            found |= paths(value, f"{path}.", depth + 1)
        else:
            found.add(path)
    return found


def places(record: dict[str, Any], above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Return the path of keys to each value of an object, including nested objects."""
    found: set[tuple[str, ...]] = set()
    for key, value in record.items():
        found.add((*above, key))
        if isinstance(value, dict):
            found |= places(value, (*above, key))
    return found


def undeclared(found: Iterable[str], stream: Stream) -> set[str]:
    """Return the paths that the stream neither declares nor drops on purpose."""
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
