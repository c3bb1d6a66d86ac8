"""Where the values of a JSON text begin and end, so that a record can be cut out of it as text.

Numbers keep their digits and keys their order: nothing here builds the records it passes over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

#: Numbers stay text, of any length.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_STRING = json.decoder.scanstring
_SPACE = re.compile(r"[ \t\r\n]*")


#: Longest token that is invalid until it is complete: an escape, or a name such as -Infinity.
_LONGEST_TOKEN = 16


class NotJson(ValueError):
    """The text breaks off or is no JSON.

    Attributes:
        at: Offset of the fault.
        may_go_on: The text may be valid up to here and continue.
    """

    def __init__(self, what: str, at: int = 0, *, may_go_on: bool = False) -> None:
        super().__init__(what)
        self.at, self.may_go_on = at, may_go_on


def after_space(text: str, at: int) -> int:
    """Return the first offset from `at` on that is not white space."""
    return _SPACE.match(text, at).end()


def end_of_value(text: str, at: int) -> int:
    """Return the offset after the value that begins at `at`.

    Raises:
        NotJson: there is none.
    """
    try:
        return _DECODER.raw_decode(text, at)[1]
    except json.JSONDecodeError as fault:
        is_open = fault.msg.startswith("Unterminated string") or len(text) - fault.pos < _LONGEST_TOKEN
        raise NotJson(str(fault), fault.pos, may_go_on=is_open) from None
    except RecursionError as fault:
        raise NotJson(str(fault), at) from None


def members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Yield (key, start, end) of the members of the object that begins at `at`.

    Raises:
        NotJson: the object is not whole.
    """
    yield from _entries(text, at, "}", has_keys=True)


def elements(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Yield ('', start, end) of the elements of the list that begins at `at`.

    Raises:
        NotJson: the list is not whole.
    """
    yield from _entries(text, at, "]", has_keys=False)


def _entries(text: str, at: int, closing: str, *, has_keys: bool) -> Iterator[tuple[str, int, int]]:
    at = after_space(text, at + 1)
    if text[at : at + 1] == closing:
        return
    while True:
        key = ""
        if has_keys:
            key, at = _key(text, at)
        end = end_of_value(text, at)
        yield key, at, end
        at = after_space(text, end)
        separator = text[at : at + 1]
        if separator == closing:
            return
        if separator != ",":
            raise NotJson(f"expected , or {closing} at {at}")
        at = after_space(text, at + 1)


def _key(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] != '"':
        raise NotJson(f"expected a key at {at}")
    try:
        key, at = _STRING(text, at + 1)
    except ValueError as fault:
        raise NotJson(str(fault)) from None
    at = after_space(text, at)
    if text[at : at + 1] != ":":
        raise NotJson(f"expected : at {at}")
    return key, after_space(text, at + 1)
