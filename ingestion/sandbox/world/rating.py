"""The cost of a request in three tiers, in whole units of 10⁻¹² USD.

    list            = input price × every input token + output price × output tokens
    discounted      = list × factor
    cache optimized = each token class at its own price, × factor

The tier is picked for the whole request by its input tokens. A factor is held in thousandths, so a product is an exact
integer and is rounded once, half away from zero, when it is divided by 1000.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from ingestion.sandbox.world.prices import MODELS, PRICES, Price, price_on
from ingestion.sandbox.world.tenants import Tenants, rule_on
from ingestion.sandbox.world.traffic import Requests, date_of

UNITS_PER_USD = 10**12


@dataclass
class Rated:
    """Costs of a batch, 10⁻¹² USD a row; `undiscounted` is the cache-optimized cost before the factor."""

    factor: np.ndarray
    list: np.ndarray
    discounted: np.ndarray
    undiscounted: np.ndarray
    cache_optimized: np.ndarray
    completion: np.ndarray
    cache_read: np.ndarray
    cache_written: np.ndarray


def factors(world: Tenants, day: date) -> np.ndarray:
    """Return each key's factor to pay on a day, in thousandths."""
    out = np.full(len(world.keys), 1000, dtype=np.int64)
    for number, key in enumerate(world.keys):
        rule = rule_on(world.rules, world.workspaces[key.workspace].workspace_id, key.group, day)
        if rule is not None:
            whole, _, decimals = rule.factor.partition(".")
            out[number] = int(whole) * 1000 + int(decimals.ljust(3, "0"))
    return out


def rate(world: Tenants, rows: Requests, priced_on: date | None = None, *, other_tier: bool = False) -> Rated:
    """Rate a batch with its own day's prices, or with those of `priced_on`, and its own day's factors.

    With `other_tier` long prompts get the price of short ones and the reverse.
    """
    unit = unit_prices(rows, priced_on or date_of(rows.day), other_tier=other_tier)
    factor = factors(world, date_of(rows.day))[rows.key]
    plain = rows.prompt - rows.cached - rows.written_5m - rows.written_1h
    completion = unit["output"] * rows.completion
    cache_read = unit["cache_read"] * rows.cached
    cache_written = unit["cache_write_5m"] * rows.written_5m + unit["cache_write_1h"] * rows.written_1h
    listed = unit["input"] * rows.prompt + completion
    undiscounted = unit["input"] * plain + cache_read + cache_written + completion
    return Rated(
        factor=factor,
        list=listed,
        discounted=pay(listed, factor),
        undiscounted=undiscounted,
        cache_optimized=pay(undiscounted, factor),
        completion=completion,
        cache_read=cache_read,
        cache_written=cache_written,
    )


def at_input_price(rows: Requests, tokens: np.ndarray) -> np.ndarray:
    """Return the undiscounted cost of so many input tokens of each row."""
    return unit_prices(rows, date_of(rows.day))["input"] * tokens


def has_tiers(rows: Requests) -> np.ndarray:
    """Return whether each row's model has another price for long prompts."""
    return _long_from()[rows.model] > 0


def pay(units: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Multiply by a factor in thousandths, rounding half away from zero (nothing here is negative)."""
    return (units * factor + 500) // 1000


def text(units: int) -> str:
    """Write 10⁻¹² USD as a plain decimal of USD: `19845000000` is `0.019845`."""
    whole, rest = divmod(units, UNITS_PER_USD)
    return f"{whole}.{rest:012d}".rstrip("0").rstrip(".")


def unit_prices(rows: Requests, day: date, *, other_tier: bool = False) -> dict[str, np.ndarray]:
    """Return each row's unit prices, 10⁻¹² USD per token, by token class, for its model and tier."""
    above = _long_from()
    is_long = rows.prompt > above[rows.model]
    tier = (has_tiers(rows) & (is_long != other_tier)).astype(np.int64)
    tables = [
        [price_on(slug, day, start) for slug, start in zip(MODELS, starts, strict=True)]
        for starts in (above * 0, above)
    ]
    classes = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
    out = {}
    for name in classes:
        grid = np.array([[_or_input(price, name) for price in table] for table in tables], dtype=np.int64)
        out[name] = grid[tier, rows.model]
    return out


def _long_from() -> np.ndarray:
    """Return per model the input tokens above which a prompt is long; 0 if the length does not matter."""
    above = np.zeros(len(MODELS), dtype=np.int64)
    for price in PRICES:
        above[MODELS.index(price.slug)] = max(above[MODELS.index(price.slug)], price.above)
    return above


def _or_input(price: Price, name: str) -> int:
    """Return a class's price, or the input price where the class has none."""
    value = getattr(price, name)
    return price.input if value is None else value
