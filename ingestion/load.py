"""Landing to raw: one delivered file becomes one Parquet file, its rejects, and the load record that commits both.

Files are written in a temporary folder and moved into place, the load record last: a killed run changes nothing. Rows
are used once they are accepted (accepted.py). Parquet files are named by their content, so reading a file again
overwrites none. `reader` decides what a line becomes, dbt what it means.

Rulings: docs/decisions/reading.md#reading-8.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ingestion import accepted, duck, load_records, reader, source_status
from ingestion.connectors import Stream
from ingestion.duck import literal
from ingestion.empty_parquet import write_empty
from ingestion.files import TEMPORARY_PREFIX, publish, remove_unfinished, whole
from ingestion.home import Home
from ingestion.landing import LandedFile, is_current, landed, record_of, record_path
from ingestion.raw_tables import REJECT_COLUMNS, STRIPE_TABLES, tables
from ingestion.reader import rejects, unknown_names
from ingestion.reader.delivery import Delivery, as_utf8, hash_of, inspect
from ingestion.reader.parts import Outcome
from ingestion.sources import Source


class StillChanging(RuntimeError):
    """A landing file changed while it was read; the next run reads it."""


@dataclass(frozen=True)
class FileResult:
    """The result of one landing file. `skipped` means that its bytes were read before and nothing was done."""

    landing_file: str
    lines: int
    events: int
    rejects: int
    blank_lines: int
    bytes: int
    seconds: float
    skipped: bool


def convert(home: Home, file: LandedFile) -> FileResult:
    """Bring raw, rejects and load record up to date with one landing file.

    Raises:
        StillChanging: the file changed while it was read; its previous load record stays.
    """
    started = time.monotonic()
    if is_current(home, file):
        return _result(record_of(home, file), started, skipped=True)
    home.raw.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=home.raw) as scratch:
        content = _converted(home, file, Path(scratch))
    return _result(content, started, skipped=False)


def _converted(home: Home, file: LandedFile, scratch: Path) -> dict[str, Any]:
    before = file.path.lstat()
    version = file.reader_version(home)
    delivery = _delivery(file, scratch)
    earlier = record_of(home, file)
    if earlier and (earlier.get("blake3"), earlier["reader_version"]) == (delivery.blake3, version):
        content = earlier
    else:
        if not delivery.damage:
            file = file.identified_by(delivery.plain)
        reading = file.reading(home)
        outcome = reader.read(reading, delivery, scratch)
        after = file.path.lstat()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise StillChanging(
                f"{reading.raw_file} changed while it was read; run again when it is complete"
            )
        content = _put_in_place(home, file, delivery, outcome)
    content = {
        **content,
        "bytes": before.st_size,
        "mtime_ns": before.st_mtime_ns,
        "blake3": delivery.blake3,
        "reader_version": version,
    }
    load_records.write(record_path(home, file), content)
    return content


def _delivery(file: LandedFile, scratch: Path) -> Delivery:
    """Return the delivered bytes, ready to be read; an unreadable file is one damaged line."""
    path = file.path
    if path.is_symlink() or not path.is_file():
        name = sha256(str(path).encode()).hexdigest()
        return Delivery(path, 0, 0, 0, name, "not_a_regular_file")
    if not file.stream.format.reads(path.name):
        readable = file.source.reader.reads(file.stream.name)
        return Delivery(path, 0, 0, 0, hash_of(path), "unknown_file_type", readable)
    return as_utf8(inspect(path, scratch / "landed"), scratch / "landed.utf8")


def forget_vanished(home: Home, sources: list[Source]) -> list[str]:
    """Remove the load records and Parquet of landing files that are gone (or belong to no source) and not accepted.

    Accepted files stay until the source is accepted again.

    Returns:
        The landing files forgotten, relative to landing/.
    """
    present = {record_path(home, file) for file in landed(home, sources)}
    counting = list(accepted.every(home))
    needed = {content["landing_file"] for content in counting}
    gone, read = [], []
    for place, content in load_records.every(home):
        if place in present or content["landing_file"] in needed:
            read.append(content)
        else:
            # The load record goes first: then nothing refers to the Parquet.
            place.unlink()
            gone.append(content["landing_file"])
    named = {home.raw / content["raw_file"] for content in read + counting if content["raw_file"]}
    named |= {
        home.rejects / content["rejects_file"] for content in read + counting if content["rejects_file"]
    }
    for path in [*home.raw.glob("*/dt=*/*.parquet"), *home.rejects.glob("*/*/dt=*/*.parquet")]:
        if path not in named and path.relative_to(home.raw.parent).parts[1] not in STRIPE_TABLES:
            path.unlink()
    return gone


def write_schemas(home: Home) -> None:
    """Remove what a killed run left, and create every raw table with its exact columns."""
    for folder in (home.raw, home.rejects):
        folder.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder)
    for table, columns in tables().items():
        write_empty(home, home.raw / table / "schema.parquet", columns)
    write_empty(home, home.rejects / "schema.parquet", REJECT_COLUMNS)
    write_empty(home, home.source_status / "schema.parquet", source_status.COLUMNS)
    with whole(home.no_load_records) as temporary:
        temporary.touch()


def _put_in_place(home: Home, file: LandedFile, delivery: Delivery, outcome: Outcome) -> dict[str, Any]:
    """Move raw and rejects into place; return the load record's fields about them."""
    stream, content = file.stream, f"{delivery.blake3} {file.reader_version(home)}"
    name = f"dt={file.delivered_on}/{_stem(file)}.{sha256(content.encode()).hexdigest()[:12]}.parquet"
    raw_path = home.raw / stream.table / name
    rejects_path = home.rejects / file.source.name / stream.name / name
    event_days, models = _event_counts(home, stream, outcome.parquet) if outcome.parquet else ([], [])
    price_formulas = _formulas(home, stream, outcome.parquet) if outcome.parquet else []
    if outcome.parquet:
        raw_path.parent.mkdir(parents=True, exist_ok=True)
        publish(outcome.parquet, raw_path)
    if outcome.rejects:
        rejects.write(rejects_path, outcome.rejects, file.reading(home))
    return {
        "source": file.source.name,
        "stream": stream.name,
        "connector": file.source.connector,
        "table": stream.table,
        "delivered_on": str(file.delivered_on),
        "landing_file": file.relative(home),
        "raw_file": raw_path.relative_to(home.raw).as_posix() if outcome.parquet else None,
        "rejects_file": rejects_path.relative_to(home.rejects).as_posix() if outcome.rejects else None,
        "lines": outcome.lines,
        "blank_lines": outcome.blank_lines,
        "events": outcome.rows,
        "rejects": len(outcome.rejects),
        "event_days": event_days,
        "models": models,
        "price_formulas": price_formulas,
        "unknown_fields": unknown_names.shown(outcome.unknown_fields),
        "notes": sorted(outcome.notes),
    }


