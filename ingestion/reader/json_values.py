"""JSON values that keep their text: numbers their digits, objects their duplicate keys.

`parsed` reads a text, `written` writes it again as JSON for DuckDB, which accepts a little more than the standard: a
comma before a closing bracket, and NaN and infinities in any case.
"""

from __future__ import annotations

import json
import re
from typing import Any

#: A short line with few brackets is parsed whole; of others lists and what is below this level stay text.
_SHORT, _FEW_BRACKETS, _DEEPEST_PARSED = 1 << 20, 100, 50
_SPACE = re.compile(r"[ \t\r\n]*")
_ATOM = re.compile(
    r"(?P<word>true|false|null)|(?P<finite>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)"
    r"|-?(?i:nan|inf(?:inity)?)"
)
_WORDS = {"true": True, "false": False, "null": None}
_CLOSING = {"{": "}", "[": "]"}
_string = json.decoder.scanstring


class NotJson(ValueError):
    """The text breaks off or is no JSON."""


class Number(str):
    """The literal text of a JSON number."""

    __slots__ = ()


class NotFinite(str):
    """The literal text of NaN, Infinity or -Infinity, which are not JSON."""

    __slots__ = ()


class Raw(str):
    """The text of an object or a list that was not parsed."""

    __slots__ = ()


class Object(dict):
    """A JSON object that keeps its duplicate keys and, if there are any, all its members."""

    twice: frozenset[str] = frozenset()
    members: tuple[tuple[str, Any], ...] = ()

    def __init__(self, members: list[tuple[str, Any]]) -> None:
        super().__init__(members)
        if len(self) != len(members):
            seen: set[str] = set()
            self.twice = frozenset(key for key, _ in members if key in seen or seen.add(key))
            self.members = tuple(members)


_DECODER = json.JSONDecoder(
    object_pairs_hook=Object, parse_int=Number, parse_float=Number, parse_constant=NotFinite, strict=True
)


def parsed(text: str) -> Any:
    """Return the value of a JSON text without white space around it.

    Objects become `Object`, numbers `Number` or `NotFinite`; of large texts, lists and what is deep inside `Raw`.

    Raises:
        NotJson: the text is not JSON.
    """
    if len(text) <= _SHORT and text.count("{") + text.count("[") <= _FEW_BRACKETS:
        try:
            return _DECODER.decode(text)
        except ValueError:
            # It may still be valid for DuckDB.
            pass
    return _Scan(text).value()


def written(value: Any) -> str:
    """Return the JSON text of a value, exactly as DuckDB would have read it."""
    if isinstance(value, (Number, NotFinite, Raw)):
        return str(value)
    if isinstance(value, dict):
        members = getattr(value, "members", ()) or value.items()
        inner = ",".join(f"{json.dumps(key, ensure_ascii=False)}:{written(one)}" for key, one in members)
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    return json.dumps(value, ensure_ascii=False)


class _Level:
    """An object or a list that is not closed yet."""

    __slots__ = ("closing", "key", "members", "start")

    def __init__(self, opening: str, start: int, *, is_kept: bool) -> None:
        self.closing, self.start = _CLOSING[opening], start
        self.members: list[tuple[str, Any]] | None = [] if is_kept and opening == "{" else None
        self.key = ""


class _Scan:
    """Reads a text once from the left, without recursion."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.open: list[_Level] = []

    def value(self) -> Any:
        while True:
            self._space()
            char = self._char()
            if char in _CLOSING:
                if not self._opens(char):
                    continue
                found = self._closed()
            else:
                found = self._scalar(char)
            while self.open:
                if self._goes_on(found):
                    break
                found = self._closed()
            else:
                if self.at != len(self.text):
                    raise NotJson("text after the value")
                return found

    def _opens(self, char: str) -> bool:
        """Open a level; return whether it is empty, so that it is closed next."""
        is_kept = len(self.open) < _DEEPEST_PARSED and all(
            level.members is not None for level in self.open[-1:]
        )
        self.open.append(_Level(char, self.at, is_kept=is_kept))
        self.at += 1
        self._space()
        if self._char() == self.open[-1].closing:
            return True
        self._key()
        return False

    def _goes_on(self, found: Any) -> bool:
        """Add a value to the innermost level; return whether another follows, else the level closes here."""
        level = self.open[-1]
        if level.members is not None:
            level.members.append((level.key, found))
        self._space()
        if self._char() == ",":
            self.at += 1
            self._space()
            if self._char() != level.closing:
                self._key()
                return True
        if self._char() != level.closing:
            raise NotJson(f"expected , or {level.closing} at {self.at}")
        return False

    def _closed(self) -> Any:
        """Close the innermost level; return its value."""
        level = self.open.pop()
        self.at += 1
        if level.members is not None:
            return Object(level.members)
        if self.open and self.open[-1].members is None:
            return None
        return Raw(self.text[level.start : self.at])

    def _key(self) -> None:
        level = self.open[-1]
        if level.closing == "]":
            return
        if self._char() != '"':
            raise NotJson(f"expected a key at {self.at}")
        level.key = self._quoted()
        self._space()
        if self._char() != ":":
            raise NotJson(f"expected : at {self.at}")
        self.at += 1

    def _scalar(self, char: str) -> Any:
        if char == '"':
            return self._quoted()
        match = _ATOM.match(self.text, self.at)
        if not match:
            raise NotJson(f"expected a value at {self.at}")
        self.at = match.end()
        if match["word"]:
            return _WORDS[match["word"]]
        return (Number if match["finite"] else NotFinite)(match.group())

    def _quoted(self) -> str:
        try:
            found, self.at = _string(self.text, self.at + 1)
        except ValueError as fault:
            raise NotJson(str(fault)) from None
        return found

    def _space(self) -> None:
        self.at = _SPACE.match(self.text, self.at).end()

    def _char(self) -> str:
        return self.text[self.at : self.at + 1]
