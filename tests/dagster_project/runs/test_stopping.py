"""A signal ends the work at once, whatever it is doing and however the process was started."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from dagster_project.runs.stopping import stoppable

#: A minute of work each, in a statement, in Python, in a wait, and with Dagster's own handling of signals.
WORK = {
    "a statement": "duckdb.sql('select count(*) from range(100_000_000_000) as one(i) where hash(i) = 0').fetchall()",
    "Python": "sum(number % 7 for number in range(10**10))",
    "a wait": "time.sleep(60)",
    "a run of Dagster": "job.execute_in_process(instance=dg.DagsterInstance.ephemeral())",
}
PROGRAM = """
import signal, sys, time
import duckdb
from dagster_project.runs.stopping import stoppable
signal.signal(signal.SIGINT, getattr(signal, sys.argv[1]))
if "job" in sys.argv[2]:
    import dagster as dg

    @dg.op
    def wait():
        say()
        time.sleep(60)

    @dg.job
    def job():
        wait()


def say():
    print("working", flush=True)


def work():
    if "job" not in sys.argv[2]:
        say()
    exec(sys.argv[2])


stoppable(work)
"""


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize(
    "on_interrupt", ["default_int_handler", "SIG_IGN"], ids=["in front", "in the background"]
)
def test_sigterm_ends_it_at_once(work: str, on_interrupt: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, on_interrupt, WORK[work]], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "working\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM


def test_ctrl_c_ends_a_night_at_once_with_a_sentence_and_130() -> None:
    program = """
import signal, sys, time
from dagster_project import cli
from dagster_project.runs import night
signal.signal(signal.SIGINT, signal.default_int_handler)
night.nightly = lambda *_: (print("working", flush=True), time.sleep(60))
sys.argv = ["tollbook", "run", "--home", "."]
cli.main()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr.read().startswith("stopped; the published marts are unchanged")


def test_what_the_work_returns_or_raises_is_returned_or_raised() -> None:
    assert stoppable(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        stoppable(lambda: 1 / 0)
