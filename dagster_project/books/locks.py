"""One writer per home, also between steps of one process.

Every asset that writes takes `writing(home)`, so a run started in the Dagster UI and a `tollbook run` in a
terminal keep each other out: a command does not wait, a step does, up to a deadline. `tollbook run` already holds the
home when its assets ask again: within one process the lock nests. The kernel lets go of it when a process ends.

Rulings: docs/decisions/runs.md#runs-7.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dagster_project.books.upgrade import upgrade
from ingestion.home import Home

#: For how many seconds a step waits for another process that writes its home, before it fails.
STEP_PATIENCE = 600.0

_guard = threading.Lock()
_depth: dict[Path, int] = {}
_held: dict[Path, ExitStack] = {}


@contextmanager
def writing(home: Home, patience: float = STEP_PATIENCE) -> Iterator[None]:
    """Hold `home` for writing until the outermost block of this process ends; it is of this version then.

    Args:
        home: what to hold.
        patience: for how many seconds to wait for another process.

    Raises:
        HomeLocked: another process holds it, and did to the end; the message names its process id.
    """
    with _guard:
        if not _depth.get(home.root):
            stack = ExitStack()
            stack.enter_context(home.writer_lock(patience))
            _held[home.root] = stack
            upgrade(home)
        _depth[home.root] = _depth.get(home.root, 0) + 1
    try:
        yield
    finally:
        with _guard:
            _depth[home.root] -= 1
            if not _depth[home.root]:
                _held.pop(home.root).close()


def holder(home: Home) -> int | None:
    """Return the process that is writing `home`, or None.

    The lock file keeps the number of its last holder. Only when that process is alive is the lock itself
    tried, so that asking hardly ever stands in the way of a run that begins at this moment.
    """
    try:
        with (home.root / "run.lock").open() as handle:
            process = int(handle.read().strip() or 0)
            if not process or not is_alive(process):
                return None
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return process
    except FileNotFoundError:
        pass
    return None


def is_alive(process: int) -> bool:
    """Tell whether a process of this number exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
