"""The output of a run: progress on a terminal, plain lines in a log, JSON events for programs.

events.py reports steps; activity inside a step arrives on the logger `tollbook`. Output never stops a run: if it is
closed, the run goes on.

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
    """A stream that may be closed: after the first failed write, all output is dropped.

    A closed pipe, a full disk, a closed terminal and a descriptor closed before the start (`None`) must not end a run.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._is_gone = stream is None or stream.closed

    @property
    def encoding(self) -> str:
        """The stream's encoding; ASCII if it is closed."""
        return "ascii" if self._is_gone else self._stream.encoding

    def isatty(self) -> bool:
        """Whether the stream is an open terminal."""
        return not self._is_gone and self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor of the stream."""
        if self._is_gone:
            raise io.UnsupportedOperation("this stream is closed")
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Write, unless the stream is closed."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, unless the stream is closed."""
        if not self._is_gone and not self._stream.closed:
            self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        if self._is_gone:
            return
        try:
            act()
        except (OSError, ValueError) as error:
            self._is_gone = True
            self._discard_buffer()
            if self._stream is not sys.stderr:
                print(f"the output cannot be written ({error}); the run goes on", file=Output(sys.stderr))

    def _discard_buffer(self) -> None:
        """Redirect the stream's buffer to the null device, or Python reports an error at exit."""
        with suppress(OSError, ValueError), open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), self._stream.fileno())
            self._stream.flush()


class Console:
    """Plain lines on a stream, one per step; base class of the other consoles."""

    def __init__(self, stream: TextIO | None) -> None:
        self._output = Output(stream)

    @contextmanager
    def night(self, steps: int) -> Iterator[None]:
        """Context of one run of so many steps."""
        yield

    def step_finished(self, step: str, seconds: float, numbers: Mapping[str, Any]) -> None:
        """Report a finished step with its numbers."""
        counted = "  ".join(f"{name} {_number(value)}" for name, value in numbers.items())
        self.say(f"{step:<42} {seconds:>7.1f} s  {counted}".rstrip())

    def step_failed(self, step: str, message: str) -> None:
        """Report a failed step with its error."""
        self.say(f"{step:<42}  FAILED")
        for line in message.splitlines():
            self.say(f"    {line}")

    def activity(self, message: str) -> None:
        """Report the current activity; shown only on a terminal."""

    def say(self, line: str) -> None:
        """Write one line, escaped for a terminal."""
        print(printable(line), file=self._output, flush=True)

    def event(self, name: str, content: Mapping[str, Any]) -> None:
        """Report an event to a program; ignored here."""

    def restore_terminal(self) -> None:
        """Restore the terminal when a run is stopped."""


class LogConsole(Console):
    """The log of a Dagster run."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def say(self, line: str) -> None:
        """Log one line."""
        self._log.info(printable(line))


class JsonConsole(Console):
    """One JSON object per line on stdout; the lines for people go to stderr."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self._events = Output(sys.stdout)

    def event(self, name: str, content: Mapping[str, Any]) -> None:
        """Write one event."""
        print(json.dumps({"event": name, **content}, default=str), file=self._events, flush=True)


class RichConsole(Console):
    """A terminal: finished steps scroll, the running one is shown below with its time."""

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
        """Also advance the bar."""
        super().step_finished(step, seconds, numbers)
        if self._progress:
            self._progress.advance(self._task)

    def activity(self, message: str) -> None:
        """Show the activity beside the bar."""
        if self._progress:
            self._progress.update(self._task, description=printable(message))

    def restore_terminal(self) -> None:
        """Show the cursor again."""
        self._terminal.show_cursor()

    def say(self, line: str) -> None:
        """Write above the bar."""
        self._terminal.print(printable(line), markup=False, soft_wrap=True)


class ActivityHandler(logging.Handler):
    """Passes log records of steps to a console."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record; logging handles an error, so that the step does not fail."""
        try:
            self._console.activity(record.getMessage())
        except Exception:
            self.handleError(record)


@contextmanager
def listening(console: Console) -> Iterator[None]:
    """Show log records of steps on `console` within the block."""
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
