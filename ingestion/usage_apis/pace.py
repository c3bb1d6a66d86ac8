"""Keep calls within a rate.

call ──► as many calls as the rate allows made just now? ──► sleep until the oldest is old enough ──► call
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ingestion.usage_apis.settings import Rate

_MARGIN_S = 1.0
"""Servers count in whole seconds."""


class Pace:
    """Limits the rate of calls; does nothing without a rate."""

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
