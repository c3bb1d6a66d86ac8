"""Numbers as consoles show them: `1,128`, `$0.0022`, `12 ms`, and `0,0022` where the delimiter is not a comma.

A number that can be read in two ways is a reject, not a guess:

| written | in a count | in an amount, delimiter is a comma | in an amount, other delimiter |
|---|---|---|---|
| `1,128` | 1128 | 1128 | a reject: 1128 or 1.128 |
| `1,128.5`, `1,128,000` | 1128.5 is no count, 1128000 | 1128.5, 1128000 | 1128.5, 1128000 |
| `1.128` | a reject: 1128 or no count | 1.128 | 1.128 |
| `1.128,5`, `1.128.000` | no count, 1128000 | no number, 1128000 | 1128.5, 1128000 |
| `0,0022` | no count | no number | 0.0022 |

The bulk read accepts none of these, so only cells of the careful read come here.

Rulings: docs/decisions/reading.md#reading-4.
"""

from __future__ import annotations

import re
from decimal import Decimal

from ingestion.reader.strict_json import BadLine
from ingestion.streams import Kind

#: Cells that both reads treat alike without this module.
_PLAIN = re.compile(r"\s*[0-9.eE+_-]*\s*")
#: In a count this may mean 1 or 1,000.
_POINT_AND_THREE = re.compile(r"[+-]?\d{1,3}\.\d{3}")
_SHOWN = re.compile(
    r"(?P<sign>[+-]?)\s*(?P<before>US\$|USD|\$)?\s*(?P<second_sign>[+-]?)"
    r"(?P<number>\d[\d.,'’ \u00a0\u202f]*)"
    r"\s*(?P<after>USD|\$|ms|s)?"
)
#: Thousands separated by neither a point nor a comma.
_SPACED = re.compile(r"\d{1,3}(?:['’ \u00a0\u202f]\d{3})+(?=[.,]|$)")
_POINTS = re.compile(r"\d{1,3}(?:\.\d{3}){2,}")
_MANY_GROUPS = re.compile(rf"[+-]?{_POINTS.pattern}")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")
_THOUSANDS_AND_POINT = re.compile(r"\d{1,3}(?:,\d{3})+\.\d*")
_THOUSANDS_AND_COMMA = re.compile(r"\d{1,3}(?:\.\d{3})+,\d*")
_DECIMAL_COMMA = re.compile(r"\d+,\d+")
_DECIMAL_POINT = re.compile(r"\d+\.?\d*")
_UNITS = {"": ("",), "usd": ("", "US$", "USD", "$"), "ms": ("", "ms", "s")}


def plain(cell: str, kind: Kind, delimiter: str, path: str) -> str:
    """Return the number in a cell of a numeric column in plain digits; any other cell unchanged.

    Args:
        cell: As written.
        kind: The column's.
        delimiter: The file's.
        path: The field's.

    Raises:
        BadLine: it can be read in two ways.
    """
    if kind.name not in ("integer", "tokens", "decimal"):
        return cell
    if _PLAIN.fullmatch(cell):
        if kind.name != "decimal" and _POINT_AND_THREE.fullmatch(cell.strip()):
            raise BadLine("ambiguous_number", path)
        if not _MANY_GROUPS.fullmatch(cell.strip()):
            return cell
    shown = _SHOWN.fullmatch(cell.strip())
    if not shown or (shown["sign"] and shown["second_sign"]):
        return cell
    before, after = shown["before"] or "", shown["after"] or ""
    if (before and after) or not {before, after} <= set(_UNITS[kind.unit]):
        return cell
    number = _digits(shown["number"].rstrip(), kind, delimiter, path)
    if number is None:
        return cell
    if after == "s":
        number = format(Decimal(number) * 1000, "f")
    sign = "-" if "-" in (shown["sign"], shown["second_sign"]) else ""
    return sign + number


def _digits(text: str, kind: Kind, delimiter: str, path: str) -> str | None:
    """Return a number of digits, points, commas and spaces in plain digits; None if it is no number.

    Raises:
        BadLine: it can be read in two ways.
    """
    text = _SPACED.sub(lambda spaced: re.sub(r"\D", "", spaced.group()), text)
    if _DECIMAL_POINT.fullmatch(text):
        return text
    if _POINTS.fullmatch(text):
        return text.replace(".", "")
    if _THOUSANDS_AND_POINT.fullmatch(text):
        return text.replace(",", "")
    if _THOUSANDS.fullmatch(text):
        if kind.name == "decimal" and delimiter != "," and text.count(",") == 1:
            raise BadLine("ambiguous_number", path)
        return text.replace(",", "")
    if delimiter == ",":
        return None
    if _THOUSANDS_AND_COMMA.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else None
