"""`make bench`: a night of N requests against the least DuckDB could do with the same bytes, in one run.

    ratio    = `tollbook run` (landing to published marts, whole process tree) ÷ the bare statement
    marginal = (night at N2 - night at N1) ÷ (bare at N2 - bare at N1): what each further request costs

The bare statement reads the same file with declared column types and writes one zstd Parquet with the columns
of raw/infron_logs, in a process of its own. Measured are wall time, CPU (user + system of every process
waited for) and the highest sum of resident memory over the tree, sampled every 50 ms. Every size gets a
fresh temporary home, and a night counts only if it published every request. Beside the ratios: the share of the
night's CPU that gates, dbt tests, detectors and alerts took (night_shares.py), a second run with nothing new, a
night of 10,000 requests, and importing the tools alone.

Seconds differ between machines and between runs; compare ratios. Not a test: pytest does not collect it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psutil
from gateway_logs import write_logs

SAMPLE_SECONDS = 0.05
SMALL_NIGHT = 10_000
TOLLBOOK = str(Path(sys.executable).with_name("tollbook"))
BARE = str(Path(__file__).with_name("bare_statement.py"))
SHARES = str(Path(__file__).with_name("night_shares.py"))
IMPORTS = "import dagster, dagster_dbt, dbt.cli.main, duckdb, great_expectations, polars, stripe"
FINDINGS = 3


@dataclass(frozen=True)
class Cost:
    """What one process tree took; memory in bytes."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int

    def __str__(self) -> str:
        """One aligned cell group of the printed table."""
        return f"{self.wall_seconds:9.2f} {self.cpu_seconds:9.2f} {self.peak_bytes / 2**20:9.0f}"


def resident_bytes(process: psutil.Process) -> int:
    """Return the resident memory of a process and everything below it, now."""
    total = 0
    try:
        members = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for member in members:
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def measure(command: list[str], accepted: tuple[int, ...] = (0,)) -> Cost:
    """Run a command to its end and return what its process tree took.

    Raises:
        SystemExit: the command ended with a status outside `accepted`; its output is printed.
    """
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        peak = 0
        ended = threading.Event()

        def sample() -> None:
            nonlocal peak
            watched = psutil.Process(process.pid)
            while not ended.wait(SAMPLE_SECONDS):
                peak = max(peak, resident_bytes(watched))

        sampler = threading.Thread(target=sample)
        sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        ended.set()
        sampler.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in accepted:
            output.seek(0)
            sys.stderr.write(output.read().decode(errors="replace"))
            raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak)


def night(home: Path, rows: int, shares: Path | None = None) -> Cost:
    """Run the nightly job over a home of `rows` requests; write the CPU of its parts to `shares`.

    Raises:
        SystemExit: the published marts do not hold exactly that many.
    """
    command = (
        [sys.executable, SHARES, str(home), str(shares)] if shares else [TOLLBOOK, "run", "--home", str(home)]
    )
    cost = measure(command, accepted=(0, FINDINGS))
    with duckdb.connect(home / "tollbook.duckdb", read_only=True) as con:
        [(published,)] = con.sql("select count(*) from marts.fct_usage_costs").fetchall()
    if published != rows:
        raise SystemExit(f"{rows} requests landed, {published} were published")
    return cost


def ratios(whole: Cost, bare: Cost) -> str:
    """Whole against bare, one cell for each measure."""
    return (
        f"{whole.wall_seconds / bare.wall_seconds:8.2f}x {whole.cpu_seconds / bare.cpu_seconds:8.2f}x "
        f"{whole.peak_bytes / bare.peak_bytes:8.2f}x"
    )


def checks_share(shares: Path, whole: Cost) -> str:
    """What gates, tests, detectors and alerts took of a night's CPU, together and one by one."""
    taken = json.loads(shares.read_text())
    taken.pop("rest", None)
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in sorted(taken.items()))
    return f"{sum(taken.values()) / whole.cpu_seconds:>9.1%} of the CPU: {parts} s"


def main() -> None:
    """Measure every requested size, smallest first, and print as it goes."""
    parser = argparse.ArgumentParser(description="Time the night against one bare DuckDB statement.")
    parser.add_argument(
        "rows", nargs="+", type=int, help="requests in the night; several sizes give marginal ratios"
    )
    sizes = sorted(parser.parse_args().rows)

    memory = psutil.virtual_memory().total / 2**30
    print(f"{psutil.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}")
    print(f"{'requests':>11} {'what':<22} {'wall s':>9} {'CPU s':>9} {'peak MiB':>9}")

    def report(rows: int, what: str, cells: object) -> None:
        print(f"{rows:>11,} {what:<22} {cells}", flush=True)

    report(0, "importing the tools", measure([sys.executable, "-c", IMPORTS]))
    with tempfile.TemporaryDirectory(prefix="tollbook-bench-") as folder:
        home = Path(folder) / "small"
        write_logs(SMALL_NIGHT, home / "landing")
        report(SMALL_NIGHT, "night, cold", night(home, SMALL_NIGHT))

    measured: list[tuple[int, Cost, Cost]] = []
    for rows in sizes:
        with tempfile.TemporaryDirectory(prefix="tollbook-bench-") as folder:
            home = Path(folder) / "home"
            file = write_logs(rows, home / "landing")
            bare = measure([sys.executable, BARE, str(file), str(Path(folder) / "bare.parquet")])
            report(rows, "bare statement", bare)
            shares = Path(folder) / "shares.json"
            whole = night(home, rows, shares)
            report(rows, "night", whole)
            report(rows, "checks and alerts", checks_share(shares, whole))
            report(rows, "again, nothing new", night(home, rows))
            report(rows, "ratio", ratios(whole, bare))
            for smaller, smaller_whole, smaller_bare in measured:
                wall = (whole.wall_seconds - smaller_whole.wall_seconds) / (
                    bare.wall_seconds - smaller_bare.wall_seconds
                )
                cpu = (whole.cpu_seconds - smaller_whole.cpu_seconds) / (
                    bare.cpu_seconds - smaller_bare.cpu_seconds
                )
                report(rows, f"further than {smaller:,}", f"{wall:8.2f}x {cpu:8.2f}x")
            measured.append((rows, whole, bare))


if __name__ == "__main__":
    main()
