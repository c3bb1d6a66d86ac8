"""One night in this process, and the CPU of its gates, dbt tests, detectors and alerts: run by bench.py.

A thread looks every 20 ms at what the process is doing, and adds the CPU that all its threads took since then to one
part:

    gates      a function of dagster_project/quality runs: profiles, Great Expectations, Data Docs
    alerts     a function of dagster_project/alerts runs
    dbt tests  dbt has started a test and not yet the next node
    detectors  the same for a model below models/<layer>/quality
    rest       everything else

    python night_shares.py HOME RESULT.json     ends like `tollbook run`; the result has CPU seconds by part
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

SAMPLE_SECONDS = 0.02
PARTS = {"/dagster_project/quality/": "gates", "/dagster_project/alerts/": "alerts"}
DBT = "/dagster_project/dbt_runner/build.py"


class CurrentNode(logging.Handler):
    """The kind of the dbt node that was started last, from the lines of the runner."""

    def __init__(self, detectors: set[str]) -> None:
        super().__init__()
        self.part = "rest"
        self._detectors = detectors

    def emit(self, record: logging.LogRecord) -> None:
        started = record.getMessage()
        name = started.rpartition(".")[2].split()[0] if started else ""
        if started.startswith("test "):
            self.part = "dbt tests"
        else:
            self.part = "detectors" if name in self._detectors else "rest"


def part_of(frames: list[FrameType], node: CurrentNode) -> str:
    """Return the part that any of these stacks belongs to; a module that is being imported belongs to none."""
    files = []
    for top in frames:
        frame: FrameType | None = top
        while frame is not None:
            if frame.f_code.co_name != "<module>":
                files.append(frame.f_code.co_filename)
            frame = frame.f_back
    for place, part in PARTS.items():
        if any(place in file for file in files):
            return part
    return node.part if any(file.endswith(DBT) for file in files) else "rest"


def sample(taken: Counter[str], node: CurrentNode, is_over: threading.Event) -> None:
    """Add what the process took to the parts until it is over."""
    own = threading.get_ident()
    before = time.process_time()
    while not is_over.wait(SAMPLE_SECONDS):
        frames = [frame for thread, frame in sys._current_frames().items() if thread != own]
        now = time.process_time()
        taken[part_of(frames, node)] += now - before
        before = now


def main() -> None:
    """Run the night and write the CPU seconds of each part."""
    home, result = sys.argv[1:]
    from dagster_project.cli import main as tollbook
    from dagster_project.dbt_runner.project import project

    detectors = {node["name"] for node in project().models if "quality" in node["fqn"]}
    node = CurrentNode(detectors)
    logger = logging.getLogger("tollbook.dbt")
    logger.addHandler(node)
    logger.setLevel(logging.INFO)
    taken: Counter[str] = Counter()
    is_over = threading.Event()
    sampler = threading.Thread(target=sample, args=(taken, node, is_over), daemon=True)
    sampler.start()
    sys.argv = ["tollbook", "run", "--home", home]
    try:
        tollbook()
    finally:
        is_over.set()
        sampler.join()
        Path(result).write_text(json.dumps(taken))


if __name__ == "__main__":
    main()
