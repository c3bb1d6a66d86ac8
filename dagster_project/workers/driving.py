"""The driver's side: the workers of this process, tasks sent to them, and what came back.

    send(home, tasks) ► place ► results, as they come ► progress; a refusal or an error ends the build by name

Workers are started for the first tasks and kept until the process ends.
"""

from __future__ import annotations

import atexit
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dagster_project.workers.admission import marked
from dagster_project.workers.places import Place, opened
from dagster_project.workers.setting import Setting, WorkersError, setting
from ingestion.home import Home

logger = logging.getLogger("tollbook.workers")


@dataclass
class Work:
    """Tasks that were done elsewhere.

    Attributes:
        tasks: their number.
        cpu_seconds: CPU that the workers took for them.
        peak_bytes: the most memory that one worker held.
        workers: the workers that did them, host:process.
    """

    tasks: int = 0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    workers: set[str] = field(default_factory=set)

    def add(self, result: Mapping[str, Any]) -> None:
        """Add one task."""
        self.tasks += 1
        self.cpu_seconds += result["cpu_seconds"]
        self.peak_bytes = max(self.peak_bytes, result["peak_bytes"])
        self.workers.add(result["worker"])

    def metadata(self) -> dict[str, Any]:
        """Return it as Dagster metadata; nothing where no task was done."""
        if not self.tasks:
            return {}
        return {
            "tasks": self.tasks,
            "worker_cpu_seconds": round(self.cpu_seconds, 3),
            "worker_peak_mib": self.peak_bytes >> 20,
            "workers": ", ".join(sorted(self.workers)),
        }


#: Every task of this process so far.
DONE = Work()


_PLACES: dict[Setting, Place] = {}


def _opened(chosen: Setting) -> Place:
    if chosen not in _PLACES:
        _PLACES[chosen] = opened(chosen)
    return _PLACES[chosen]


@atexit.register
def close_all() -> None:
    """Let all workers go."""
    while _PLACES:
        _PLACES.popitem()[1].close()


def slots(chosen: Setting) -> int:
    """Return how many tasks run at once; starts the workers.

    Raises:
        WorkersError: they cannot be reached.
    """
    return _opened(chosen).slots


def look(home: Home, chosen: Setting) -> list[dict[str, Any]]:
    """Return the results of two probes per slot, refusals and errors included.

    Raises:
        WorkersError: the workers cannot be reached.
    """
    place = _opened(chosen)
    with marked(home) as stated:
        task = {"do": "probe", "stated": stated, "memory": chosen.memory, "threads": chosen.threads}
        return list(place.results([{**task, "name": str(number)} for number in range(2 * place.slots)]))


def send(home: Home, tasks: Sequence[Mapping[str, Any]], work: Work) -> Iterator[Any]:
    """Have tasks done by the workers of TOLLBOOK_WORKERS; yield (name, what it gives) of each, as it is done.

    Args:
        home: the home that they read and write.
        tasks: plain data; each has a `name`, and a kind of performing.KINDS in `do`.
        work: what was done is added to it.

    Raises:
        WorkersError: a worker was refused, or a task failed, or its workers died; the message names them.
    """
    chosen = setting()
    if chosen is None or not tasks:
        return
    place, refused = _opened(chosen), {}
    with marked(home) as stated:
        limits = {"stated": stated, "memory": chosen.memory, "threads": chosen.threads}
        for number, result in enumerate(place.results([{**task, **limits} for task in tasks]), start=1):
            if "refused" in result:
                refused[result["worker"]] = result["refused"]
                continue
            if "failed" in result:
                logger.debug("%s", result["trace"])
                raise WorkersError(f"{result['name']}, on worker {result['worker']}: {result['failed']}")
            work.add(result)
            DONE.add(result)
            logger.info(
                "%s of %s tasks: %s, %.1f s on %s",
                *(number, len(tasks), result["name"], result["seconds"], result["worker"]),
            )
            yield result["name"], result["given"]
    if refused:
        raise WorkersError(
            "\n".join(f"worker {worker} is refused: {reason}" for worker, reason in sorted(refused.items()))
        )
