"""The format or contract of a file by its content, where its name allows several."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path

from ingestion.reader.formats import csv_records, json_pages
from ingestion.streams import Format

#: Lines examined, and bytes of each.
_LINES, _LENGTH = 100, 1 << 16
_BLANK = b"\xef\xbb\xbf \t\r\n\v\f"
_EVENT = re.compile(rb"(?:data|event|id|retry)?:")


def form_of(plain: Path) -> str:
    """Return the name of the format a file is in, by its first lines: a damaged one does not decide it."""
    with plain.open("rb") as handle:
        lines = [line.strip(_BLANK) for line in islice(iter(lambda: handle.readline(_LENGTH), b""), _LINES)]
    if any(_EVENT.match(line) for line in lines):
        return "sse"
    return "json" if any(line.startswith((b"{", b"[")) for line in lines) else "csv"


def has_mark(plain: Path, form: Format) -> bool:
    """Return whether a body has the field, or a table the column, that marks a contract."""
    if form.name == "csv":
        with plain.open("rb") as handle:
            header = handle.readline(_LENGTH).strip(_BLANK).decode("utf-8", "replace")
        readings = (csv_records.cells_of(header, delimiter) for delimiter in csv_records.DELIMITERS)
        return any(form.marked_by in (cells or ()) for cells in readings)
    return json_pages.has_field(plain, form.marked_by)
