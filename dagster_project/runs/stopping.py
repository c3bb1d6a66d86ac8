"""Work that a signal ends at once, whatever it is doing.

Dagster takes over SIGINT and SIGTERM while it runs in the main thread: it notes them between steps and while it waits,
and where a script has made its background job ignore SIGINT, it lets SIGTERM be ignored as well. Statements of DuckDB
and Polars return when they are done. In a thread of its own the work has nothing to do with signals: SIGTERM and SIGHUP
end the process as the kernel does it, SIGINT reaches a main thread that only waits. Nothing is tidied up, because
nothing has to be: a run may be killed at any moment, and the next one goes on where it was.

Rulings: docs/decisions/runs.md#runs-6.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def stoppable(work: Callable[[], Result]) -> Result:
    """Do `work` in a thread, and return or raise what it does.

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
