"""One key's calls to one model, hour by hour: from expected calls to counts, tokens and money."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

DAYS = 131
HOURS = 24
Array = np.ndarray
Counts = Callable[[Array], Array]
"""Draws counts around their expectation: Poisson, negative binomial, or nearly none."""

MEASURES = (
    "requests",
    "failures",
    "timeouts",
    "charged_failures",
    "charged_failure_usd",
    "fallbacks",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "cost_usd",
    "reported_usd",
    "unpriced_requests",
)


@dataclass(frozen=True)
class Price:
    """USD per token of input, of cached input and of output."""

    input: float
    cached: float
    output: float


@dataclass
class Stream:
    """Days × hours of each measure, for one key, model asked for and model served."""

    key: int
    model_requested: str
    model_served: str
    measures: dict[str, Array] = field(default_factory=dict)


@dataclass
class Call:
    """How the calls of one stream look: tokens by day, rates by day and hour."""

    prompt: Array
    output: Array
    cached_share: Array
    failure_rate: Array
    timeout_rate: Array
    charged_share: Array
    size_variation: float
    """Variance of a call's tokens over the square of their mean."""


def fill(
    rng: np.random.Generator,
    stream: Stream,
    requests: Array,
    call: Call,
    price: Price,
    our_factor: Array,
    gateway_factor: Array,
    *,
    is_unpriced: bool = False,
) -> Stream:
    """Draw what `requests` calls of each hour used and cost."""
    failures = rng.binomial(requests, np.clip(call.failure_rate, 0, 1))
    timeouts = rng.binomial(requests - failures, np.clip(call.timeout_rate, 0, 1))
    charged = rng.binomial(failures + timeouts, np.clip(call.charged_share[:, None], 0, 1))
    answered = requests - failures - timeouts + charged
    shape = np.maximum(answered, 1) / call.size_variation
    prompt = np.round(answered * call.prompt[:, None] * rng.gamma(shape) / shape)
    cached = np.round(
        prompt * np.clip(call.cached_share[:, None] + rng.normal(0, 0.02, prompt.shape), 0, 0.98)
    )
    cached = np.where(call.cached_share[:, None] > 0, cached, 0)
    output = np.round(answered * call.output[:, None] * rng.gamma(shape) / shape)
    at_list = (prompt - cached) * price.input + cached * price.cached + output * price.output
    cost = at_list * our_factor[:, None]
    stream.measures = {
        "requests": requests,
        "failures": failures,
        "timeouts": timeouts,
        "charged_failures": charged,
        "charged_failure_usd": cost * charged / np.maximum(answered, 1),
        "fallbacks": requests if stream.model_served != stream.model_requested else np.zeros_like(requests),
        "input_tokens": prompt,
        "cached_tokens": cached,
        "output_tokens": output,
        "cost_usd": np.zeros_like(cost) if is_unpriced else cost,
        "reported_usd": np.round(cost * gateway_factor[:, None], 6),
        "unpriced_requests": requests if is_unpriced else np.zeros_like(requests),
    }
    return stream


def counts_like(rng: np.random.Generator, model: str, dispersion: float) -> Counts:
    """The world's way to draw counts; a negative binomial has variance m + m² / dispersion."""
    if model == "poisson":
        return lambda mean: rng.poisson(mean)
    if model == "negative_binomial":
        return lambda mean: rng.poisson(mean * rng.gamma(dispersion, 1 / dispersion, mean.shape))
    return lambda mean: np.floor(mean + rng.random(mean.shape)).astype(np.int64)
