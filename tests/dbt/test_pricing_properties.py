"""Random calls at random prices: what every request costs, however its tokens are reported and its file is cut.

The expected costs are computed here in fractions, from the formulas of the docstrings, and rounded once.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingestion.home import Home
from tests.dbt.conftest import TWO_WORLDS, build, infron_line, land, land_text, rows

CLASSES = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "output_reasoning")
TIERS = ("list_cost_usd", "discounted_cost_usd", "cache_optimized_cost_usd")
PICODOLLAR = Decimal("0.000000000001")
#: One token more than this, and the whole request is priced in the upper tier.
TIER_START = 200_000
#: Name, decimals of its prices, where its tiers start.
MODELS = (("m1", 6, (0,)), ("m2", 6, (0, TIER_START)), ("m3", 18, (0,)), ("m4", 18, (0, TIER_START)))


@dataclass(frozen=True)
class Call:
    """Tokens by disjoint class; reasoning is part of the output."""

    model: str
    uncached: int
    read: int
    written_5m: int
    written_1h: int
    text: int
    reasoning: int

    @property
    def prompt(self) -> int:
        """Every input token."""
        return self.uncached + self.read + self.written_5m + self.written_1h


@dataclass(frozen=True)
class World:
    """Calls, prices by model and tier (USD per million tokens), and what is left to pay after the discount."""

    calls: Sequence[Call]
    prices: Mapping[tuple[str, int], Mapping[str, Decimal]]
    factor: Decimal


def random_world(seed: int) -> World:
    """Calls of four models: prices of six decimals and of eighteen, with and without an upper tier."""
    chance = random.Random(seed)

    def tokens() -> int:
        return chance.choice([0, chance.randrange(10), chance.randrange(5_000), chance.randrange(150_000)])

    def price(places: int) -> Decimal:
        return Decimal(chance.randrange(chance.choice([2, 10**places, 600 * 10**places]))).scaleb(-places)

    prices = {
        (model, start): {name: price(places) for name in CLASSES}
        for model, places, starts in MODELS
        for start in starts
    }
    # A call that used nothing says nothing of prices.
    calls = [Call(chance.choice(MODELS)[0], 1 + tokens(), *(tokens() for _ in range(5))) for _ in range(200)]
    return World(calls, prices, Decimal(chance.randint(1, 10**6)).scaleb(-6))


def rounded(exact: Fraction) -> Decimal:
    """Half away from zero at 12 decimals; amounts here are never negative."""
    return Decimal(int(exact * 10**12 + Fraction(1, 2))).scaleb(-12)


def expected(world: World, call: Call) -> tuple[Decimal, Decimal, Decimal]:
    """List prices every prompt token as input; cache-optimized every class at its own price; both times the factor."""
    upper = call.prompt > TIER_START and (call.model, TIER_START) in world.prices
    price = {
        name: Fraction(value) / 10**6
        for name, value in world.prices[call.model, TIER_START if upper else 0].items()
    }
    output = call.text * price["output"] + call.reasoning * price["output_reasoning"]
    plain = call.prompt * price["input"] + output
    cached = (
        call.uncached * price["input"]
        + call.read * price["cache_read"]
        + call.written_5m * price["cache_write_5m"]
        + call.written_1h * price["cache_write_1h"]
        + output
    )
    factor = Fraction(world.factor)
    return rounded(plain), rounded(plain * factor), rounded(cached * factor)


def inclusive(number: int, call: Call) -> dict[str, Any]:
    """One call as Infron logs it: the prompt holds what was read from and written to the cache."""
    prompt_details = {
        "cached_tokens": call.read,
        "cache_write_tokens": call.written_5m + call.written_1h,
        "cache_write_1h_tokens": call.written_1h,
    }
    usage = {
        "prompt_tokens": call.prompt,
        "completion_tokens": call.text + call.reasoning,
        "total_tokens": call.prompt + call.text + call.reasoning,
        "prompt_tokens_details": prompt_details,
        "completion_tokens_details": {"reasoning_tokens": call.reasoning},
    }
    return infron_line(f"call-{number}", model=f"lab/{call.model}", usage=usage)


def exclusive(number: int, call: Call) -> dict[str, Any]:
    """The same call as a New-API gateway logs it for Anthropic's clients: cache tokens beside the prompt."""
    other = {
        "cache_tokens": call.read,
        "cache_creation_tokens": call.written_5m + call.written_1h,
        "cache_creation_tokens_5m": call.written_5m,
        "cache_creation_tokens_1h": call.written_1h,
        "usage_semantic": "anthropic",
    }
    return {
        "id": number + 1,
        "request_id": f"call-{number}",
        "created_at": 1793517719,
        "type": 2,
        "model_name": f"lab/{call.model}",
        "token_id": 31,
        "group": "default",
        "quota": 1,
        "prompt_tokens": call.uncached,
        "completion_tokens": call.text + call.reasoning,
        "other": json.dumps(other),
    }


