"""Faults in a day's charges: the gateway's mistakes, row by row.

    honest(rows) ──► Charged (the gateway's charges) ──► plant(...) changes some rows and names them

Late, repeated and damaged files are in delivery.py, spikes in traffic.py, payments in `billing`. A row has at most one
fault, so that faults can be distinguished.

Rulings: docs/decisions/sandbox.md#sandbox-1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from ingestion.sandbox.world.prices import MODELS, UNKNOWN_MODEL, change_days
from ingestion.sandbox.world.rating import Rated, at_input_price, has_tiers, pay, rate
from ingestion.sandbox.world.tenants import Tenants
from ingestion.sandbox.world.traffic import FAILURE, SUCCESS, Requests, date_of

MOST_PER_DAY = 50
"""Faults of one kind on one day, however large the day: the ledger stays readable."""

UNSEEN_TOKENS = 1009
"""Input tokens in the total but in no class; a prime, so that no other fault has the same price."""


@dataclass
class Charged:
    """What the gateway shows and charges, 10⁻¹² USD; `cost` is charged, `factor` is in thousandths.

    `unseen` is how many tokens its total has beyond those of input and output.
    """

    has_usage: np.ndarray
    cost: np.ndarray
    completion: np.ndarray
    cache_read: np.ndarray
    cache_written: np.ndarray
    list: np.ndarray
    discounted: np.ndarray
    factor: np.ndarray
    unseen: np.ndarray

    def replace(self, rows: np.ndarray, other: Charged) -> None:
        """Copy some rows from another."""
        for name in ("cost", "completion", "cache_read", "cache_written", "list", "discounted"):
            getattr(self, name)[rows] = getattr(other, name)[rows]


def honest(rows: Requests, rated: Rated) -> Charged:
    """Return what a gateway without faults charges: the cache-optimized cost of the calls that succeeded."""
    return Charged(
        has_usage=rows.status == SUCCESS,
        cost=rated.cache_optimized.copy(),
        completion=pay(rated.completion, rated.factor),
        cache_read=pay(rated.cache_read, rated.factor),
        cache_written=pay(rated.cache_written, rated.factor),
        list=rated.list.copy(),
        discounted=rated.discounted.copy(),
        factor=rated.factor,
        unseen=np.zeros(len(rows), dtype=np.int64),
    )


def how_many(rows: int, one_in: int) -> int:
    """Return how many of a day's rows get a fault with a rate of one in `one_in`."""
    return min(MOST_PER_DAY, max(1, rows // one_in))


def choose(rng: np.random.Generator, rows: Requests, eligible: np.ndarray, count: int) -> np.ndarray:
    """Pick up to `count` eligible rows without a fault, mark them, and return their positions in order."""
    free = np.flatnonzero(eligible & ~rows.faulty)
    picked = np.sort(rng.choice(free, min(count, len(free)), replace=False))
    rows.faulty[picked] = True
    return picked


def plant(
    world: Tenants,
    rng: np.random.Generator,
    rows: Requests,
    rated: Rated,
    charged: Charged,
    spared: np.ndarray,
) -> Iterator[tuple[str, int, int]]:
    """Change some charges and yield (kind, row, right cost, 10⁻¹² USD) of each; `spared` rows stay honest.

    Rows without a price are left out.
    """
    day = rows.day
    paid = charged.has_usage & ~spared & (rows.model != MODELS.index(UNKNOWN_MODEL))
    if day % 7 == 2:
        eligible = paid & (rated.factor < 1000)
        for row in choose(rng, rows, eligible, how_many(len(rows), 500)):
            charged.cost[row], charged.completion[row] = rated.undiscounted[row], rated.completion[row]
            charged.cache_read[row], charged.cache_written[row] = (
                rated.cache_read[row],
                rated.cache_written[row],
            )
            yield "discount_not_applied", int(row), int(rated.cache_optimized[row])
    if day % 7 == 3:
        wrong = pay(rated.undiscounted - rated.cache_read + at_input_price(rows, rows.cached), rated.factor)
        for row in choose(rng, rows, paid & (wrong > rated.cache_optimized), how_many(len(rows), 500)):
            charged.cache_read[row] += wrong[row] - charged.cost[row]
            charged.cost[row] = wrong[row]
            yield "cache_read_charged_as_input", int(row), int(rated.cache_optimized[row])
    for slug in MODELS:
        for changed in change_days(slug):
            if changed <= date_of(day) < changed + timedelta(days=2):
                stale = honest(rows, rate(world, rows, changed - timedelta(days=1)))
                for row in choose(
                    rng, rows, paid & (rows.model == MODELS.index(slug)), how_many(len(rows), 250)
                ):
                    charged.replace(np.array([row]), stale)
                    yield "stale_price", int(row), int(rated.cache_optimized[row])
    if day % 5 == 4:
        for row in choose(rng, rows, ~spared & (rows.status == FAILURE), how_many(len(rows), 1500)):
            charged.has_usage[row] = True
            yield "failed_but_charged", int(row), 0
    yield from _plant_in_turn(world, rng, rows, rated, charged, paid)


def _plant_in_turn(
    world: Tenants,
    rng: np.random.Generator,
    rows: Requests,
    rated: Rated,
    charged: Charged,
    paid: np.ndarray,
) -> Iterator[tuple[str, int, int]]:
    """Plant the faults that have a fixed day of the week, wrong tiers from the second week on."""
    day, few = rows.day, how_many(len(rows), 500)
    written = rows.written_5m + rows.written_1h
    if day % 7 == 4:
        as_input = at_input_price(rows, written)
        wrong = pay(rated.undiscounted - rated.cache_written + as_input, rated.factor)
        for row in choose(rng, rows, paid & (wrong < rated.cache_optimized), few):
            charged.cost[row], charged.cache_written[row] = wrong[row], pay(as_input, rated.factor)[row]
            yield "cache_write_missing", int(row), int(rated.cache_optimized[row])
    if day % 7 == 5:
        wrong = pay(rated.undiscounted + at_input_price(rows, rows.cached), rated.factor)
        for row in choose(rng, rows, paid & (wrong > rated.cache_optimized), few):
            charged.cache_read[row] += wrong[row] - charged.cost[row]
            charged.cost[row] = wrong[row]
            yield "double_charged_cache", int(row), int(rated.cache_optimized[row])
    if day % 7 == 6:
        extra = at_input_price(rows, np.full(len(rows), UNSEEN_TOKENS))
        wrong = pay(rated.undiscounted + extra, rated.factor)
        countable = paid & (written == 0) & (rows.reasoning != UNSEEN_TOKENS)
        for row in choose(rng, rows, countable, few):
            charged.cost[row], charged.unseen[row] = wrong[row], UNSEEN_TOKENS
            yield "token_mismatch", int(row), int(rated.cache_optimized[row])
    if day % 7 == 0 and day > 0:
        other = honest(rows, rate(world, rows, other_tier=True))
        for row in choose(rng, rows, paid & has_tiers(rows), few):
            charged.replace(np.array([row]), other)
            yield "wrong_tier", int(row), int(rated.cache_optimized[row])
