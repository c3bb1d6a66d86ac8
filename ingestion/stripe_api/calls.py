"""Calls that survive a bad minute: what Stripe says to try again is tried again, the rest is raised at once.

The SDK retries broken connections and 5xx by itself, but neither a 429 in the middle of a list nor a body
that was cut off. Waits grow from half a second with jitter, and `Retry-After` is honoured where it is
given.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

import stripe

ATTEMPTS = 6
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0

T = TypeVar("T")


def patiently(call: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Return what a call returns, trying again while the failure is one that passes.

    Raises:
        stripe.StripeError: the failure does not pass, or has not after `ATTEMPTS` tries.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return call()
        except stripe.StripeError as error:
            if not _passes(error):
                raise
            sleep(_wait(error, attempt))
    return call()


def _passes(error: stripe.StripeError) -> bool:
    """Say whether trying again can help."""
    if isinstance(error, stripe.RateLimitError | stripe.APIConnectionError):
        return True
    status = error.http_status or 0
    return type(error) is stripe.APIError and (status == 200 or status >= 500)


def _wait(error: stripe.StripeError, attempt: int) -> float:
    """Return the seconds to wait after a failed attempt."""
    asked = {name.lower(): value for name, value in (error.headers or {}).items()}.get("retry-after", "")
    if asked.isdigit():
        return min(float(asked), _LONGEST_WAIT_S)
    return min(_FIRST_WAIT_S * 2 ** (attempt - 1), _LONGEST_WAIT_S) * random.uniform(0.5, 1.0)
