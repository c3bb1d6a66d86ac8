"""Calls that survive a bad minute: what Stripe says to try again is tried again, the rest is raised at once.

The SDK's own retries are off: they leave out a 429 in the middle of a list and a body that was cut off, and
ignore `Retry-After`. Waits grow from half a second with jitter; `Retry-After` is honoured where it is given,
`Stripe-Should-Retry` too, except that a rate limit passes whatever it says.
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
    status = error.http_status or 0
    if isinstance(error, stripe.RateLimitError | stripe.APIConnectionError) or status == 429:
        return True
    advice = _header(error, "stripe-should-retry")
    if advice in ("true", "false"):
        return advice == "true"
    return type(error) is stripe.APIError and (status in (200, 409) or status >= 500)


def _wait(error: stripe.StripeError, attempt: int) -> float:
    """Return the seconds to wait after a failed attempt."""
    asked = _header(error, "retry-after")
    if asked.isdigit():
        return min(float(asked), _LONGEST_WAIT_S)
    return min(_FIRST_WAIT_S * 2 ** (attempt - 1), _LONGEST_WAIT_S) * random.uniform(0.5, 1.0)


def _header(error: stripe.StripeError, wanted: str) -> str:
    """Return a header of a failed answer, whatever its capitals."""
    return {name.lower(): value for name, value in (error.headers or {}).items()}.get(wanted, "")
