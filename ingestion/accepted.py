"""The accepted load records of each source. The warehouse is built from these alone.

    raw/load_records/ (read) ──accept──► raw/accepted/<source>.ndjson (used by dbt)

One file per source, replaced as a whole: a source is accepted in one step or stays as it was. Parquet files are named
by their content, so accepted rows are still there after their landing file was read again. Whether a source may be
accepted is not decided here.

Rulings: docs/decisions/deliveries.md#deliveries-1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ingestion import load_records
from ingestion.files import finished, write_if_changed
from ingestion.home import Home
from ingestion.landing import landed, record_path
from ingestion.sources import Source

#: Fields of a load record that describe only the landing file, not its rows.
_NOT_KEPT = {"mtime_ns"}


def sources(home: Home) -> list[str]:
    """Return the names of the sources with accepted files, also of those no longer configured."""
    return sorted(path.stem for path in finished(home.accepted, "*.ndjson"))


def of_source(home: Home, source: str) -> list[dict[str, Any]]:
    """Return the accepted load records of a source, by landing file; none of an unknown one."""
    try:
        text = _place(home, source).read_bytes()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines()]


def every(home: Home) -> Iterator[dict[str, Any]]:
    """Yield every accepted load record, by source and landing file."""
    for source in sources(home):
        yield from of_source(home, source)


def as_landed(home: Home, configured: list[Source]) -> dict[str, list[dict[str, Any]]]:
    """Return, by source, the load records of the files now in landing/: what would be accepted now.

    A source with accepted files is included even if landing/ holds none of its files.
    """
    found: dict[str, list[dict[str, Any]]] = {source.name: [] for source in configured}
    found |= {name: [] for name in sources(home)}
    for file in landed(home, configured):
        content = load_records.read(record_path(home, file))
        if content is not None:
            found[file.source.name].append(content)
    return found


def accept(home: Home, source: str, records: Iterable[Mapping[str, Any]]) -> None:
    """Replace the accepted load records of a source."""
    kept = [
        {name: value for name, value in content.items() if name not in _NOT_KEPT}
        for content in sorted(records, key=lambda content: content["landing_file"])
    ]
    place = _place(home, source)
    if not kept:
        place.unlink(missing_ok=True)
        return
    text = "".join(load_records.line(content) for content in kept)
    write_if_changed(place, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _place(home: Home, source: str) -> Path:
    return home.accepted / f"{source}.ndjson"
