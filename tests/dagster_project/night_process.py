"""A night in a process of its own, forked from one that has imported everything; it can be killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

from ingestion.home import Home

PRELOADED = [
    "dagster_project.definitions",
    "dagster_project.defs.checks",
    "dagster_project.defs.publish",
    "dagster_project.defs.schedules",
    "dagster_project.defs.stripe",
    "dagster_project.defs.warehouse",
    "dbt.adapters.duckdb.impl",
    "dbt.cli.main",
    "dbt.task.build",
    "ingestion.prices",
    "ingestion.stripe_api",
]


PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Ended:
    """How a night ended: its exit code (negative: the signal that killed it) and what it said."""

    code: int
    said: str


def night(home: Home, *arguments: str, kill: str = "") -> Ended:
    """Run `tollbook run` over `home`; with `kill`, die without warning when that moment has come."""
    said = home.root.with_name(f"{home.root.name}.said")
    process = _server().Process(
        target=_run, args=(str(home.root), arguments, kill, str(said), dict(os.environ))
    )
    process.start()
    process.join(PATIENCE_SECONDS)
    process.kill()
    assert process.exitcode is not None, f"the night did not end in time; it said {said.read_text()}"
    return Ended(process.exitcode, said.read_text())


def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _run(root: str, arguments: tuple[str, ...], kill: str, said: str, environment: dict[str, str]) -> None:
    from dagster_project import cli

    os.environ.update(environment)  # the server keeps the one it was started with

    if kill:
        _arm(kill)
    with Path(said).open("w") as output, redirect_stdout(output), redirect_stderr(output):
        sys.argv = ["tollbook", "run", "--home", root, *arguments]
        cli.main()


def _arm(moment: str) -> None:
    """Arrange to die at `moment`: 'after <step>', 'during <what a step says>', or 'before the rename'."""
    from dagster_project import publishing
    from dagster_project.console import Console

    when, _, what = moment.partition(" ")
    if moment == "before the rename":
        publishing._replace = _die
    elif when == "after":
        Console.step_finished = _dying_at(what)
    else:
        Console.activity = _dying_at(what)


def _dying_at(what: str) -> Callable[..., None]:
    def listen(console: object, said: str, *rest: object) -> None:
        if what in said:
            _die()

    return listen


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
