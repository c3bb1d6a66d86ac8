"""Locks between processes: kernel file locks, released however their holder ends.

A file beside the lock names the process that holds it, for those who wait. A lock is reentrant within a process.
Implemented with filelock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_POLL_SECONDS = 0.1


class LockHeld(RuntimeError):
    """Another process held the lock until the wait ended.

    Attributes:
        holder: The number of that process, or `unknown`.
    """

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is held by process {holder}")
        self.holder = holder


@contextmanager
def held(
    path: Path, wait_seconds: float = 0, on_wait: Callable[[str], object] | None = None
) -> Iterator[bool]:
    """Hold a lock file; yield whether this is the outermost block of this process that holds it.

    Args:
        path: The file; created if missing.
        wait_seconds: For how many seconds to wait for another process.
        on_wait: Called once with the number of that process, if there is one to wait for.

    Raises:
        LockHeld: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, mode=0o600, thread_local=False, is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if wait_seconds and on_wait:
            on_wait(_noted(path) or "unknown")
        try:
            lock.acquire(timeout=wait_seconds, poll_interval=_POLL_SECONDS)
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

    The lock is tried only if the process that held it last is alive, so this check hardly ever blocks a process that
    starts at this moment.
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
    """Return whether a process of this number exists."""
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
