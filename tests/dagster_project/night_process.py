"""A command or a job in a process of its own, forked from one that has imported everything; it can be killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, TextIO

from ingestion.home import HOME_VARIABLE, Home

PRELOADED = [
    "dagster_project.definitions",
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


#: Far more than a night takes, on a machine that does much else.
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code (negative: the signal that killed it) and its output."""

    code: int
    output: str


def night(home: Home, *arguments: str, kill: str = "", unread: bool = False) -> Ended:
    """Run `tollbook run` over `home`.

    Args:
        home: whose night it is.
        arguments: further ones of the command.
        kill: the moment at which it dies without warning, or, after `terminated`, gets a SIGTERM.
        unread: whether its stdout is a pipe that is no longer read.
    """
    return tollbook(home, "run", *arguments, kill=kill, unread=unread)


def tollbook(home: Home, command: str, *arguments: str, kill: str = "", unread: bool = False) -> Ended:
    """Run a command of `tollbook` over `home`; `kill` and `unread` as for `night`."""
    return _ended(home, _command, (*command.split(), "--home", str(home.root), *arguments), kill, unread)


def job(home: Home, name: str, run_config: Mapping[str, Any]) -> Ended:
    """Run a job as the Dagster UI does, on the home's own instance."""
    return _ended(home, _job, (str(home.root), name, run_config))


def _ended(
    home: Home, work: Callable[..., None], arguments: tuple[Any, ...], kill: str = "", unread: bool = False
) -> Ended:
    said = home.root.with_name(f"{home.root.name}.output")
    process = _server().Process(
        target=_run, args=(work, arguments, kill, unread, str(said), dict(os.environ))
    )
    process.start()
    process.join(PATIENCE_SECONDS)
    process.kill()
    assert process.exitcode is not None, f"it did not end in time; it said {said.read_text()}"
    return Ended(process.exitcode, said.read_text())


def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _run(
    work: Callable[..., None],
    arguments: tuple[Any, ...],
    kill: str,
    unread: bool,
    said: str,
    environment: dict[str, str],
) -> None:
    # The server keeps the environment it was started with.
    os.environ.clear()
    os.environ.update(environment)
    if kill:
        _arm(kill)
    with ExitStack() as stack:
        output = stack.enter_context(Path(said).open("w"))
        stack.enter_context(redirect_stderr(output))
        stack.enter_context(redirect_stdout(stack.enter_context(_unread()) if unread else output))
        work(*arguments)


def _unread() -> TextIO:
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


def _command(*arguments: str) -> None:
    from dagster_project import cli

    sys.argv = ["tollbook", *arguments]
    cli.main()


def _job(root: str, name: str, run_config: Mapping[str, Any]) -> None:
    from dagster_project.definitions import defs
    from dagster_project.runs.instance import open_instance

    os.environ[HOME_VARIABLE] = root
    with open_instance(Home(Path(root))) as instance:
        ended = (
            defs()
            .resolve_job_def(name)
            .execute_in_process(instance=instance, run_config=dict(run_config), raise_on_error=False)
        )
    sys.exit(0 if ended.success else 1)


def _arm(moment: str) -> None:
    """Arrange to die at `moment`.

    'after <step>', 'during <what a step says>', 'before the rename' of tollbook.duckdb, or 'before naming' or 'after
    naming' a file whose name ends so. After 'terminated' it gets a SIGTERM, and a minute to heed it.
    """
    from dagster_project.alerts import sending
    from dagster_project.books import publishing
    from dagster_project.runs.console import Console
    from ingestion import files

    die = _terminate if moment.startswith("terminated ") else _die
    moment = moment.removeprefix("terminated ")
    when, _, what = moment.partition(" ")
    naming, _, ending = what.partition(" ")
    if moment == "after sending":
        sending.send = _dying_after(sending.send, die)
    elif moment == "before the rename":
        publishing._replace = die
    elif naming == "naming":
        files.publish = _dying_around(files.publish, when, ending, die)
    elif when == "after":
        Console.step_finished = _dying_at(what, die)
    else:
        Console.activity = _dying_at(what, die)


def _dying_after(work: Callable[..., None], die: Callable[[], None]) -> Callable[..., None]:
    def done(*arguments: object) -> None:
        work(*arguments)
        die()

    return done


def _dying_around(
    publish: Callable[[Path, Path], None], when: str, ending: str, die: Callable[[], None]
) -> Callable[[Path, Path], None]:
    def name(temporary: Path, target: Path) -> None:
        if when == "after" or not target.name.endswith(ending):
            publish(temporary, target)
        if target.name.endswith(ending):
            die()

    return name


def _dying_at(what: str, die: Callable[[], None]) -> Callable[..., None]:
    def listen(console: object, said: str, *rest: object) -> None:
        if what in said:
            die()

    return listen


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _terminate(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
