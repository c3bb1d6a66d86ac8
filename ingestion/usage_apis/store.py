"""Landed windows: all pages of a window or none, and a record of each window beside the streams.

    landing/<source>/.windows/.partial-<stream>.<window>/   pages of a window being read; not read as landing files
    landing/<source>/.windows/.ready-<window>/   complete: this rename is the commit
    landing/<source>/<stream>/dt=<day>/<window>[.<feed>].<NNN>.json   landing files
    landing/<source>/.windows/<stream>/<window>[.<feed>].json         the record: pages, rows, control totals

A process killed before the commit leaves pages; the next fetch continues after them where the API allows that, or reads
them again. One killed after it leaves a ready folder, which the next fetch completes first. A page whose bytes did not
change is not touched, so that it is not converted again. One writer at a time: the caller holds the home's lock.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from ingestion.files import remove_unfinished, whole
from ingestion.home import Home
from ingestion.usage_apis.windows import Window

FOLDER = ".windows"
_READY_PREFIX = ".ready-"
_PARTIAL_PREFIX = ".partial-"
_RECORD = "window.json"


@dataclass(frozen=True)
class LandedPage:
    """One page of a window.

    Attributes:
        file: Name in the window's day folder.
        sha256: Of the bytes as received.
        bytes: Size.
        rows: Rows on it, those on the window's end included.
    """

    file: str
    sha256: str
    bytes: int
    rows: int


@dataclass(frozen=True)
class Record:
    """What is known of a completely read window.

    Attributes:
        stream: Folder of its pages.
        feed: Which feed of the stream; empty if there is only one.
        window: Its name.
        fetched_at: When it was last read, RFC 3339, UTC.
        rows: Rows that happened within it.
        total: Rows stated by the API, if it did.
        control: The API's own control total, if it has one.
        counted: The same total, added up over the rows.
        pages: Its pages, in order.
    """

    stream: str
    feed: str
    window: str
    fetched_at: str
    rows: int
    total: int | None
    control: int | None
    counted: int | None
    pages: tuple[LandedPage, ...]

    @property
    def span(self) -> Window:
        """The window itself."""
        return Window.named(self.window)

    @property
    def stem(self) -> str:
        """The beginning of its file names, before page number and suffix."""
        return stem(self.window, self.feed)

    def fetched(self) -> datetime:
        """Return when it was last read."""
        return datetime.fromisoformat(self.fetched_at)


def stem(window: str, feed: str) -> str:
    """Return the beginning of a window's file names, before page number and suffix."""
    return f"{window}.{feed}" if feed else window


class Staging:
    """Pages of one window while it is being read."""

    def __init__(self, folder: Path, window_stem: str) -> None:
        self._folder, self._stem = folder, window_stem
        self.pages: list[LandedPage] = []
        folder.mkdir(parents=True, exist_ok=True)

    def left(self) -> bytes | None:
        """Return the next page if an earlier fetch left it."""
        file = self._folder / self._next_name()
        return file.read_bytes() if file.exists() else None

    def add(self, body: bytes, rows: int) -> None:
        """Write one page durably."""
        name = self._next_name()
        if self.left() != body:
            with (self._folder / name).open("wb") as handle:
                handle.write(body)
                handle.flush()
                os.fsync(handle.fileno())
        self.pages.append(LandedPage(name, hashlib.sha256(body).hexdigest(), len(body), rows))

    def drop(self, behind: int = 0) -> None:
        """Remove all pages but the first `behind`, including those left by an earlier fetch."""
        self.pages = self.pages[:behind]
        kept = {page.file for page in self.pages}
        for file in self._folder.glob("*.json"):
            if file.name not in kept:
                file.unlink()

    @property
    def folder(self) -> Path:
        """Where the pages are."""
        return self._folder

    def _next_name(self) -> str:
        return f"{self._stem}.{len(self.pages):03d}.json"


