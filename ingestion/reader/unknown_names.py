"""Names of undeclared fields, row by row, in objects that may decide a charge.

A gateway may add a field and charge by it the same day. Its meaning is unknown, but the rows that have it can be shown
with their variance. Only names are kept, never values; their number is limited, and what looks like a key is redacted.
The Python for the careful read and the SQL for the bulk read give the same result.

Rulings: docs/decisions/reading.md#reading-7.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ingestion.duck import literal
from ingestion.redaction import shown_name, shown_name_sql
from ingestion.streams import Stream

#: More names than this in a row, or in a file, are another format or keys that are data.
MOST_NAMES, MOST_OF_FILE = 20, 100


@dataclass(frozen=True)
class Folder:
    """An object whose keys are examined.

    Attributes:
        keys: Its path in a record.
        prefix: Its path below the watched object, put before the names of its keys.
        known: Keys that are declared, or dropped on purpose.
    """

    keys: tuple[str, ...]
    prefix: str
    known: frozenset[str]

    @property
    def json_path(self) -> str:
        """Its path in the JSON text of its embedded field."""
        return "".join(["$", *(f'."{key}"' for key in self.keys[1:])])


@cache
def folders(stream: Stream) -> tuple[Folder, ...]:
    """Return the watched objects of a stream, and those in them that hold declared fields."""
    found = []
    for watched in stream.watched:
        below = f"{watched}."
        dropped = [path for path in stream.dropped if path.startswith(below)]
        declared = [field.path for field in stream.fields if field.path.startswith(below)]
        paths = {watched}
        for path in declared:
            parts = path.split(".")
            paths |= {".".join(parts[:n]) for n in range(watched.count(".") + 1, len(parts))}
        for path in sorted(paths):
            if any(f"{path}.".startswith(f"{whole}.") for whole in dropped):
                continue
            inner = f"{path}."
            known = {p[len(inner) :].split(".")[0] for p in (*declared, *dropped) if p.startswith(inner)}
            found.append(Folder(tuple(path.split(".")), inner[len(below) :], frozenset(known)))
    return tuple(found)


def shown(names: Iterable[str]) -> list[str]:
    """Return the undeclared names of a file to report: sorted, limited, with the number of those left out."""
    found = sorted({shown_name(name) for name in names})
    more = len(found) - MOST_OF_FILE
    return found if more <= 0 else [*found[:MOST_OF_FILE], f"… and {more:,} more"]


def of_record(record: Mapping[str, Any], stream: Stream) -> str | None:
    """Return the undeclared names of a record whose embedded JSON is open, sorted and joined by commas, or None."""
    names = set()
    for folder in folders(stream):
        node: Any = record
        for key in folder.keys:
            node = node.get(key) if isinstance(node, dict) else None
        if isinstance(node, dict):
            names |= {folder.prefix + key for key in node if key not in folder.known}
    return _shown(names)


def are_known(
    stream: Stream, key: str, json_paths: Sequence[str], keys: Sequence[Iterable[str] | None]
) -> bool:
    """Return whether all keys of a text's watched objects are known, from the keys of the objects at some paths."""
    at = dict(zip(json_paths, keys, strict=True))
    return all(
        set(at.get(folder.json_path) or ()) <= folder.known
        for folder in folders(stream)
        if folder.keys[0] == key
    )


def in_sql(stream: Stream, key: str, text: str) -> str:
    """Return the SQL of `of_record`, from the JSON text of an embedded field."""
    watched = [folder for folder in folders(stream) if folder.keys[0] == key]
    paths = f"[{', '.join(literal(folder.json_path) for folder in watched)}]"
    parts = [
        f"list_transform(list_filter(coalesce(tollbook_keys[{place}], []), lambda tollbook_key:"
        f" not list_contains([{', '.join(map(literal, sorted(folder.known)))}], tollbook_key)),"
        f" lambda tollbook_key: concat({literal(folder.prefix)}, tollbook_key))"
        for place, folder in enumerate(watched, start=1)
    ]
    shown = f"lambda tollbook_name: replace({shown_name_sql('tollbook_name')}, ',', ';')"
    names = f"list_sort(list_distinct(list_concat({', '.join([*parts, '[]::varchar[]'])})))[:{MOST_NAMES}]"
    joined = f"nullif(array_to_string(list_transform({names}, {shown}), ','), '')"
    return f"list_transform([json_keys({text}, {paths})], lambda tollbook_keys: {joined})[1]"


def _shown(names: Iterable[str]) -> str | None:
    shown = [shown_name(name).replace(",", ";") for name in sorted(names)[:MOST_NAMES]]
    return ",".join(shown) or None
