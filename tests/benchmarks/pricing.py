"""Pricing against a bare copy: what three tiers cost beyond reading and writing the same rows.

    python tests/benchmarks/pricing.py [rows]

A small home is run once for its prices and its compiled SQL; its deduplicated usage events, as many times over
as it takes, are the rows. Then one process copies them from Parquet to zstd Parquet as they are, and another
does so through the statement that dbt compiled for `fct_usage_costs`, from the events on. Printed is the CPU of
both and what pricing adds, as a share of the copy; each is the least of three. Compare ratios, not seconds.
Not a test: pytest does not collect it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
from bench import TOLLBOOK, measure
from gateway_logs import write_logs

SMALL = 20_000
ROUNDS = 3
EVENTS = "intermediate.int_usage_events_deduplicated"
COMPILED = "dagster/dbt/target/compiled/tollbook/models/marts/usage/fct_usage_costs.sql"
COPY = """
import sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
con.execute("set disabled_optimizers = 'join_order,build_side_probe_side'")
con.execute(open(sys.argv[2]).read())
"""


def prepared(home: Path, rows: int, folder: Path) -> tuple[str, str]:
    """Write the events and return two statements: the bare copy of them, and the one that prices them.

    The view of the events is replaced by one over the written file, and the views above it price that.
    """
    events = folder / "events.parquet"
    reading = f"select * from read_parquet('{events}')"
    with duckdb.connect(str(home / "build.duckdb")) as con:
        con.execute(
            f"""
            copy (
                with base as materialized (select * from {EVENTS})
                select base.* replace (concat(base.event_id, '-', copies.range) as event_id)
                from range({-(-rows // SMALL)}) as copies cross join base limit {rows}
            ) to '{events}' (format parquet, compression zstd)
            """
        )
        con.execute(f"create or replace view {EVENTS} as {reading}")
    priced = (home / COMPILED).read_text()
    target = f"to '{folder / 'out.parquet'}' (format parquet, compression zstd)"
    return f"copy ({reading}) {target}", f"copy ({priced}) {target}"


def cpu(database: Path, statement: str, folder: Path) -> float:
    """Return the least CPU seconds of a statement in a process of its own, without starting the process."""
    script, text, nothing = folder / "copy.py", folder / "statement.sql", folder / "nothing.sql"
    script.write_text(COPY)
    text.write_text(statement)
    nothing.write_text("select 1")

    def least(file: Path) -> float:
        command = [sys.executable, str(script), str(database), str(file)]
        return min(measure(command).cpu_seconds for _ in range(ROUNDS))

    return least(text) - least(nothing)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Price rows three ways, against a bare copy of them.")
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="tollbook-bench-") as name:
        folder = Path(name)
        home = folder / "home"
        write_logs(SMALL, home / "landing")
        subprocess.run([TOLLBOOK, "run", "--home", str(home)], check=False, capture_output=True)
        bare, priced = (cpu(home / "build.duckdb", text, folder) for text in prepared(home, rows, folder))
    print(f"{rows:>11,} bare copy        {bare:9.2f} CPU s")
    print(f"{rows:>11,} copy and pricing {priced:9.2f} CPU s")
    print(f"{rows:>11,} pricing adds     {(priced - bare) / bare:9.2f}x the copy")


if __name__ == "__main__":
    main()
