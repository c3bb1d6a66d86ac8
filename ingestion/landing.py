"""landing/: what was delivered, and which files still have to be read.

A file is `<source>/<stream>/dt=YYYY-MM-DD/<any name>`. Names are data from outside: links are never followed, hidden
files (uploads in progress) are ignored, and every misplaced entry is reported as a problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from ingestion import load_records
from ingestion.connectors import Stream
from ingestion.home import Home
from ingestion.reader.delivery import DEFAULT_RATIO, unpack_ratio
from ingestion.reader.formats import contents
from ingestion.reader.sql import Reading
from ingestion.sources import Source
from ingestion.streams import is_identified_by_content

#: A load record's name is longer than its landing file's, and file systems allow 255 bytes.
LONGEST_NAME = 200


@dataclass(frozen=True)
class LandedFile:
    """One delivered file."""

    source: Source
    stream: Stream
    delivered_on: date
    path: Path

    def relative(self, home: Home) -> str:
        """Return the path below landing/, as load records and rows name it."""
        return self.path.relative_to(home.landing).as_posix()

    def reading(self, home: Home) -> Reading:
        """Return how this file is read."""
        stream = self.stream.with_address(self.source.ip)
        return Reading(
            stream, self.source.time_zone, self.source.name, self.relative(home), self.delivered_on
        )

    def reader_version(self, home: Home) -> str:
        """Return a fingerprint of everything that decides how the file is read, except its content."""
        streams = (self.stream, *self.source.reader.others(self.stream, self.path.name))
        versions = [replace(self, stream=stream).reading(home).version() for stream in streams]
        ratio = unpack_ratio()
        return "+".join([*versions, *([] if ratio == DEFAULT_RATIO else [f"unpacked to {ratio}"])])

    def identified_by(self, plain: Path) -> LandedFile:
        """Return the file with its stream chosen by content, where name and folder allow several."""
        streams = (self.stream, *self.source.reader.others(self.stream, self.path.name))
        if is_identified_by_content(self.path.name):
            form = contents.form_of(plain)
            streams = [stream for stream in streams if stream.format.name == form] or streams
        for stream in streams:
            if stream.format.marked_by and contents.has_mark(plain, stream.format):
                return replace(self, stream=stream)
        unmarked = [stream for stream in streams if not stream.format.marked_by]
        return replace(self, stream=(unmarked or streams)[0])


@dataclass(frozen=True)
class Problem:
    """Something in landing/ that cannot be read; `what` says why and what to do."""

    path: str
    what: str


def scan(home: Home, sources: list[Source]) -> tuple[list[LandedFile], list[Problem]]:
    """Return every delivered file, by path, and every misplaced entry."""
    found: list[LandedFile | Problem] = []
    by_name = {source.name: source for source in sources}
    for folder in _visible(home.landing):
        source = by_name.get(folder.name)
        if source and _is_folder(folder):
            for stream_folder in _visible(folder):
                found += _in_stream(home, source, stream_folder)
        else:
            what = f"no source has this name (known: {_listed(by_name)}); name it in sources.yml or remove it"
            found.append(_problem(home, folder, what))
    files = [file for file in found if isinstance(file, LandedFile)]
    return files, [problem for problem in found if isinstance(problem, Problem)]


def _in_stream(home: Home, source: Source, folder: Path) -> Iterator[LandedFile | Problem]:
    stream = source.reader.stream(folder.name) if folder.name in source.streams else None
    if stream is None or not _is_folder(folder):
        yield _problem(home, folder, f"not a stream of {source.name}; use one of {_listed(source.streams)}")
        return
    for day_folder in _visible(folder):
        day = _day(day_folder)
        if day is None:
            yield _problem(home, day_folder, "not a delivery day; name the folder dt=YYYY-MM-DD")
            continue
        for path in _visible(day_folder):
            if _is_folder(path):
                yield _problem(home, path, "a folder where files belong; move its files up")
            elif not _is_usable(path.name):
                what = f"the name is not printable UTF-8 of at most {LONGEST_NAME} bytes; rename the file"
                yield _problem(home, path, what)
            else:
                yield LandedFile(source, source.reader.stream(stream.name, path.name), day, path)


def landed(home: Home, sources: list[Source]) -> list[LandedFile]:
    """Return every delivered file, by path."""
    return scan(home, sources)[0]


def problems(home: Home, sources: list[Source]) -> list[Problem]:
    """Return every entry of landing/ that is misplaced and therefore not read."""
    return scan(home, sources)[1]


def pending(home: Home, sources: list[Source]) -> list[LandedFile]:
    """Return the files that have no valid load record: new, changed, or read by an older reader."""
    return [file for file in landed(home, sources) if not is_current(home, file)]


def is_current(home: Home, file: LandedFile) -> bool:
    """Return whether the file's load record matches its current bytes and reader version."""
    found = record_of(home, file)
    if found is None:
        return False
    stat = file.path.lstat()
    same_bytes = (found["bytes"], found["mtime_ns"]) == (stat.st_size, stat.st_mtime_ns)
    return same_bytes and found["reader_version"] == file.reader_version(home)


def record_path(home: Home, file: LandedFile) -> Path:
    """Return where the file's load record is, or would be."""
    return load_records.path(home, file.source.name, file.stream.name, file.delivered_on, file.path.name)


def record_of(home: Home, file: LandedFile) -> dict[str, Any] | None:
    """Return the file's load record, or None if the file was never read."""
    return load_records.read(record_path(home, file))


def _visible(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _day(folder: Path) -> date | None:
    prefix, _, text = folder.name.partition("=")
    if prefix != "dt" or len(text) != 10 or not _is_folder(folder):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _is_usable(name: str) -> bool:
    try:
        return len(name.encode("utf-8")) <= LONGEST_NAME and name.isprintable()
    except UnicodeEncodeError:
        return False


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _problem(home: Home, path: Path, what: str) -> Problem:
    shown = path.relative_to(home.root).as_posix().encode("utf-8", "replace").decode()
    return Problem(shown, what)
