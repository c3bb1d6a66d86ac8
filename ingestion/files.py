"""Atomic writes: a temporary name in the same folder, fsync, then a rename.

Only the owner can read the files: see `keep_private`.

Rulings: docs/decisions/reading.md#reading-9.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

#: Prefix of unfinished files; the process that wrote them may be dead.
TEMPORARY_PREFIX = ".tmp-"


def keep_private() -> None:
    """Create files as 0600 and folders as 0700 from here on, in this process and those it starts.

    Called at process start. Existing files keep their mode, so a file that a group may read stays readable to it.
    """
    os.umask(0o077)


def temporary_beside(target: Path) -> Path:
    """Return a fresh temporary name in the folder of `target`, which is created if need be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.parent / f"{TEMPORARY_PREFIX}{uuid4().hex}{target.suffix}"


def publish(temporary: Path, target: Path) -> None:
    """Rename a finished file to `target`, with the mode of the file it replaces; after a power cut it is complete or
    absent.
    """
    if target.exists():
        shutil.copymode(target, temporary)
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Yield a temporary path to write; publish it as `target` on success, remove it on failure."""
    temporary = temporary_beside(target)
    try:
        yield temporary
        publish(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def finished(folder: Path, pattern: str) -> list[Path]:
    """Return the files below a folder that a pattern names, in order, without unfinished ones."""
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith(TEMPORARY_PREFIX))


def write_if_changed(target: Path, write: Callable[[Path], object]) -> None:
    """Publish what `write` writes, unless the target holds those bytes already."""
    with_name = temporary_beside(target)
    try:
        write(with_name)
        if not target.exists() or target.read_bytes() != with_name.read_bytes():
            publish(with_name, target)
    finally:
        with_name.unlink(missing_ok=True)


def why_unwritable(folder: Path) -> str | None:
    """Return why a folder cannot be written (disk full, no permission), or None if it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(1 << 20))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror}"
    return None


def remove_unfinished(folder: Path) -> list[Path]:
    """Remove temporary files and folders that a killed run left anywhere below `folder`; return what went."""
    gone = []
    for path in sorted(folder.rglob(f"{TEMPORARY_PREFIX}*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            for child in sorted(path.rglob("*"), reverse=True):
                child.rmdir() if child.is_dir() and not child.is_symlink() else child.unlink()
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
        gone.append(path)
    return gone
