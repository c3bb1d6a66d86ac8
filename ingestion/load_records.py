"""The load record of a landing file: its identity, and what its lines became.

One JSON object on one line under `raw/load_records/`. It is written last, so it commits the read. accepted.py records
which ones are used.

Rulings: docs/decisions/reading.md#reading-8.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ingestion.files import finished, whole
from ingestion.home import Home


def path(home: Home, source: str, stream: str, delivered_on: date, file_name: str) -> Path:
    """Return the load record's place; a landing file has at most one."""
    return home.load_records / source / stream / f"dt={delivered_on}" / f"{file_name}.json"


def read(place: Path) -> dict[str, Any] | None:
    """Return a load record, or None if there is none."""
    try:
        return _parsed(place)
    except FileNotFoundError:
        return None


def write(target: Path, content: dict[str, Any]) -> None:
    """Write a load record; it marks the file as read."""
    with whole(target) as temporary:
        temporary.write_text(line(content), encoding="utf-8")


def line(content: Mapping[str, Any]) -> str:
    """Return a load record as a line of JSON."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"


def every(home: Home) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield every load record with its place, by path."""
    for found in finished(home.load_records, "**/*.json"):
        yield found, _parsed(found)


def _parsed(place: Path) -> dict[str, Any]:
    content = json.loads(place.read_bytes())
    if "dialect" in content:  # as version 0.2 called it
        content["connector"] = content.pop("dialect")
    return content
