"""Landing to raw: one delivered file becomes one Parquet, its rejects, and a manifest that makes them count.

    delivered bytes ─► plain lines ─► bulk read of the whole file ─┐ refused
                                             │ clean               └► halves of it, down to a few MiB ─► careful read
                                             └────────► Parquet ◄──────── parts in line order ◄───────────┘

A clean file never meets Python's JSON parser; a bad line costs the careful read of its neighbourhood, not of the file.
What a line becomes does not depend on the way it took. Order, numbers and money are fixed here, meaning is dbt's.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from ingestion import careful, duck, manifest, rejects, strict_json
from ingestion.careful import Stretch
from ingestion.delivery import Delivery, inspect
from ingestion.duck import literal
from ingestion.files import TEMPORARY_PREFIX, publish, sweep, whole
from ingestion.home import Home
from ingestion.landing import LandedFile, landed
from ingestion.raw_tables import REJECT_COLUMNS, Columns, tables
from ingestion.reader_sql import Reading, quoted
from ingestion.rejects import Reject
from ingestion.sources import Source

SUFFIXES = (".ndjson", ".ndjson.gz", ".ndjson.zst")
#: Stretches of this size are read carefully as soon as the bulk read refuses them.
CAREFUL_BYTES = 8 << 20
#: Into how many parts a refused stretch is cut.
PARTS = 16
#: Lines looked at, at the head of a file, for fields nobody declared.
SNIFFED_LINES = 200
#: Snappy is read back once, by dbt, the same night: its speed is worth more than zstd's size.
PARQUET = "format parquet, compression snappy"

_REFUSED = (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.OutOfRangeException)


class StillChanging(RuntimeError):
    """A landing file changed while it was read; the next run takes it when it is whole."""


@dataclass(frozen=True)
class FileResult:
    """What became of one landing file. `skipped` means its bytes were read before and nothing was done."""

    landing_file: str
    lines: int
    events: int
    rejects: int
    blank_lines: int
    bytes: int
    seconds: float
    skipped: bool


@dataclass
class _Outcome:
    """Rows and findings gathered over all parts of a file."""

    parts: list[tuple[Path, int]] = field(default_factory=list)
    rows: int = 0
    blank_lines: int = 0
    rejects: list[Reject] = field(default_factory=list)
    unknown_fields: set[str] = field(default_factory=set)
    byte_order_mark: bool = False

    def add(self, stretch: Stretch) -> None:
        self.rows += stretch.rows
        self.blank_lines += stretch.blank_lines
        self.rejects += stretch.rejects
        self.unknown_fields |= stretch.unknown_fields
        self.byte_order_mark |= stretch.byte_order_mark


def convert(home: Home, file: LandedFile) -> FileResult:
    """Bring raw, rejects and manifest up to date with one landing file.

    Raises:
        StillChanging: the file changed under the reader; nothing was written.
    """
    started = time.monotonic()
    before = file.path.lstat()
    known = manifest.read(home, file.source.name, file.stream.name, file.delivered_on, file.path.name)
    version = file.reading(home).version()
    unchanged = known is not None and known["reader_version"] == version and known["bytes"] == before.st_size
    if unchanged and known["mtime_ns"] == before.st_mtime_ns:
        return _result(known, started, skipped=True)
    place = _manifest_path(home, file)
    home.raw.mkdir(parents=True, exist_ok=True)
    workshop = home.raw / f"{TEMPORARY_PREFIX}{os.getpid()}-{sha256(str(place).encode()).hexdigest()[:12]}"
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir()
    try:
        unreadable = _unreadable(file)
        if unreadable:
            delivery = Delivery(file.path, 0, 0, 0, "", unreadable)
        else:
            delivery = inspect(file.path, workshop / "landed.ndjson")
        if unchanged and known["sha256"] == delivery.sha256:
            content = {**known, "mtime_ns": before.st_mtime_ns}
        else:
            outcome = _Reader(file.reading(home), workshop).read(delivery)
            content = _commit_files(home, file, workshop, delivery, outcome)
        after = file.path.lstat()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise StillChanging(
                f"{file.relative(home)} changed while it was read; run again when it is complete"
            )
        content |= {"bytes": before.st_size, "mtime_ns": before.st_mtime_ns, "reader_version": version}
        manifest.write(place, {key: content[key] for key in _MANIFEST_KEYS})
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return _result(content, started, skipped=False)


def forget_vanished(home: Home, sources: list[Source]) -> list[str]:
    """Remove what was made of landing files that are gone (or no longer belong to a source).

    Returns:
        The landing files forgotten, relative to landing/.
    """
    present = {_manifest_path(home, file) for file in landed(home, sources)}
    gone = []
    for place, content in manifest.every(home):
        if place not in present:
            # The manifest goes first: without it the Parquet does not count.
            place.unlink()
            gone.append(content["landing_file"])
    _sweep_unnamed(home)
    return gone


def write_schemas(home: Home) -> None:
    """Clear away what a killed run left, and make sure every raw table exists with its exact columns."""
    for folder in (home.raw, home.rejects):
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
    session = duck.session(home.raw / f"{TEMPORARY_PREFIX}spill")
    try:
        for table, columns in tables().items():
            _write_schema(session, home.raw / table / "schema.parquet", columns)
        _write_schema(session, home.rejects / "schema.parquet", REJECT_COLUMNS)
    finally:
        session.close()


def _write_schema(session: duckdb.DuckDBPyConnection, target: Path, columns: Columns) -> None:
    nothing = ", ".join(f"cast(null as {sql_type}) as {quoted(name)}" for name, sql_type in columns)
    with whole(target) as temporary:
        session.execute(f"copy (select {nothing} limit 0) to {literal(temporary)} (format parquet)")


class _Reader:
    """Reads the lines of one delivery into Parquet parts, in line order."""

    def __init__(self, reading: Reading, workshop: Path) -> None:
        self.reading = reading
        self.workshop = workshop
        self.outcome = _Outcome()
        self.cut_at_end = False

    def read(self, delivery: Delivery) -> _Outcome:
        """Read everything; the parts are in `workshop`."""
        outcome = self.outcome
        self.session = duck.session(self.workshop, self.reading.time_zone)
        try:
            if delivery.lines:
                self._read_lines(delivery)
        finally:
            self.session.close()
        if delivery.damage:
            outcome.rejects.append(Reject(delivery.lines + 1, delivery.damage, "", ""))
        return outcome

    def _read_lines(self, delivery: Delivery) -> None:
        outcome = self.outcome
        outcome.unknown_fields |= _sniff(delivery.plain, self.reading)
        # Names from outside may hold the wildcards of read_json; a link of our own does not.
        link = self.workshop / "whole.ndjson"
        link.symlink_to(delivery.plain)
        records = delivery.lines - delivery.trailing_blanks
        target = self._part(1)
        if self._bulk(link, target, records):
            outcome.parts.append((target, 1))
            outcome.rows += records
            outcome.blank_lines += delivery.trailing_blanks
            return
        with delivery.plain.open("rb") as handle:
            if delivery.size:
                handle.seek(delivery.size - 1)
                self.cut_at_end = handle.read(1) != b"\n"
        self._split(delivery.plain, 0, delivery.size, delivery.size, 1)

    def _part(self, first_line: int) -> Path:
        return self.workshop / f"part-{first_line}.parquet"

    def _bulk(self, path: Path, target: Path, records: int) -> bool:
        """Read a file in one statement; False if it refuses or finds another number of rows than lines."""
        try:
            rows = self.session.execute(
                f"copy ({self.reading.bulk(path)}) to {literal(target)} ({PARQUET})"
            ).fetchone()[0]
        except _REFUSED:
            return False
        return rows == records

    def _split(self, plain: Path, start: int, end: int, size: int, first_line: int) -> int:
        """Read the lines between two offsets part by part; return the number of the next line."""
        step = max((end - start) // PARTS, CAREFUL_BYTES)
        while start < end:
            stop = _after_line(plain, start + step, end)
            first_line = self._stretch(plain, start, stop, size, first_line)
            start = stop
        return first_line

    def _stretch(self, plain: Path, start: int, stop: int, size: int, first_line: int) -> int:
        part = self.workshop / "stretch.ndjson"
        lines = _copy(plain, start, stop, part)
        target = self._part(first_line)
        if (start, stop) != (0, size) and self._bulk(part, target, lines):
            self.outcome.parts.append((target, first_line))
            self.outcome.rows += lines
        elif stop - start > 2 * CAREFUL_BYTES and lines > 1:
            return self._split(plain, start, stop, size, first_line)
        else:
            cut = self.cut_at_end and stop == size
            found = careful.read(self.session, self.reading, part, first_line, target, cut_at_end=cut)
            self.outcome.add(found)
            self.outcome.parts.append((target, first_line))
        return first_line + lines


_MANIFEST_KEYS = (
    "source",
    "stream",
    "dialect",
    "table",
    "delivered_on",
    "landing_file",
    "bytes",
    "mtime_ns",
    "sha256",
    "reader_version",
    "raw_file",
    "rejects_file",
    "lines",
    "blank_lines",
    "events",
    "rejects",
    "event_days",
    "models",
    "unknown_fields",
    "notes",
)


def _commit_files(
    home: Home, file: LandedFile, workshop: Path, delivery: Delivery, outcome: _Outcome
) -> dict[str, Any]:
    """Put raw and rejects in place and return the manifest's content; nothing counts before it is written."""
    stream, day = file.stream, f"dt={file.delivered_on}"
    stem = _stem(file)
    raw_path = home.raw / stream.table / day / f"{stem}.parquet"
    rejects_path = home.rejects / file.source.name / stream.name / day / f"{stem}.parquet"
    _manifest_path(home, file).unlink(missing_ok=True)
    event_days: list[dict[str, Any]] = []
    models: list[dict[str, Any]] = []
    if outcome.rows:
        merged = _merged(file.reading(home), workshop, outcome.parts)
        if stream.occurred_at:
            event_days, models = _census(file.reading(home), workshop, merged)
        raw_path.parent.mkdir(parents=True, exist_ok=True)
        publish(merged, raw_path)
    else:
        raw_path.unlink(missing_ok=True)
    if outcome.rejects:
        rejects.write(
            rejects_path,
            outcome.rejects,
            source=file.source.name,
            stream=stream,
            delivered_on=file.delivered_on,
            raw_file=file.relative(home),
        )
    else:
        rejects_path.unlink(missing_ok=True)
    return {
        "source": file.source.name,
        "stream": stream.name,
        "dialect": file.source.dialect,
        "table": stream.table,
        "delivered_on": str(file.delivered_on),
        "landing_file": file.relative(home),
        "sha256": delivery.sha256,
        "raw_file": raw_path.relative_to(home.raw).as_posix() if outcome.rows else None,
        "rejects_file": rejects_path.relative_to(home.rejects).as_posix() if outcome.rejects else None,
        "lines": delivery.lines + (1 if delivery.damage else 0),
        "blank_lines": outcome.blank_lines,
        "events": outcome.rows,
        "rejects": len(outcome.rejects),
        "event_days": event_days,
        "models": models,
        "unknown_fields": sorted(outcome.unknown_fields),
        "notes": ["byte_order_mark"] if outcome.byte_order_mark else [],
    }


