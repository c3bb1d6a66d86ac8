"""A YAML file that a person wrote, checked by a model; every fault is `file:line: key: what; write …`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ingestion.sources.strict_yaml import YamlError, load_yaml

Content = TypeVar("Content", bound=BaseModel)
#: Keys and positions in lists from the top of a file: ("columns", 2).
Where = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlFile(Generic[Content]):
    """A checked file.

    Attributes:
        place: the file as people know it, such as `reports/spend.yml`.
        content: what it says.
        lines: line of every key and list entry.
    """

    place: str
    content: Content
    lines: Mapping[Where, int]

    def fault(self, where: Where, what: str) -> str:
        """Return a fault of one key."""
        return f"{self.place}:{_line(self.lines, where)}: {_key(where)}{what}"

    def unknown(self, where: Where, name: str, what: str, known: list[str]) -> str:
        """Return the fault that a name is not one of those there are, with what was perhaps meant."""
        near = get_close_matches(name, known, n=3) or sorted(known)[:8]
        return self.fault(where, f"{name!r} is not {what}; write for example {', '.join(near)}")


def read(path: Path, place: str, model: type[Content], faults: list[str]) -> YamlFile[Content] | None:
    """Read a file; its faults are added to `faults`, and then there is no result."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = load_yaml(text)
    except (OSError, UnicodeDecodeError, YamlError) as error:
        faults.append(f"{place}: {error}")
        return None
    lines = dict(_lines(yaml.compose(text, Loader=yaml.SafeLoader)))
    try:
        return YamlFile(place, model.model_validate(content), lines)
    except ValidationError as error:
        for fault in error.errors():
            where = fault["loc"]
            faults.append(f"{place}:{_line(lines, where)}: {_key(where)}{_reason(fault, model)}")
        return None


def _lines(node: yaml.Node | None, path: Where = ()) -> Iterator[tuple[Where, int]]:
    """Yield path and line of every key and list entry of a document."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*path, key.value), key.start_mark.line + 1
            yield from _lines(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield (*path, place), value.start_mark.line + 1
            yield from _lines(value, (*path, place))


def _line(lines: Mapping[Where, int], where: Where) -> int:
    """Return the line of a path, or of the innermost part of it that the file has."""
    while where and where not in lines:
        where = where[:-1]
    return lines.get(where, 1)


def _key(where: Where) -> str:
    """Write a path as people do, `columns[2]: `; nothing for the whole document."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).removeprefix(".")
    return f"{text}: " if text else ""


def _reason(fault: Mapping[str, Any], model: type[BaseModel]) -> str:
    """Write a fault of a key, with what to write instead."""
    match fault["type"]:
        case "extra_forbidden":
            return "is not a key that is known here; see docs/exports.md"
        case "missing":
            return "is missing; write it"
        case "string_pattern_mismatch":
            return f"{fault['input']!r} is not a name; write small letters, digits, - and _"
        case "model_type" | "model_attributes_type":
            return f"write keys and values: {', '.join(model.model_fields)}"
        case "value_error":
            return str(fault["ctx"]["error"])
    return f"{re.sub('^Input', 'it', fault['msg'])}, not {fault['input']!r}"
