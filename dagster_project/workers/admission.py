"""Whether a worker may do a task: the same versions as the driver, and the same home.

The driver states what it is in every task, and leaves a mark in the home that a worker has to find. A stored hash, a
Parquet type and the columns of a raw table depend on these versions, so another worker could write other rows.

Rulings: docs/decisions/workers.md#workers-4
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import socket
from collections.abc import Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from ingestion import raw_tables
from ingestion.files import whole
from ingestion.home import Home


@functools.cache
def versions() -> dict[str, str]:
    """Return what must be the same on driver and workers, by name."""
    columns = repr((raw_tables.tables(), raw_tables.REJECT_COLUMNS))
    return {
        "duckdb": version("duckdb"),
        "tollbook": version("tollbook"),
        "schema": hashlib.sha256(columns.encode()).hexdigest()[:12],
    }


def worker_name() -> str:
    """Return the name of this worker: host and process."""
    return f"{socket.gethostname() or platform.node()}:{os.getpid()}"


@contextmanager
def marked(home: Home):
    """Leave a mark in a home; yield what a worker must find there, as part of a task."""
    content = uuid4().hex
    mark = home.tasks / "marks" / content
    with whole(mark) as temporary:
        temporary.write_text(content)
    try:
        yield {"versions": versions(), "home": str(home.root), "mark": content}
    finally:
        mark.unlink(missing_ok=True)


def why_refused(stated: Mapping) -> str | None:
    """Return why this worker must not work for a driver that stated these versions and mark; None if it may."""
    own = versions()
    for name, wanted in stated["versions"].items():
        if own.get(name) != wanted:
            return f"{name} is {own.get(name)} here and {wanted} on the driver; install the same on both"
    home = Home(Path(stated["home"]))
    try:
        found = (home.tasks / "marks" / stated["mark"]).read_text()
    except OSError as error:
        return f"it does not see the home {home.root} ({error.strerror}); mount it at this path"
    if found != stated["mark"]:
        return f"another folder is at {home.root}; mount the home at this path"
    if not os.access(home.tasks, os.W_OK):
        return f"it cannot write the home {home.root}; let it write there"
    return None
