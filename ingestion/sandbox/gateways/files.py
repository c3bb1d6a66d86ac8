"""Atomic, reproducible file writes of the sandbox.

A file is written under a `.tmp-` name in the same folder and renamed. If the same bytes are there already the old file
is not touched, so that a world written twice has unchanged files.
"""

from __future__ import annotations

import filecmp
import gzip
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears at `path` when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{path.name}")
    try:
        with temporary.open("wb") as handle:
            yield handle
        if path.exists() and filecmp.cmp(temporary, path, shallow=False):
            temporary.unlink()
        else:
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_gzip(path: Path) -> Iterator[gzip.GzipFile]:
    """As `whole_file`, compressed; no name and no time in the header, so equal content gives equal bytes."""
    with whole_file(path) as handle, gzip.GzipFile("", "wb", 1, handle, mtime=0) as packed:
        yield packed


def write_text(path: Path, content: str) -> None:
    """Write a small text file whole."""
    with whole_file(path) as handle:
        handle.write(content.encode())
