"""`tollbook doctor --workers`: whether every worker may and can work for this home.

    probes, two per slot ► which worker answered, what it said ► lines, exit code

Rulings: docs/decisions/workers.md#workers-4
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dagster_project.printable import counted
from dagster_project.workers.admission import versions
from dagster_project.workers.driving import look, slots
from dagster_project.workers.setting import Setting, WorkersError
from ingestion.home import Home

#: A cluster without room for a task does not answer at all.
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class WorkerAnswer:
    """What one worker said to its probes.

    Attributes:
        worker: host and process.
        probes: how many it did.
        seconds: that the slowest took.
        peak_mib: the most memory it held.
        problem: why it cannot work; empty if it can.
    """

    worker: str
    probes: int
    seconds: float
    peak_mib: int
    problem: str = ""


@dataclass(frozen=True)
class WorkersReport:
    """All answers, by worker.

    Attributes:
        where: TOLLBOOK_WORKERS.
        slots: tasks that run at once.
        answers: of the workers.
        problem: why there are none; empty if there are.
    """

    where: str
    slots: int
    answers: tuple[WorkerAnswer, ...] = ()
    problem: str = ""

    @property
    def needs_a_person(self) -> bool:
        """Whether a worker cannot work."""
        return bool(self.problem or any(answer.problem for answer in self.answers))

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "versions": versions(), "needs_a_person": self.needs_a_person}

    def lines(self) -> Iterator[str]:
        """Yield the report as a person reads it."""
        yield f"workers   {self.where}, {counted(self.slots, 'task')} at once"
        yield "versions  " + ", ".join(f"{name} {number}" for name, number in versions().items())
        for answer in self.answers:
            did = f"{counted(answer.probes, 'probe')}, {answer.seconds:.1f} s, {answer.peak_mib} MiB"
            yield f"{answer.worker}  " + (f"refused: {answer.problem}" if answer.problem else f"ok: {did}")
        if self.problem:
            yield self.problem
        yield "not all workers can work" if self.needs_a_person else "all workers can work"


def examine(home: Home, chosen: Setting) -> WorkersReport:
    """Have every worker look at the home, sort some rows and write a file there; the caller holds the lock."""
    home.raw.mkdir(parents=True, exist_ok=True)
    found: list[WorkersReport] = []
    prober = threading.Thread(target=lambda: found.append(_probed(home, chosen)), daemon=True)
    prober.start()
    prober.join(PATIENCE_SECONDS)
    problem = f"no answer within {PATIENCE_SECONDS:.0f} s: does the cluster have room for a task?"
    return found[0] if found else WorkersReport(chosen.where, 0, problem=problem)


def _probed(home: Home, chosen: Setting) -> WorkersReport:
    try:
        results = look(home, chosen)
    except WorkersError as error:
        return WorkersReport(chosen.where, 0, problem=str(error))
    by_worker: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        by_worker.setdefault(result["worker"], []).append(result)
    answers = tuple(_answer(worker, told) for worker, told in sorted(by_worker.items()))
    return WorkersReport(chosen.where, slots(chosen), answers)


def _answer(worker: str, told: list[dict[str, Any]]) -> WorkerAnswer:
    problems = [problem for result in told if (problem := _problem(result))]
    return WorkerAnswer(
        worker,
        len(told),
        max(result["seconds"] for result in told),
        max(result["peak_bytes"] for result in told) >> 20,
        problems[0] if problems else "",
    )


def _problem(result: dict[str, Any]) -> str:
    if stated := result.get("refused") or result.get("failed"):
        return stated
    file = Path(result["given"]["file"])
    if not file.exists():
        return f"what it wrote is not seen here: {file}"
    file.unlink()
    return ""