def write(home: Home, world: World, scale: int = 1) -> None:
    """Write the prices, times `scale`, and the discount into the home's configuration."""
    home.config.mkdir(parents=True)
    lines = ["provider,model,token_class,usd_per_mtok,min_input_tokens,variant,valid_from,valid_to,reason"]
    for (model, start), by_class in world.prices.items():
        for name, price in by_class.items():
            lines.append(f"lab,{model},{name},{price * scale:f},{start},standard,2026-01-01,,random")
    (home.config / "price_overrides.csv").write_text("\n".join(lines) + "\n")
    (home.config / "discount_rules.csv").write_text(
        "rule_id,workspace_id,group_name,kind,factor,valid_from,valid_to,reason\n"
        f"all,,,contract,{world.factor:f},2026-01-01,,random\n"
    )


def costs(home: Home, source: str = "infron") -> dict[str, tuple[Decimal, ...]]:
    """Return the three tiers by request."""
    found = rows(
        home, f"select request_id, {', '.join(TIERS)} from marts.fct_usage_costs where source = '{source}'"
    )
    return {request_id: tuple(tiers) for request_id, *tiers in found}


@TWO_WORLDS
@given(seed=st.integers(0, 2**32))
def test_every_request_costs_the_result_of_the_formulas_in_every_format(seed: int) -> None:
    """Exact in each tier; savings add up; exclusive = inclusive; cut and shuffled = whole; 3 x prices = 3 x costs."""
    world = random_world(seed)
    wanted = {f"call-{number}": expected(world, call) for number, call in enumerate(world.calls)}
    lines = [inclusive(number, call) for number, call in enumerate(world.calls)]
    with TemporaryDirectory() as folder:
        whole = Home(Path(folder) / "whole")
        write(whole, world)
        land(whole, "2026-11-01", lines)
        plain_outputs = [without_reasoning(call) for call in world.calls]
        variants = [exclusive(number, call) for number, call in enumerate(plain_outputs)]
        land_text(whole, "new_api/logs/dt=2026-11-01/a.ndjson", variants)
        build(whole)
        assert costs(whole) == wanted
        assert costs(whole, "new_api") == {
            f"call-{number}": expected(world, call) for number, call in enumerate(plain_outputs)
        }
        assert rows(
            whole,
            "select count(*) from marts.fct_usage_costs where list_cost_usd - discount_savings_usd"
            " - cache_savings_usd != cache_optimized_cost_usd or total_tokens != input_tokens + output_tokens",
        ) == [(0,)]

        cut = Home(Path(folder) / "cut")
        write(cut, world, scale=3)
        random.Random(7).shuffle(lines)
        land(cut, "2026-11-01", lines[:50], "b.ndjson.gz")
        land(cut, "2026-11-02", lines[50:], "a.ndjson")
        build(cut)
        tripled = World(
            world.calls, {key: _times(prices, 3) for key, prices in world.prices.items()}, world.factor
        )
        found = costs(cut)
        assert found == {f"call-{number}": expected(tripled, call) for number, call in enumerate(world.calls)}
        for request_id, tiers in found.items():
            for tier, once in zip(tiers, wanted[request_id], strict=True):
                assert abs(tier - 3 * once) <= 2 * PICODOLLAR


def without_reasoning(call: Call) -> Call:
    """A New-API log does not separate reasoning: all output is text."""
    return Call(
        call.model, call.uncached, call.read, call.written_5m, call.written_1h, call.text + call.reasoning, 0
    )


def _times(prices: Mapping[str, Decimal], scale: int) -> dict[str, Decimal]:
    return {name: price * scale for name, price in prices.items()}