def _event_counts(
    home: Home, stream: Stream, parquet: Path
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Count events by day, and by day and price key; a stream without events has neither."""
    if not stream.occurred_at:
        return [], []
    with closing(duck.session(home.raw)) as session:
        rows = session.execute(
            f"select cast(occurred_at as date), {stream.provider}, {stream.model}, count(*)"  # noqa: S608
            f" from read_parquet({literal(parquet)}) group by all order by all"
        ).fetchall()
    days: Counter[str] = Counter()
    for day, _, _, events in rows:
        days[str(day)] += events
    models = [
        {"event_date": str(day), "provider": provider, "model": model, "events": events}
        for day, provider, model, events in rows
    ]
    return [{"event_date": day, "events": events} for day, events in days.items()], models


def _formulas(home: Home, stream: Stream, parquet: Path) -> list[str]:
    """Return the price formulas a file's rows carry."""
    if not stream.price_formula:
        return []
    with closing(duck.session(home.raw)) as session:
        rows = session.execute(
            f"select distinct {stream.price_formula} from read_parquet({literal(parquet)})"  # noqa: S608
            f" where {stream.price_formula} <> '' order by all"
        ).fetchall()
    return [formula for (formula,) in rows]


def _stem(file: LandedFile) -> str:
    """Return a name that is safe in globs, unique per source and landing file, and shows both."""
    name = f"{file.source.name}.{file.stream.name}.{file.path.name}"
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:120]
    return safe if safe == name else f"{safe}-{sha256(name.encode()).hexdigest()[:8]}"


def _result(content: dict[str, Any], started: float, *, skipped: bool) -> FileResult:
    return FileResult(
        landing_file=content["landing_file"],
        lines=content["lines"],
        events=content["events"],
        rejects=content["rejects"],
        blank_lines=content["blank_lines"],
        bytes=content["bytes"],
        seconds=time.monotonic() - started,
        skipped=skipped,
    )
