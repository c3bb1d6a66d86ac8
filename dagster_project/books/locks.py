"""One writer per home, also between steps of one process.

Every asset that writes uses `writing(home)`, so a run in the Dagster UI and a `tollbook run` in a terminal exclude each
other: a command does not wait, a step does, up to a deadline. `tollbook run` already holds the lock when its assets
take it: the lock is reentrant within one process.

Rulings: docs/decisions/runs.md#runs-7.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from dagster_project.books.upgrade import upgrade
from ingestion.home import Home, HomeLocked
from ingestion.locks import LockHeld, held

logger = logging.getLogger("tollbook.lock")

#: For how many seconds a step waits for another process that writes its home, before it fails.
STEP_WAIT_SECONDS = 600.0


@contextmanager
def writing(home: Home, wait_seconds: float = STEP_WAIT_SECONDS) -> Iterator[None]:
    """Hold the writer lock of `home` until the outermost block of this process ends; upgrade the home first.

    Args:
        home: the home.
        wait_seconds: for how many seconds to wait for another process.

    Raises:
        HomeLocked: another process held it until the wait ended; the message names its process id.
    """

    def waiting(holder: str) -> None:
        logger.info("waiting for process %s, which is writing %s", holder, home.root)

    with ExitStack() as stack:
        try:
            is_outermost = stack.enter_context(held(home.lock_file, wait_seconds, waiting))
        except LockHeld as error:
            raise HomeLocked(
                f"{home.root} is being written by process {error.holder}; wait for it to end"
            ) from None
        if is_outermost:
            upgrade(home)
        yield
