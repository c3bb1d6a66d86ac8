"""The three tiers of hand-made requests, against the worked example of the price formulas."""

from __future__ import annotations

import numpy as np
import pytest

from ingestion.sandbox.world.prices import MODELS
from ingestion.sandbox.world.rating import pay, rate, text
from ingestion.sandbox.world.tenants import tenants
from ingestion.sandbox.world.traffic import Requests, Spike, batches

WORLD = tenants(1)
FULL_PRICE = next(
    number for number, key in enumerate(WORLD.keys) if key.workspace in (3, 5, 6) and key.group == "default"
)
NINE_TENTHS = next(number for number, key in enumerate(WORLD.keys) if key.workspace == 0)


def one_request(key: int, slug: str, prompt: int, completion: int, **tokens: int) -> Requests:
    """A request on the world's first day with the token counts given."""
    rows, _ = next(iter(batches(WORLD, 1, 0, 500)))
    row = rows.take(np.array([0]))
    row.key[:], row.model[:], row.prompt[:], row.completion[:] = key, MODELS.index(slug), prompt, completion
    for name in ("cached", "written_5m", "written_1h"):
        getattr(row, name)[:] = tokens.get(name, 0)
    return row


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ({}, "0.03375"),
        ({"cached": 6000, "written_5m": 1000}, "0.019845"),
        ({"written_5m": 7000}, "0.038475"),
        ({"cached": 6000, "written_1h": 1000}, "0.02187"),
        ({"cached": 10000}, "0.00945"),
    ],
    ids=["no cache", "mixed", "write only", "one-hour write", "all cached"],
)
def test_the_worked_example_comes_out_to_the_last_digit(tokens: dict[str, int], expected: str) -> None:
    """3 in, 15 out, 0.30 read, 3.75 and 6 write; 10 000 + 500 tokens at nine tenths: list 0.0375, 0.03375."""
    rated = rate(WORLD, one_request(NINE_TENTHS, "anthropic/claude-sonnet-4-5", 10_000, 500, **tokens))
    assert text(int(rated.list[0])) == "0.0375"
    assert text(int(rated.discounted[0])) == "0.03375"
    assert text(int(rated.cache_optimized[0])) == expected


def test_one_token_more_puts_the_whole_request_into_the_long_tier() -> None:
    """200 000 × 1.25 / 10⁶ = 0.25; 200 001 × 2.5 / 10⁶ = 0.5000025."""
    slug = "google-ai-studio/gemini-2.5-pro"
    costs = [rate(WORLD, one_request(FULL_PRICE, slug, prompt, 0)).list[0] for prompt in (200_000, 200_001)]
    assert [text(int(cost)) for cost in costs] == ["0.25", "0.5000025"]


def test_a_factor_rounds_half_away_from_zero() -> None:
    """5 × 0.9 = 4.5 → 5 and 3 × 0.85 = 2.55 → 3, in units of 10⁻¹² USD."""
    assert pay(np.array([5, 3]), np.array([900, 850])).tolist() == [5, 3]


def test_amounts_are_written_without_exponent_or_trailing_zeros() -> None:
    assert [text(units) for units in (0, 1, 19_845_000_000, 12 * 10**12)] == [
        "0",
        "0.000000000001",
        "0.019845",
        "12",
    ]


def test_no_spike_comes_before_a_key_has_four_same_weekdays_behind_it() -> None:
    found: list[Spike] = [spike for day in range(28) for _, spike in batches(WORLD, 1, day, 200) if spike]
    assert found == []
