"""One delivery becomes one Parquet and its rejects, whatever its format.

    ndjson ───────────────────────────► JSON lines ─► ndjson ─► parts
    json_pages ─► json_pages.unfold ──►     ▲
    sse ────────► event_streams.collect ────┘
    csv ──────────────────────────────────────────► csv_file ─► parts

Knows formats and what a fault in every line means; where the result is kept is raw's business.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import duckdb

from ingestion import csv_file, duck, event_streams, json_pages, ndjson
from ingestion.delivery import Delivery
from ingestion.json_pages import BadPage
from ingestion.ndjson import Lines
from ingestion.parts import Outcome
from ingestion.reader_sql import LINE_KEY, Reading
from ingestion.rejects import Reject

_RETYPED = ("wrong_type", "invalid_time")


def read(reading: Reading, delivery: Delivery, workshop: Path) -> Outcome:
    """Read a delivery; the Parquet is left in `workshop`."""
    form = reading.stream.format.name
    if form == "json_pages" and delivery.damage:
        # Half a body is no page; the damage is all there is to say.
        outcome = Outcome()
    else:
        with closing(duck.session(workshop.parent, reading.time_zone)) as session:
            outcome = _READERS[form](reading, delivery, workshop, session)
    if delivery.damage:
        outcome.rejects.append(Reject(delivery.lines + 1, delivery.damage, "", ""))
        outcome.lines += 1
    outcome.notes |= _drift(outcome)
    return outcome


def _ndjson(
    reading: Reading, delivery: Delivery, workshop: Path, session: duckdb.DuckDBPyConnection
) -> Outcome:
    lines = Lines(delivery.plain, delivery.size, delivery.lines, delivery.trailing_blanks)
    return ndjson.read(reading, lines, workshop, session)


def _json_pages(
    reading: Reading, delivery: Delivery, workshop: Path, session: duckdb.DuckDBPyConnection
) -> Outcome:
    unfolded = workshop / "records.ndjson"
    try:
        count = json_pages.unfold(delivery.plain, unfolded, reading.stream.format)
    except BadPage as fault:
        return Outcome(lines=1, rejects=[Reject(1, fault.reason, fault.field, "")])
    outcome = ndjson.read(reading, Lines(unfolded, unfolded.stat().st_size, count), workshop, session)
    if not count:
        outcome.notes.add("page_without_records")
    return outcome


def _sse(reading: Reading, delivery: Delivery, workshop: Path, session: duckdb.DuckDBPyConnection) -> Outcome:
    collected = workshop / "responses.ndjson"
    found = event_streams.collect(delivery.plain, delivery.size, collected, LINE_KEY)
    lines = Lines(collected, collected.stat().st_size, len(found.numbers), numbers=found.numbers)
    outcome = ndjson.read(reading, lines, workshop, session)
    outcome.rejects += [Reject(line, reason, "", "") for line, reason in found.faults]
    outcome.lines += len(found.faults)
    return outcome


_READERS = {"ndjson": _ndjson, "json_pages": _json_pages, "sse": _sse, "csv": csv_file.read}


def _drift(outcome: Outcome) -> set[str]:
    """Return a note if one field is at fault in every record of the file.

    One bad line is an accident; a field that no line has any more, or that all have in another type, is a
    gateway that changed.
    """
    faults = Counter((reject.reason, reject.field) for reject in outcome.rejects if reject.field)
    if outcome.rows or len(faults) != 1 or sum(faults.values()) < 2:
        return set()
    [(reason, field)] = faults
    new = "field_vanished" if reason == "missing_field" else "field_retyped" if reason in _RETYPED else ""
    return {f"{new}: {field}"} if new else set()
