"""A lost output does not end a run: broken pipes, full disks, closed streams, and listeners that raise."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TextIO

import pytest

from dagster_project.runs.console import Console, JsonConsole, Output, RichConsole, listening
from dagster_project.runs.events import ExitCode, Listener, Night


@contextmanager
def broken_pipe() -> Iterator[TextIO]:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        yield stream


@contextmanager
def full_disk() -> Iterator[TextIO]:
    with open("/dev/full", "w") as stream:
        yield stream


@contextmanager
def closed() -> Iterator[TextIO]:
    stream = io.StringIO()
    stream.close()
    yield stream


@contextmanager
def nothing() -> Iterator[None]:
    yield None


@pytest.mark.parametrize("stream", [broken_pipe, full_disk, closed, nothing])
@pytest.mark.parametrize("console", [Console, JsonConsole, RichConsole])
def test_a_console_whose_stream_is_gone_goes_on(console, stream, monkeypatch: pytest.MonkeyPatch) -> None:
    with stream() as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        monkeypatch.setattr(sys, "stderr", gone)
        speaking = console(gone) if console is Console else console()
        with speaking.night(2), listening(speaking):
            for _ in range(2):
                logging.getLogger("tollbook.dbt").info("marts.[/odd]")
                speaking.step_finished("dbt", 1.0, {"rows": 2})
                speaking.event("step", {"step": "dbt"})


def test_a_lost_output_is_reported_once_on_stderr(capsys) -> None:
    with broken_pipe() as pipe:
        output = Output(pipe)
        for _ in range(2):
            print("line", file=output, flush=True)
    assert (
        capsys.readouterr().err == "the output cannot be written ([Errno 32] Broken pipe); the run goes on\n"
    )


def test_a_process_whose_reader_has_gone_ends_with_its_own_code() -> None:
    """What a stream still holds at the end would make it 120."""
    program = (
        "import sys; from dagster_project.runs.console import JsonConsole\n"
        "for _ in range(3): JsonConsole().event('step', {})\n"
        "sys.exit(3)"
    )
    with broken_pipe() as pipe:
        ended = subprocess.run(
            [sys.executable, "-c", program], stdout=pipe, stderr=subprocess.PIPE, check=False
        )
    assert (ended.returncode, ended.stderr.count(b"the run goes on")) == (3, 1)


def test_a_listener_that_raises_ends_no_step_and_the_night_is_no_success() -> None:
    """An event without its metadata: its finding is unknown, so the code is 1."""
    night = Night(published=True)
    event = SimpleNamespace(
        step_key="publication",
        event_type_value="ASSET_MATERIALIZATION",
        event_specific_data=SimpleNamespace(
            materialization=SimpleNamespace(metadata={}, asset_key=SimpleNamespace(path=["publication"]))
        ),
    )
    Listener(night, Console(None))(SimpleNamespace(dagster_event=event, message="materialized"))
    assert night.unreadable_events == ["KeyError: 'replaced', at: materialized"]
    assert night.code == ExitCode.FAILED


def test_a_stream_that_its_owner_has_closed_needs_no_flush(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    output = Output(stream)
    output.write("said")
    stream.close()
    output.flush()
    assert capsys.readouterr().err == ""
