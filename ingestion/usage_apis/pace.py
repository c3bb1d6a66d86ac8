"""Waiting: within a rate, and in steps that a run which is told to stop does not outlast.

call ──► as many calls as the rate allows made just now? ──► sleep until the oldest is old enough ──► call
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from ingestion.usage_apis.settings import Rate

_STEP_S = 0.5
_MARGIN_S = 1.0
"""Servers count in whole seconds."""

_is_stopping = False


class Stopped(Exception):
    """The process was told to stop while it waited; nothing that was fetched is lost."""


def stop() -> None:
    """Let every wait of this process end with `Stopped`; safe in a signal handler."""
    global _is_stopping
    _is_stopping = True


def sleep(seconds: float) -> None:
    """Wait.

    Raises:
        Stopped: `stop` was called before or meanwhile.
    """
    until = time.monotonic() + seconds
    while not _is_stopping and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _STEP_S))
    if _is_stopping:
        raise Stopped("told to stop while waiting for a usage API")


class Pace:
    """Keeps calls within a rate, or lets them be if there is none."""

    def __init__(self, rate: Rate | None, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._rate, self._sleep, self._clock = rate, sleep, clock
        self._made: deque[float] = deque(maxlen=rate.calls if rate else 0)

    def wait(self) -> None:
        """Wait until one more call keeps the rate, and count it."""
        if not self._rate:
            return
        if len(self._made) == self._rate.calls:
            left = self._made[0] + self._rate.seconds + _MARGIN_S - self._clock()
            if left > 0:
                self._sleep(left)
        self._made.append(self._clock())
