"""How a run speaks: bars and lines on a terminal, plain lines in a log, events for a machine.

Steps are told by run.py; what happens inside a step arrives on the logger `tollbook`. Decides nothing, and breaks
nothing: when nobody reads any more, the run goes on.

Rulings: docs/decisions/runs.md#runs-6.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from dagster_project.printable import printable

LOGGER = logging.getLogger("tollbook")


class Output(io.TextIOBase):
    """A stream whose reader may go away: from the first write that fails, all that is written is dropped.

    A pipe whose reader has ended, a full disk, a terminal that was closed and a descriptor that was closed before
    the start (`None`) are no reason to end a run.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._is_gone = stream is None or stream.closed

    @property
    def encoding(self) -> str:
        """Of the stream; ASCII where there is none."""
        return "ascii" if self._is_gone else self._stream.encoding

    def isatty(self) -> bool:
        """Whether a person sees what is written."""
        return not self._is_gone and self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        if self._is_gone:
            raise io.UnsupportedOperation("nothing is behind this stream")
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write, if anybody is there."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, if anybody is there; a stream that its owner has closed holds nothing any more."""
        if not self._is_gone and not self._stream.closed:
            self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        if self._is_gone:
            return
        try:
            act()
        except (OSError, ValueError) as error:
            self._is_gone = True
            self._empty()
            if self._stream is not sys.stderr:
                print(f"the output cannot be written ({error}); the run goes on", file=Output(sys.stderr))

    def _empty(self) -> None:
        """Let what the stream still holds flow into nothing, or Python complains about it at its end."""
        with suppress(OSError, ValueError), open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), self._stream.fileno())
            self._stream.flush()


class Console:
    """Plain lines on a stream, one per step; the other consoles change where they go or add to them."""

    def __init__(self, stream: TextIO | None) -> None:
        self._output = Output(stream)

    @contextmanager
    def night(self, steps: int) -> Iterator[None]:
        """Cover one run of so many steps."""
        yield

    def step_finished(self, step: str, seconds: float, numbers: Mapping[str, Any]) -> None:
        """Say that a step is done and what it counted."""
        counted = "  ".join(f"{name} {_number(value)}" for name, value in numbers.items())
        self.say(f"{step:<42} {seconds:>7.1f} s  {counted}".rstrip())

    def step_failed(self, step: str, message: str) -> None:
        """Say that a step failed, and why."""
        self.say(f"{step:<42}  FAILED")
        for line in message.splitlines():
            self.say(f"    {line}")

    def activity(self, message: str) -> None:
        """Say what a step is doing right now; only a terminal has a place for it."""

    def say(self, line: str) -> None:
        """Write one line for a person, whatever a log put into it."""
        print(printable(line), file=self._output, flush=True)

    def event(self, name: str, content: Mapping[str, Any]) -> None:
        """Tell a machine; nobody listens here."""

    def let_go(self) -> None:
        """Leave the terminal as it was, in the middle of a night that is being stopped."""


class LogConsole(Console):
    """The log of a Dagster run, for a night that is a part of it."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def say(self, line: str) -> None:
        """Log one line."""
        self._log.info(printable(line))


class JsonConsole(Console):
    """One JSON object per line on stdout for a machine; the lines for people go to stderr."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self._events = Output(sys.stdout)

    def event(self, name: str, content: Mapping[str, Any]) -> None:
        """Write one event."""
        print(json.dumps({"event": name, **content}, default=str), file=self._events, flush=True)


class RichConsole(Console):
    """A terminal: finished steps scroll by, the running one stands below with the time it has taken."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        from rich.console import Console as Terminal

        self._terminal = Terminal(file=self._output, highlight=False)
        self._progress: Any = None

    @contextmanager
    def night(self, steps: int) -> Iterator[None]:
        """Draw a bar over the steps of the run."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (SpinnerColumn(), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(
            *columns,
            TextColumn("{task.description}", markup=False),
            console=self._terminal,
            transient=True,
        ) as bar:
            self._progress, self._task = bar, bar.add_task("starting", total=steps)
            try:
                yield
            finally:
                self._progress = None

    def step_finished(self, step: str, seconds: float, numbers: Mapping[str, Any]) -> None:
        """Move the bar on, too."""
        super().step_finished(step, seconds, numbers)
        if self._progress:
            self._progress.advance(self._task)

    def activity(self, message: str) -> None:
        """Show what is going on beside the bar."""
        if self._progress:
            self._progress.update(self._task, description=printable(message))

    def let_go(self) -> None:
        """Show the cursor again."""
        self._terminal.show_cursor()

    def say(self, line: str) -> None:
        """Write above the bar."""
        self._terminal.print(printable(line), markup=False, soft_wrap=True)


class ActivityHandler(logging.Handler):
    """Hands what the steps log to a console."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record; one that cannot be shown is logging's to report, not the step's to fail on."""
        try:
            self._console.activity(record.getMessage())
        except Exception:
            self.handleError(record)


@contextmanager
def listening(console: Console) -> Iterator[None]:
    """Show what the steps log on `console` for as long as the block lasts."""
    handler = ActivityHandler(console)
    LOGGER.addHandler(handler)
    level, propagate = LOGGER.level, LOGGER.propagate
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)
        LOGGER.propagate = propagate


def choose(as_json: bool) -> Console:
    """Return the console for this process's streams."""
    if as_json:
        return JsonConsole()
    return RichConsole() if Output(sys.stdout).isatty() else Console(sys.stdout)


def say_all(console: Console, lines: Iterable[str]) -> None:
    """Write several lines."""
    for line in lines:
        console.say(line)


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
