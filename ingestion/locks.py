"""Locks between processes: a file each, held by the kernel, which lets go of it however its holder ends.

Beside a lock that is held stands a note of the process that holds it, for those who wait. Within one process a lock
nests. The mechanism is filelock's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_LOOK_AGAIN_SECONDS = 0.1


class LockHeld(RuntimeError):
    """Another process holds the lock, and did to the end of the wait.

    Attributes:
        holder: The number of that process, or `unknown`.
    """

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is held by process {holder}")
        self.holder = holder


@contextmanager
def held(path: Path, patience: float = 0, on_wait: Callable[[str], object] | None = None) -> Iterator[bool]:
    """Hold a lock file; yield whether this is the outermost block of this process that holds it.

    Args:
        path: The file, made if need be.
        patience: For how many seconds to wait for another process.
        on_wait: Called once with the number of that process, if there is one to wait for.

    Raises:
        LockHeld: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, mode=0o600, thread_local=False, is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if patience and on_wait:
            on_wait(_noted(path) or "unknown")
        try:
            lock.acquire(timeout=patience, poll_interval=_LOOK_AGAIN_SECONDS)
        except Timeout:
            raise LockHeld(path, _noted(path) or "unknown") from None
    try:
        is_outermost = lock.lock_counter == 1
        if is_outermost:
            _note(path).write_text(str(os.getpid()))
        yield is_outermost
    finally:
        lock.release()


def holder(path: Path) -> int | None:
    """Return the process that holds a lock file, or None.

    Only when the process that held it last is alive is the lock itself tried, so that asking hardly ever stands in the
    way of one that begins at this moment.
    """
    process = int(_noted(path) or 0)
    if not process or not is_alive(process):
        return None
    try:
        with FileLock(path, timeout=0):
            return None
    except Timeout:
        return process


def is_alive(process: int) -> bool:
    """Tell whether a process of this number exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.pid")


def _noted(path: Path) -> str:
    try:
        return _note(path).read_text().strip()
    except FileNotFoundError:
        return ""