def _merged(reading: Reading, workshop: Path, parts: list[tuple[Path, int]]) -> Path:
    """Return one Parquet with the rows of all parts in line order."""
    if len(parts) == 1:
        return parts[0][0]
    target = workshop / "merged.parquet"
    columns = ", ".join(
        "coalesce(raw_line, file_row_number + cast(regexp_extract(filename, 'part-(\\d+)', 1) as bigint)) as raw_line"
        if name == "raw_line"
        else quoted(name)
        for name, _ in reading.stream.table_columns()
    )
    files = ", ".join(literal(path) for path, _ in parts)
    session = duck.session(workshop)
    try:
        session.execute(
            f"copy (select {columns} from read_parquet([{files}], file_row_number = true, filename = true))"  # noqa: S608
            f" to {literal(target)} ({PARQUET})"
        )
    finally:
        session.close()
    return target


def _census(
    reading: Reading, workshop: Path, parquet: Path
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Count events by day, and by day and price key."""
    stream = reading.stream
    session = duck.session(workshop)
    try:
        rows = session.execute(
            f"select cast(occurred_at as date) as day, {stream.provider} as provider, {stream.model} as model, count(*)"  # noqa: S608
            f" from read_parquet({literal(parquet)}) group by all order by all"
        ).fetchall()
    finally:
        session.close()
    days: dict[str, int] = {}
    for day, _, _, events in rows:
        days[str(day)] = days.get(str(day), 0) + events
    models = [
        {"event_date": str(day), "provider": provider, "model": model, "events": events}
        for day, provider, model, events in rows
    ]
    return [{"event_date": day, "events": events} for day, events in days.items()], models


def _unreadable(file: LandedFile) -> str | None:
    if file.path.is_symlink() or not file.path.is_file():
        return "not_a_regular_file"
    return None if file.path.name.endswith(SUFFIXES) else "unknown_file_type"


def _manifest_path(home: Home, file: LandedFile) -> Path:
    return manifest.path(home, file.source.name, file.stream.name, file.delivered_on, file.path.name)


def _stem(file: LandedFile) -> str:
    """Return a file name that is safe in globs, unique per source and landing file, and still tells where it is from."""
    name = f"{file.source.name}.{file.path.name}"
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:120]
    return safe if safe == name else f"{safe}-{sha256(name.encode()).hexdigest()[:8]}"


def _sweep_unnamed(home: Home) -> None:
    """Remove Parquet of landing files that no manifest names."""
    named = set()
    for _, content in manifest.every(home):
        named.add(home.raw / content["raw_file"] if content["raw_file"] else None)
        named.add(home.rejects / content["rejects_file"] if content["rejects_file"] else None)
    streams = {table for table in tables() if not table.startswith("stripe_")}
    for path in [
        *(p for t in streams for p in (home.raw / t).glob("dt=*/*")),
        *home.rejects.glob("*/*/dt=*/*"),
    ]:
        if path not in named:
            path.unlink()


def _sniff(plain: Path, reading: Reading) -> set[str]:
    """Return undeclared paths in the first lines; lines that do not parse have nothing to say here."""
    found: set[str] = set()
    with plain.open("rb") as handle:
        for _ in range(SNIFFED_LINES):
            line = handle.readline(CAREFUL_BYTES)
            try:
                found |= strict_json.undeclared(strict_json.parse(line), reading.stream)
            except strict_json.BadLine:
                if not line:
                    break
    return found


def _after_line(path: Path, offset: int, end: int) -> int:
    """Return the first offset from `offset` on that begins a line, at most `end`."""
    if offset >= end:
        return end
    with path.open("rb") as handle:
        handle.seek(offset - 1)
        while block := handle.read(1 << 16):
            found = block.find(b"\n")
            if found >= 0:
                return min(handle.tell() - len(block) + found + 1, end)
    return end


def _copy(path: Path, start: int, stop: int, target: Path) -> int:
    """Copy a stretch of bytes; return the number of lines in it."""
    newlines = 0
    last = b""
    with path.open("rb") as source, target.open("wb") as out:
        source.seek(start)
        left = stop - start
        while left and (block := source.read(min(left, 1 << 20))):
            out.write(block)
            newlines += block.count(b"\n")
            last = block[-1:]
            left -= len(block)
    return newlines + (0 if last == b"\n" else 1)


def _result(content: dict[str, Any], started: float, *, skipped: bool) -> FileResult:
    return FileResult(
        content["landing_file"],
        content["lines"],
        content["events"],
        content["rejects"],
        content["blank_lines"],
        content["bytes"],
        time.monotonic() - started,
        skipped,
    )
