"""Run work so that a signal ends it at once.

In the main thread Dagster handles SIGINT and SIGTERM itself: it checks them only between steps and while it waits, and
where a shell lets a background job ignore SIGINT, Dagster ignores SIGTERM too. Statements of DuckDB and Polars cannot
be interrupted. In another thread the work does not receive signals: SIGTERM and SIGHUP end the process by default,
SIGINT reaches a main thread that only waits. No cleanup is needed: a run may be killed at any moment, and the next one
continues.

Rulings: docs/decisions/runs.md#runs-6.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def stoppable(work: Callable[[], Result]) -> Result:
    """Run `work` in a thread; return its result or raise its exception.

    Raises:
        KeyboardInterrupt: SIGINT came. The work still goes on, until the process ends.
    """
    done: Future[Result] = Future()
    Thread(target=_do, args=(work, done), daemon=True).start()
    return done.result()


def _do(work: Callable[[], Result], done: Future[Result]) -> None:
    try:
        done.set_result(work())
    except BaseException as error:
        done.set_exception(error)
