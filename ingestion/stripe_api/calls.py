"""Calls with retries: transient failures are retried, others are raised at once.

The SDK's own retries are off: they leave out a 429 in the middle of a list and a body that was cut off, and
ignore `Retry-After`. Waits grow from half a second with jitter; `Retry-After` is honoured, and so is
`Stripe-Should-Retry`, except on a rate limit, which is always retried.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import stripe
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

ATTEMPTS = 6
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0


def retrying(sleep: Callable[[float], None] = time.sleep) -> Retrying:
    """Return a retrier for transient failures: `retrying()(service.list, parameters)`.

    The call raises stripe.StripeError on a permanent failure, or after `ATTEMPTS` tries.
    """
    return Retrying(
        retry=retry_if_exception(_is_transient),
        stop=stop_after_attempt(ATTEMPTS),
        wait=_wait,
        sleep=sleep,
        reraise=True,
    )


def _is_transient(error: BaseException) -> bool:
    """Return whether a retry can help."""
    if not isinstance(error, stripe.StripeError):
        return False
    status = error.http_status or 0
    if isinstance(error, stripe.RateLimitError | stripe.APIConnectionError) or status == 429:
        return True
    advice = _header(error, "stripe-should-retry")
    if advice in ("true", "false"):
        return advice == "true"
    return type(error) is stripe.APIError and (status in (200, 409) or status >= 500)


def _wait(state: RetryCallState) -> float:
    """Return the seconds to wait after a failed attempt."""
    stated = _header(state.outcome.exception(), "retry-after")
    if stated.isdigit():
        return min(float(stated), _LONGEST_WAIT_S)
    return min(_FIRST_WAIT_S * 2 ** (state.attempt_number - 1), _LONGEST_WAIT_S) * random.uniform(0.5, 1.0)


def _header(error: stripe.StripeError, wanted: str) -> str:
    """Return a header of a failed answer, whatever its capitals."""
    return {name.lower(): value for name, value in (error.headers or {}).items()}.get(wanted, "")
