"""The content of every dbt source, as a hash: what reads a source is built again when it changes.

    raw.<table> of landing files   its schema, and the accepted load records of its files
    raw.<table> otherwise          its files: config, prices, Stripe objects
    raw.load_records               every accepted load record
    raw.dq_results                 the files of lake/dq_results/
    books.<name>                   what the books keep below lake/, and the day of the run

A raw file of a landing file is named by its content and its load record has that name, so it is not read here.

Rulings: docs/decisions/runs.md#runs-10.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

from ingestion import raw_tables
from ingestion.files import TEMPORARY_PREFIX, finished
from ingestion.home import Home

#: Sources that are no folder of raw/, by name.
_ELSEWHERE: Mapping[str, Callable[[Home], list[Path]]] = {
    "raw.load_records": lambda home: finished(home.accepted, "*.ndjson"),
    "raw.dq_results": lambda home: _files(home.dq_results, "*.parquet"),
    "books.closings": lambda home: _files(home.closings, "*"),
    "books.restatements": lambda home: _files(home.restatements, "*.json"),
    "books.restated_requests": lambda home: _files(home.restated_requests, "*.parquet"),
}
RUN = "books.run"


def source_contents(home: Home, sources: Iterable[str], found_on: date) -> dict[str, str]:
    """Return the content of dbt sources by their unique id.

    Args:
        home: the home.
        sources: the unique ids of the sources, source.<project>.<group>.<table>.
        found_on: the day of the run in UTC.
    """
    landed = _landed_tables(home)
    contents = {}
    for unique_id in sources:
        group, table = unique_id.split(".")[2:]
        name = f"{group}.{table}"
        if name == RUN:
            contents[unique_id] = found_on.isoformat()
        elif name in _ELSEWHERE:
            contents[unique_id] = _content(_ELSEWHERE[name](home), home)
        elif table in landed:
            schema = finished(home.raw / table, "schema.parquet")
            contents[unique_id] = f"{_content(schema, home)} {landed[table]}"
        else:
            contents[unique_id] = _content(_files(home.raw / table, "*"), home)
    return contents


def _landed_tables(home: Home) -> dict[str, str]:
    """Return a hash of the accepted load records of every table that landing files fill."""
    contents = {table: hashlib.sha256() for table in raw_tables.landed_tables()}
    for path in finished(home.accepted, "*.ndjson"):
        for line in path.read_bytes().splitlines(keepends=True):
            contents.setdefault(json.loads(line)["table"], hashlib.sha256()).update(line)
    return {table: content.hexdigest() for table, content in contents.items()}


def _files(folder: Path, pattern: str) -> list[Path]:
    """Return the finished files anywhere below a folder, in order."""
    return [
        path
        for path in sorted(folder.rglob(pattern))
        if path.is_file()
        and not any(part.startswith(TEMPORARY_PREFIX) for part in path.relative_to(folder).parts)
    ]


def _content(files: Iterable[Path], home: Home) -> str:
    """Hash the names and the contents of files."""
    content = hashlib.sha256()
    for line in _lines(files, home):
        content.update(line)
    return content.hexdigest()


def _lines(files: Iterable[Path], home: Home) -> Iterator[bytes]:
    for path in files:
        yield f"\n{path.relative_to(home.root).as_posix()} ".encode()
        yield _of_file(path).encode()


def _of_file(path: Path) -> str:
    """Identify a file in the folder of a day by size and time, because it is never rewritten, another by its bytes."""
    if path.suffix == ".parquet" and path.parent.name.startswith(("dt=", "event_date=")):
        stat = path.stat()
        return f"{stat.st_size} {stat.st_mtime_ns}"
    return hashlib.sha256(path.read_bytes()).hexdigest()
