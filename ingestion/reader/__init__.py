"""One delivery becomes one Parquet file and its rejects, whatever its format.

    json ─► lines ──────────────────────► JSON lines ─► ndjson ─► parts
            others ─► json_records.unfold ─►   ▲
    sse ────► event_streams.collect ───────────┘
    csv ──────────────────────────────────────────────► csv_file ─► parts

Knows formats, and what the same fault in every line means; not where the result is stored.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from functools import partial
from pathlib import Path

import duckdb

from ingestion import duck
from ingestion.reader.delivery import Delivery
from ingestion.reader.formats import csv_file, event_streams, json_records, ndjson
from ingestion.reader.formats.ndjson import Lines
from ingestion.reader.parts import Outcome
from ingestion.reader.rejects import Reject
from ingestion.reader.sql import LINE_KEY, Reading
from ingestion.streams import is_json_body

_RETYPED = ("wrong_type", "invalid_time")


def read(reading: Reading, delivery: Delivery, scratch: Path) -> Outcome:
    """Read a delivery; the Parquet is left in `scratch`."""
    with closing(duck.session(scratch.parent, reading.time_zone)) as session:
        outcome = _READERS[reading.stream.format.name](reading, delivery, scratch, session)
    if delivery.damage:
        outcome.rejects.append(Reject(delivery.lines + 1, delivery.damage, delivery.detail, ""))
        outcome.lines += 1
    outcome.notes |= _drift(outcome)
    return outcome


def _json(reading: Reading, delivery: Delivery, scratch: Path, session: duckdb.DuckDBPyConnection) -> Outcome:
    form, plain, size = reading.stream.format, delivery.plain, delivery.size
    is_body = is_json_body(reading.raw_file)
    if json_records.begins_as_lines(plain, size) and not (is_body and form.records):
        # Most files are JSON lines, and the bulk read accepts nothing else: only a file it refuses is examined.
        lines = Lines(plain, size, delivery.lines, delivery.trailing_blanks)
        are_lines = partial(json_records.are_lines, plain, size, form)
        if outcome := ndjson.read(reading, lines, scratch, session, are_lines):
            return outcome
    target = scratch / "records.ndjson"
    found = json_records.unfold(
        plain, size, target, reading.stream, is_body=is_body, is_cut=bool(delivery.damage)
    )
    lines = Lines(target, target.stat().st_size, found.lines, numbers=found.numbers)
    outcome = ndjson.read(reading, lines, scratch, session)
    outcome.rejects += [Reject(line, reason, field, "") for line, reason, field in found.faults]
    outcome.lines += len(found.faults) + found.blank_lines
    outcome.blank_lines += found.blank_lines
    if found.byte_order_mark:
        outcome.notes.add("byte_order_mark")
    if found.has_pages and not outcome.lines:
        outcome.notes.add("page_without_records")
    return outcome


def _sse(reading: Reading, delivery: Delivery, scratch: Path, session: duckdb.DuckDBPyConnection) -> Outcome:
    collected = scratch / "responses.ndjson"
    found = event_streams.collect(delivery.plain, delivery.size, collected, LINE_KEY)
    lines = Lines(collected, collected.stat().st_size, len(found.numbers), numbers=found.numbers)
    outcome = ndjson.read(reading, lines, scratch, session)
    outcome.rejects += [Reject(line, reason, "", "") for line, reason in found.faults]
    outcome.lines += len(found.faults)
    return outcome


_READERS = {"json": _json, "sse": _sse, "csv": csv_file.read}


def _drift(outcome: Outcome) -> set[str]:
    """Return a note if one field is at fault in every record of the file.

    One bad line is an accident; a field that no line has any more, or that all have in another type, means that the
    gateway changed.
    """
    faults = Counter((reject.reason, reject.field) for reject in outcome.rejects if reject.field)
    if outcome.rows or len(faults) != 1 or sum(faults.values()) < 2:
        return set()
    [(reason, field)] = faults
    new = "field_vanished" if reason == "missing_field" else "field_retyped" if reason in _RETYPED else ""
    return {f"{new}: {field}"} if new else set()
