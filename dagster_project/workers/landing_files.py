"""A task of landing files: some files of any streams → raw Parquet, rejects, load records.

    driver: files ► packs of about as many bytes ► tasks      worker: task ► read_file() of each ► outcomes

A file's Parquet is named by its content, and its load record is replaced as a whole, so two attempts at one file leave
what one leaves (ingestion/load.py).

Rulings: docs/decisions/workers.md#workers-2
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ingestion.home import Home
from ingestion.landing import LandedFile
from ingestion.load import FileResult, StillChanging, convert
from ingestion.reader.delivery import RATIO_VARIABLE
from ingestion.sources import load_sources

#: Bytes of a request in a landing file, on average.
_BYTES_OF_ROW = 650


@dataclass(frozen=True)
class FileOutcome:
    """What became of one landing file.

    Attributes:
        landing_file: its path below landing/.
        result: what it held; None if it was not read.
        unread: why it could not be read.
        is_changing: whether it changed while it was read.
        seconds: that it took.
    """

    landing_file: str
    result: FileResult | None = None
    unread: str = ""
    is_changing: bool = False
    seconds: float = 0.0


def read_file(home: Home, file: LandedFile) -> FileOutcome:
    """Bring raw up to date with one landing file; a file that cannot be read now is an outcome, too."""
    name, started = file.relative(home), time.monotonic()
    try:
        result = convert(home, file)
    except StillChanging as error:
        return FileOutcome(name, unread=str(error), is_changing=True)
    except Exception as error:
        if reason := _why_unopenable(file):
            return FileOutcome(name, unread=f"{name} cannot be opened: {reason}")
        error.add_note(f"while reading landing/{name}")
        raise
    return FileOutcome(name, result, seconds=time.monotonic() - started)


def _why_unopenable(file: LandedFile) -> str | None:
    """Return why a landing file cannot be opened, or None."""
    try:
        # Opening a pipe would block until it is written.
        os.close(os.open(file.path, os.O_RDONLY | os.O_NONBLOCK))
    except OSError as error:
        return error.strerror
    return None


def tasks(home: Home, files: Sequence[LandedFile], task_rows: int, slots: int) -> list[dict[str, Any]]:
    """Return tasks that read these files, the largest first; none where one task would have all.

    Args:
        home: the home.
        files: files that need to be read.
        task_rows: the least number of requests worth a task.
        slots: tasks that run at once.
    """
    sizes = [file.path.lstat().st_size if os.path.lexists(file.path) else 0 for file in files]
    wanted = max(task_rows * _BYTES_OF_ROW, sum(sizes) // (2 * slots))
    packs: list[tuple[int, list[LandedFile]]] = []
    for file, size in zip(files, sizes, strict=True):
        if not packs or packs[-1][0] + size > wanted:
            packs.append((0, []))
        packs[-1] = (packs[-1][0] + size, [*packs[-1][1], file])
    if len(packs) < 2:
        return []
    packs.sort(key=lambda pack: -pack[0])
    environment = {name: os.environ[name] for name in [RATIO_VARIABLE] if name in os.environ}
    return [
        {
            "do": "files",
            "name": _named([file.relative(home) for file in pack]),
            "environment": environment,
            "files": [_stated(home, file) for file in pack],
        }
        for _, pack in packs
    ]


def outcomes(given: Sequence[Mapping[str, Any]]) -> list[FileOutcome]:
    """Return what a task gave, as outcomes."""
    return [
        FileOutcome(**{**outcome, "result": FileResult(**outcome["result"]) if outcome["result"] else None})
        for outcome in given
    ]


def read(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read the files of a task in this worker; return their outcomes as plain data."""
    home = Home(Path(task["stated"]["home"]))
    sources = {source.name: source for source in load_sources(home)}
    given = []
    for stated in task["files"]:
        source, path = sources[stated["source"]], home.landing / stated["path"]
        file = LandedFile(
            source, source.reader.stream(stated["stream"], path.name), date.fromisoformat(stated["day"]), path
        )
        if file.reader_version(home) != stated["reader_version"]:
            raise RuntimeError(
                f"landing/{stated['path']} is read differently here than on the driver; install the same Tollbook"
            )
        given.append(asdict(read_file(home, file)))
    return given


def _stated(home: Home, file: LandedFile) -> dict[str, str]:
    return {
        "source": file.source.name,
        "stream": file.stream.name,
        "day": file.delivered_on.isoformat(),
        "path": file.relative(home),
        "reader_version": file.reader_version(home),
    }


def _named(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
