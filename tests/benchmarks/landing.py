"""Landing against the least DuckDB could do with the same bytes, for NDJSON and CSV streams of every connector.

    python tests/benchmarks/landing.py [--rows 1000000] [connector/stream.suffix …]

The bare statement is written from the stream's own declaration: declared types, the raw table's columns, one zstd
Parquet; no hash, no checks, no counts, no manifest. Both run in this process by turns; the least of each counts.
A file is the hand-written lines of tests/fixtures over and over, so its values compress better than real ones.
Seconds differ between machines; compare ratios. Not a test: pytest does not collect it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb

from ingestion.connectors import CONNECTORS
from ingestion.duck import literal
from ingestion.home import Home
from ingestion.landing import landed
from ingestion.load import convert, write_schemas
from ingestion.reader import sql, values
from ingestion.reader.formats import csv_file
from ingestion.reader.values import quoted
from ingestion.sources import load_sources
from ingestion.streams import Field, Stream

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
ROUNDS = 3
CASES = {
    "infron/logs.ndjson": "infron/logs.ndjson",
    "infron/logs.csv": "infron/logs.csv",
    "new_api/logs.ndjson": "new_api/contract_sample.ndjson",
    "tokenopen/logs.csv": "new_api/console.csv",
    "infery/usage.csv": "infery/usage.csv",
    "infery/requests.ndjson": "infery/requests.ndjson",
    "litellm/logs.ndjson": "litellm_payloads.ndjson",
    "litellm/spend_logs.ndjson": "litellm/spend_logs.ndjson",
    "openrouter/generations.ndjson": "openrouter/generations.ndjson",
}


def bare_statement(stream: Stream, path: Path) -> str:
    """Return the select that reads a file with declared types into the columns of its raw table."""

    def sql_type(field: Field) -> str:
        return "DOUBLE" if field.kind.name == "epoch" else field.kind.sql_type

    def value(field: Field) -> str:
        read = values.place(stream, field)
        unit = 1_000_000 // field.kind.per_second
        return f"make_timestamp(cast({read} * {unit} as bigint))" if field.kind.name == "epoch" else read

    tree = sql._tree(stream, {field.name: sql_type(field) for field in stream.fields})
    opened = []
    for key in stream.embedded:
        opened.append(
            f"from_json(nullif({quoted(key)}, ''), {literal(json.dumps(tree[key]))}) as {quoted(key)}"
        )
        tree[key] = "VARCHAR"
    if stream.format.name == "csv":
        layout = csv_file._header(path, stream).layout
        rows = sql._read_csv(path, tree, layout, has_header=True)
    else:
        rows = sql._read_json(path, tree)
    if opened:
        rows = f"(select * replace ({', '.join(opened)}) from {rows})"
    typed = ", ".join(f"{value(field)} as {quoted(field.name)}" for field in stream.fields)
    if stream.watched:
        typed += f", cast(null as varchar) as {quoted(sql.UNKNOWN_KEY)}"
    nothing = "cast(null as bigint)", "cast(null as varchar)"
    outputs = sql.Reading(stream, "UTC", "", "", date.min)._outputs(literal("bare"), *nothing)
    return (
        f"with fields as (select {typed} from {rows}),"
        f" {sql.typed_from_fields(stream)} select {outputs} from typed"
    )


def repeated(sample: Path, target: Path, rows: int) -> None:
    """Write the lines of a sample over and over; a CSV keeps one header."""
    lines = sample.read_bytes().splitlines(keepends=True)
    header, lines = (lines[:1], lines[1:]) if target.suffix == ".csv" else ([], lines)
    block = b"".join((lines * (1000 // len(lines) + 1))[:1000])
    with target.open("wb") as out:
        out.writelines(header)
        for _ in range(rows // 1000):
            out.write(block)


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """Return CPU and wall seconds of a piece of work in this process."""

    def cpu() -> float:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    before, started = cpu(), time.monotonic()
    work()
    return cpu() - before, time.monotonic() - started


def compare(case: str, rows: int, folder: Path) -> None:
    """Print what landing a file costs, bare and whole."""
    connector, name = case.split("/")
    file = folder / name
    repeated(FIXTURES / CASES[case], file, rows)
    stream = CONNECTORS[connector].stream(file.stem, name)
    bare, whole = [], []
    for _ in range(ROUNDS):
        copy = f"copy ({bare_statement(stream, file)}) to '{folder / 'bare.parquet'}'"
        bare.append(cost(lambda copy=copy: duckdb.execute(f"{copy} (format parquet, compression zstd)")))
        home = Home(folder / "home")
        place = home.landing / connector / file.stem / "dt=2026-11-01"
        place.mkdir(parents=True)
        os.link(file, place / name)
        write_schemas(home)
        [found] = landed(home, load_sources(home))
        whole.append(cost(lambda home=home, found=found: convert(home, found)))
        shutil.rmtree(home.root)
    cpu, wall = (tuple(min(run[i] for run in runs) for runs in (bare, whole)) for i in (0, 1))
    size = file.stat().st_size / 2**20
    print(
        f"{case:<30} {rows:>10,} {size:7.0f} {cpu[0]:8.2f} {cpu[1]:8.2f} {cpu[1] / cpu[0]:7.2f}x"
        f" {wall[0]:8.2f} {wall[1]:8.2f} {wall[1] / wall[0]:7.2f}x",
        flush=True,
    )
    file.unlink()


def main() -> None:
    """Compare every requested stream."""
    parser = argparse.ArgumentParser(description="Time landing against one bare DuckDB statement.")
    parser.add_argument("cases", nargs="*", metavar="case", help=", ".join(CASES))
    parser.add_argument("--rows", type=int, default=1_000_000)
    asked = parser.parse_args()
    print(
        f"{'stream':<30} {'rows':>10} {'MiB':>7} {'bare CPU':>8} {'CPU s':>8} {'':>8} {'bare':>8} {'wall s':>8}"
    )
    for case in asked.cases or CASES:
        with tempfile.TemporaryDirectory(prefix="tollbook-landing-") as folder:
            compare(case, asked.rows, Path(folder))


if __name__ == "__main__":
    main()
