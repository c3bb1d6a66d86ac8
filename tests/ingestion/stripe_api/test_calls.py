"""Which failures are tried again, how long is waited, and when to stop."""

from __future__ import annotations

import pytest
import stripe

from ingestion.stripe_api.calls import ATTEMPTS, retrying


class Flaky:
    """A call that fails some times before it answers."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.left, self.calls = error, times, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return "answer"


PASSING = [
    stripe.RateLimitError("slow down", http_status=429),
    stripe.APIConnectionError("cut off"),
    stripe.APIError("html", http_status=200),
    stripe.APIError("down", http_status=503),
    stripe.APIError("in use", http_status=409),
    stripe.RateLimitError("do not", http_status=429, headers={"Stripe-Should-Retry": "false"}),
    stripe.APIError("lock", http_status=400, headers={"stripe-should-retry": "true"}),
]
LASTING = [
    stripe.AuthenticationError("no", http_status=401),
    stripe.PermissionError("no", http_status=403),
    stripe.InvalidRequestError("no", "limit", http_status=400),
    stripe.APIError("odd", http_status=418),
    stripe.APIError("do not", http_status=500, headers={"Stripe-Should-Retry": "false"}),
]


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_a_failure_that_passes_is_tried_again(error: stripe.StripeError) -> None:
    waits: list[float] = []
    assert retrying(waits.append)(Flaky(error, 3)) == "answer"
    assert len(waits) == 3


@pytest.mark.parametrize("error", LASTING, ids=str)
def test_a_failure_that_lasts_is_raised_at_once(error: stripe.StripeError) -> None:
    call = Flaky(error, 9)
    with pytest.raises(type(error)):
        retrying(lambda _: None)(call)
    assert call.calls == 1


def test_it_gives_up_after_the_last_attempt() -> None:
    call = Flaky(PASSING[0], 99)
    with pytest.raises(stripe.RateLimitError):
        retrying(lambda _: None)(call)
    assert call.calls == ATTEMPTS


def test_retry_after_is_honoured_up_to_half_a_minute() -> None:
    for asked, waited in (("7", 7.0), ("3600", 30.0)):
        error = stripe.RateLimitError("slow down", http_status=429, headers={"Retry-After": asked})
        waits: list[float] = []
        retrying(waits.append)(Flaky(error, 1))
        assert waits == [waited]


def test_waits_grow_and_are_never_equal_for_everybody() -> None:
    """0.5, 1, 2, 4 and 8 seconds, each times a number from 0.5 to 1."""
    waits: list[float] = []
    retrying(waits.append)(Flaky(PASSING[1], 5))
    for attempt, wait in enumerate(waits):
        assert 0.25 * 2**attempt <= wait <= 0.5 * 2**attempt
