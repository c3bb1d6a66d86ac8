"""How far each stream has been read: one small file, replaced when a complete sync has landed.

{"<source>": {marks}, "syncs": {"<source>": number of the last sync with new versions}}
"""

from __future__ import annotations

import json
from typing import Any

from ingestion.files import whole
from ingestion.home import Home

_SYNCS = "syncs"


def read_marks(home: Home, source: str) -> dict[str, int]:
    """Return the marks of a source, epoch seconds.

    A stream's own is the creation second of the newest object listed; those of the change feed and of weekly and
    monthly syncs are in plan.py.
    """
    return _read(home).get(source, {})


def last_sync(home: Home, source: str) -> int | None:
    """Return the id of the last sync of a source that landed new versions."""
    return _read(home).get(_SYNCS, {}).get(source)


def write_marks(home: Home, source: str, marks: dict[str, int], sync_id: int | None = None) -> None:
    """Replace the marks of one source, and its last sync if given; the file is written only if it changes."""
    before = _read(home)
    syncs = before.get(_SYNCS, {}) | ({source: sync_id} if sync_id else {})
    after = before | {source: marks} | ({_SYNCS: syncs} if syncs else {})
    if after != before:
        with whole(home.stripe_state) as temporary:
            temporary.write_text(json.dumps(after, sort_keys=True) + "\n", encoding="utf-8")


def _read(home: Home) -> dict[str, Any]:
    path = home.stripe_state
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