class Store:
    """The landed windows of one source."""

    def __init__(self, home: Home, source: str) -> None:
        self._root = home.landing / source
        self._windows = self._root / FOLDER

    def recover(self) -> int:
        """Complete what a killed process had committed, remove what it had not; return the number of windows
        completed.
        """
        if not self._windows.is_dir():
            return 0
        ready = sorted(self._windows.glob(f"{_READY_PREFIX}*"))
        for folder in ready:
            self._put_in_place(folder)
        remove_unfinished(self._windows)
        return len(ready)

    def records(self, stream: str, feed: str) -> dict[Window, Record]:
        """Return the completely read windows of a feed."""
        found = {}
        for path in sorted((self._windows / stream).glob(f"{stem('*Z', feed)}.json")):
            record = _record(path)
            found[record.span] = record
        return found

    def is_whole(self, record: Record) -> bool:
        """Return whether all pages of a window are still where they landed."""
        folder = self._day(record)
        for page in record.pages:
            try:
                if (folder / page.file).stat().st_size != page.bytes:
                    return False
            except FileNotFoundError:
                return False
        return True

    def bodies(self, record: Record) -> list[bytes]:
        """Return the pages of a whole window."""
        return [(self._day(record) / page.file).read_bytes() for page in record.pages]

    def stage(self, stream: str, window: Window, feed: str, resumes: bool) -> Staging:
        """Return the staging of a window, with the pages left by an earlier fetch if the feed `resumes`."""
        name = stem(window.name, feed)
        staging = Staging(self._windows / f"{_PARTIAL_PREFIX}{stream}.{name}", name)
        if not resumes:
            staging.drop()
        return staging

    def forget_partial(self, stream: str, windows: Collection[Window]) -> None:
        """Remove the partial pages of a stream's windows that will not be continued."""
        names = {window.name for window in windows}
        for folder in self._windows.glob(f"{_PARTIAL_PREFIX}{stream}.*"):
            if folder.name.split(".")[2] not in names:
                shutil.rmtree(folder)

    def commit(self, staging: Staging, record: Record) -> None:
        """Publish a completely read window."""
        self._write_record(staging.folder / _RECORD, record)
        ready = self._windows / f"{_READY_PREFIX}{record.stream}.{record.stem}"
        staging.folder.rename(ready)
        _sync(self._windows)
        self._put_in_place(ready)

    def discard(self, staging: Staging) -> None:
        """Remove staged pages that will not be published."""
        shutil.rmtree(staging.folder, ignore_errors=True)

    def renew(self, record: Record) -> None:
        """Record that a window was read again without change."""
        self._write_record(self._record_file(record), record)

    def _put_in_place(self, ready: Path) -> None:
        """Move the pages, then the record: a ready folder without a record is complete."""
        if not (ready / _RECORD).exists():
            shutil.rmtree(ready)
            return
        record = _record(ready / _RECORD)
        day = self._day(record)
        day.mkdir(parents=True, exist_ok=True)
        for page in record.pages:
            fresh, target = ready / page.file, day / page.file
            if fresh.exists() and not _same(fresh, target):
                _move(fresh, target)
        for name in _surplus(day, record):
            (day / name).unlink()
        _sync(day)
        self._record_file(record).parent.mkdir(exist_ok=True)
        _move(ready / _RECORD, self._record_file(record))
        _sync(self._record_file(record).parent)
        shutil.rmtree(ready)

    def _day(self, record: Record) -> Path:
        return self._root / record.stream / f"dt={record.span.lo.date()}"

    def _record_file(self, record: Record) -> Path:
        return self._windows / record.stream / f"{record.stem}.json"

    @staticmethod
    def _write_record(target: Path, record: Record) -> None:
        with whole(target) as temporary:
            temporary.write_text(json.dumps(asdict(record)) + "\n", encoding="utf-8")


def _record(path: Path) -> Record:
    content = json.loads(path.read_bytes())
    return Record(**{**content, "pages": tuple(LandedPage(**page) for page in content["pages"])})


def _move(durable: Path, target: Path) -> None:
    """Rename a file that is already synced to disk."""
    durable.replace(target)


def _same(one: Path, other: Path) -> bool:
    return other.exists() and one.read_bytes() == other.read_bytes()


def _surplus(day: Path, record: Record) -> Iterable[str]:
    """Yield pages of an earlier, longer reading of the window."""
    wanted = {page.file for page in record.pages}
    for path in sorted(day.glob(f"{record.stem}.*.json")):
        number = path.name.removeprefix(f"{record.stem}.").removesuffix(".json")
        if number.isdecimal() and path.name not in wanted:
            yield path.name


def _sync(folder: Path) -> None:
    """Sync a folder, so that a rename in it survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
