"""landing/: what was delivered, and which of it still has to be read.

A file is `<source>/<stream>/dt=YYYY-MM-DD/<any name>`. Names are data from outside: links are never followed, hidden
files (uploads in progress) are left alone, and whatever cannot be placed is a problem with a sentence, not silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ingestion import manifest
from ingestion.dialects import Stream
from ingestion.home import Home
from ingestion.reader_sql import Reading
from ingestion.sources import Source


@dataclass(frozen=True)
class LandedFile:
    """One delivered file."""

    source: Source
    stream: Stream
    delivered_on: date
    path: Path

    def relative(self, home: Home) -> str:
        """Return the path below landing/, as manifests and rows name it."""
        return self.path.relative_to(home.landing).as_posix()

    def reading(self, home: Home) -> Reading:
        """Return how this file is read."""
        return Reading(
            self.stream, self.source.time_zone, self.source.name, self.relative(home), self.delivered_on
        )


@dataclass(frozen=True)
class Problem:
    """Something in landing/ that cannot be read; `what` says why and what to do."""

    path: str
    what: str


def scan(home: Home, sources: list[Source]) -> tuple[list[LandedFile], list[Problem]]:
    """Return every delivered file, by path, and everything that is out of place."""
    files: list[LandedFile] = []
    problems: list[Problem] = []
    by_name = {source.name: source for source in sources}
    for folder in _visible(home.landing):
        source = by_name.get(folder.name)
        if source is None or not _plain_folder(folder):
            known = ", ".join(sorted(by_name)) or "none"
            problems.append(
                Problem(
                    _name(folder, home), f"no source has this name (known: {known}); add it to sources.yml"
                )
            )
            continue
        for stream_folder in _visible(folder):
            stream = (
                source.reader.stream(stream_folder.name) if stream_folder.name in source.streams else None
            )
            if stream is None or not _plain_folder(stream_folder):
                known = ", ".join(source.streams)
                problems.append(
                    Problem(_name(stream_folder, home), f"not a stream of {source.name}; use one of {known}")
                )
                continue
            for day_folder in _visible(stream_folder):
                day = _day(day_folder)
                if day is None:
                    problems.append(
                        Problem(_name(day_folder, home), "not a delivery day; name the folder dt=YYYY-MM-DD")
                    )
                    continue
                for path in _visible(day_folder):
                    if path.is_dir() and not path.is_symlink():
                        problems.append(
                            Problem(_name(path, home), "a folder where files belong; move its files up")
                        )
                    elif not _printable(path.name):
                        problems.append(
                            Problem(_name(path, home), "the name is not printable UTF-8; rename the file")
                        )
                    else:
                        files.append(LandedFile(source, stream, day, path))
    return files, problems


def landed(home: Home, sources: list[Source]) -> list[LandedFile]:
    """Return every delivered file, by path."""
    return scan(home, sources)[0]


def problems(home: Home, sources: list[Source]) -> list[Problem]:
    """Return everything in landing/ that is out of place and therefore not read."""
    return scan(home, sources)[1]


def pending(home: Home, sources: list[Source]) -> list[LandedFile]:
    """Return the files that have no valid manifest: new, changed, or read by an older reader."""
    return [file for file in landed(home, sources) if not is_current(home, file)]


def is_current(home: Home, file: LandedFile) -> bool:
    """Tell whether the file's manifest describes these very bytes, read by this very reader."""
    found = manifest.read(home, file.source.name, file.stream.name, file.delivered_on, file.path.name)
    if found is None:
        return False
    stat = file.path.lstat()
    return (
        found["bytes"] == stat.st_size
        and found["mtime_ns"] == stat.st_mtime_ns
        and found["reader_version"] == file.reading(home).version()
    )


def _visible(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _plain_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _day(folder: Path) -> date | None:
    prefix, _, text = folder.name.partition("=")
    if prefix != "dt" or len(text) != 10 or not _plain_folder(folder):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _printable(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return name.isprintable()


def _name(path: Path, home: Home) -> str:
    return path.relative_to(home.root).as_posix().encode("utf-8", "replace").decode()
