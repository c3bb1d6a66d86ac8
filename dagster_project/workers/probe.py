"""A task that only looks: whether a worker can sort, and write the home. For `tollbook doctor --workers`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingestion import duck
from ingestion.home import Home

#: So that every worker gets one, and not the first one all of them.
_SECONDS = 0.5
_ROWS = 300_000


def look(task: Mapping[str, Any]) -> dict[str, Any]:
    """Sort some rows and write them into the home; return their number and the file, for the driver to read."""
    time.sleep(_SECONDS)
    home = Home(Path(task["stated"]["home"]))
    target = home.tasks / f"probe-{task['name']}.parquet"
    with duck.session(home.raw) as session:
        session.execute(
            f"copy (select hash(range) as key from range({_ROWS}) order by key) to {duck.literal(target)}"  # noqa: S608
        )
    return {"rows": _ROWS, "file": str(target)}
