"""One writer per home; one process may take the lock twice."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from threading import Timer

import pytest
from filelock import FileLock, Timeout

from dagster_project.books.locks import writing
from ingestion.home import Home, HomeLocked


def test_the_lock_nests_within_a_process(home: Home) -> None:
    with writing(home):
        with writing(home):
            pass
        with pytest.raises(Timeout), FileLock(home.lock_file, timeout=0):
            pass
    with FileLock(home.lock_file, timeout=0):
        pass


def test_the_lock_is_free_after_an_error(home: Home) -> None:
    with pytest.raises(ValueError, match="broke"), writing(home):
        raise ValueError("broke")
    with FileLock(home.lock_file, timeout=0):
        pass


def test_another_process_is_kept_out_and_learns_who_holds_the_home(home: Home) -> None:
    """The pool is left to end by itself: where SIGINT is ignored, Dagster lets SIGTERM be ignored as well."""
    spawned = multiprocessing.get_context("spawn")
    with writing(home), ProcessPoolExecutor(1, mp_context=spawned) as pool:
        assert "is being written by process" in pool.submit(try_to_write, home).result()


def test_a_step_waits_for_another_process_until_its_deadline(home: Home, caplog) -> None:
    caplog.set_level("INFO")
    with writing(home):  # notes the number of this process
        pass
    with (
        FileLock(home.lock_file),
        pytest.raises(HomeLocked, match=str(os.getpid())),
        writing(home, wait_seconds=0.1),
    ):
        pass
    assert [record.getMessage() for record in caplog.records] == [
        f"waiting for process {os.getpid()}, which is writing {home.root}"
    ]


def test_a_step_goes_on_when_the_other_process_lets_go(home: Home) -> None:
    with ExitStack() as stack:
        stack.enter_context(FileLock(home.lock_file, thread_local=False))
        Timer(0.1, stack.close).start()
        with writing(home, wait_seconds=60):
            pass


def try_to_write(home: Home) -> str:
    try:
        with writing(home, wait_seconds=0):
            return "got it"
    except HomeLocked as error:
        return str(error)
