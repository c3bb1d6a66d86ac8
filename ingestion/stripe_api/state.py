"""How far each stream has been read: one small file, replaced whole when a whole sync has landed."""

from __future__ import annotations

import json

from ingestion.files import whole
from ingestion.home import Home

FILE = "stripe_state.json"


def read_marks(home: Home, source: str) -> dict[str, int]:
    """Return the marks of a source, epoch seconds.

    A stream's own is the creation second of the newest object listed; those of the change feed and of the
    sweeps are plan.py's.
    """
    path = home.raw / FILE
    return json.loads(path.read_text(encoding="utf-8")).get(source, {}) if path.exists() else {}


def write_marks(home: Home, source: str, marks: dict[str, int]) -> None:
    """Replace the marks of one source; unchanged marks leave the file untouched."""
    path = home.raw / FILE
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    after = before | {source: marks}
    if after != before:
        with whole(path) as temporary:
            temporary.write_text(json.dumps(after, sort_keys=True) + "\n", encoding="utf-8")
