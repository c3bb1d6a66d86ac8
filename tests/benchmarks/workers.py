"""`make bench`: landing files and the day-built part of a night, by one worker and by two.

    throughput = wall seconds of one worker ÷ wall seconds of two, in one run, over the same files

Requests of eight days, a file each, are read and built into a home of its own: by the process itself, by a pool of one
and by a pool of two, DuckDB with one thread in each. The day-built part are the models of kind `lake` and `daily`; what
dbt reports are their seconds. CPU is that of the process itself, for the other models, too. Nothing is published.

    python workers.py [REQUESTS [PLACE …]]

A pool of N has N processes, so a machine needs more free cores than N for the ratio to say something.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from gateway_logs import write_logs

from dagster_project.books.build import build
from dagster_project.dbt_runner.project import project
from dagster_project.set_up import set_up
from dagster_project.steps.conversion import convert_days, landed_days
from dagster_project.workers.driving import DONE, close_all
from ingestion import accepted, config, prices
from ingestion.home import Home
from ingestion.load import write_schemas
from ingestion.sources import load_sources

DAYS = 8
PLACES = ("", "pool:1", "pool:2")
MODELS = [f"+{node.name}" for node in project().graph.nodes.values() if node.is_by_day]


@dataclass(frozen=True)
class Part:
    """Wall seconds, CPU seconds of this process, those of its workers, and tasks."""

    wall: float
    cpu: float
    worker_cpu: float
    tasks: int

    def __str__(self) -> str:
        """Return one aligned cell group of the printed table."""
        return f"{self.wall:8.1f} {self.cpu:8.1f} {self.worker_cpu:8.1f} {self.tasks:5}"


class Meter:
    """What passed since it was made."""

    def __init__(self) -> None:
        self._before = time.monotonic(), time.process_time(), DONE.cpu_seconds, DONE.tasks

    def part(self, wall: float | None = None) -> Part:
        """Return it, perhaps with other wall seconds."""
        started, cpu, worker_cpu, tasks = self._before
        return Part(
            time.monotonic() - started if wall is None else wall,
            time.process_time() - cpu,
            DONE.cpu_seconds - worker_cpu,
            DONE.tasks - tasks,
        )


def night(home: Home) -> tuple[Part, Part]:
    """Read and build a home; return what landing files took, and the day-built models."""
    write_schemas(home)
    config.write_config(home)
    [source] = load_sources(home)
    days = {day.isoformat() for day in landed_days(home, [source])}
    meter = Meter()
    convert_days(home, source, "logs", days)
    landing = meter.part()
    for name, records in accepted.as_landed(home, [source]).items():
        accepted.accept(home, name, records)
    prices.write_catalogue(home)
    prices.resolve_models(home)
    prices.write_formulas(home)
    meter = Meter()
    result = build(home, project(), MODELS)
    assert not result.broken, result.explain()
    by_day = {node.unique_id for node in project().graph.nodes.values() if node.is_by_day}
    return landing, meter.part(sum(node.seconds for node in result.nodes if node.unique_id in by_day))


def main() -> None:
    """Measure every place in a process of its own, and print as it goes."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    memory = psutil.virtual_memory().total / 2**30
    print(f"{psutil.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}")
    print(f"load {os.getloadavg()[0]:.1f} before the first")
    print(f"{rows:,} requests of {DAYS} days")
    print(f"{'seconds':<8} {'landing files':>32}   {'day-built models':>32}")
    print(f"{'':<8} {'wall      CPU  workers tasks':>32}   {'wall      CPU  workers tasks':>32}")
    for place in sys.argv[2:] or PLACES:
        with tempfile.TemporaryDirectory(prefix="tollbook-bench-") as folder:
            root = Path(folder) / "home"
            for number in range(DAYS):
                write_logs(rows // DAYS, root / "landing", number)
            environment = {
                **os.environ,
                "TOLLBOOK_HOME": str(root),
                "TOLLBOOK_WORKERS": place,
                "TOLLBOOK_THREADS": "1",
            }
            subprocess.run([sys.executable, __file__, "--night"], env=environment, check=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["--night"]:
        landing_part, days_part = night(Home.locate())
        close_all()
        print(f"{os.environ['TOLLBOOK_WORKERS'] or 'here':<8} {landing_part}   {days_part}", flush=True)
    else:
        set_up()
        main()
