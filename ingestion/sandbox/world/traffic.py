"""The requests of a day: how many per key, and the tokens of each.

    volumes(day) ──► one key number per request ──► batches of at most BATCH rows ──► Requests (columns)

A day depends on (seed, day number, requests per day) and on nothing else, so a longer world only adds days.
Each key has its weekday and weekend volume and its noise, which a same-weekday detector needs. rating.py computes
costs, faults.py plants faults.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from datetime import date, timedelta

import numpy as np

from ingestion.sandbox.world.prices import LONGEST_ORDINARY_PROMPT, MODELS
from ingestion.sandbox.world.randomness import generator
from ingestion.sandbox.world.tenants import ApiKey, Tenants

FIRST_DAY = date(2026, 8, 3)
"""A Monday; ninety days from here end before November. `beginning` sets another one."""

_first_day: ContextVar[date] = ContextVar("first_day", default=FIRST_DAY)

BATCH = 100_000
"""Requests held in memory at once."""

SUCCESS, FAILURE, TIMEOUT = 0, 1, 2
STATUSES = ("success", "failure", "timeout")

_DAY_NOISE = 0.08
_TOKEN_SPREAD = 0.35
_LOOP_HOUR = 3
_LOOP_TOKENS = (48_211, 512)
_MILLISECONDS_A_DAY = 86_400_000
_BUSY = np.array(
    [2, 1, 1, 1, 1, 2, 3, 5, 8, 10, 11, 11, 10, 11, 12, 11, 10, 8, 6, 5, 4, 4, 3, 2], dtype=float
)


@dataclass
class Requests:
    """Columns of a batch; tokens are counts, `prompt` includes the cached and cache-written ones."""

    day: int
    number: np.ndarray
    at_ms: np.ndarray
    key: np.ndarray
    model: np.ndarray
    status: np.ndarray
    prompt: np.ndarray
    completion: np.ndarray
    cached: np.ndarray
    written_5m: np.ndarray
    written_1h: np.ndarray
    reasoning: np.ndarray
    duration_ms: np.ndarray
    http_status: np.ndarray
    streamed: np.ndarray
    member: np.ndarray
    faulty: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.faulty = np.zeros(len(self.number), dtype=bool)

    def __len__(self) -> int:
        return len(self.number)

    def take(self, rows: np.ndarray) -> Requests:
        """Return a copy of some rows, in the order given."""
        columns = {f.name: getattr(self, f.name) for f in fields(self) if f.init and f.name != "day"}
        return Requests(day=self.day, **{name: column[rows].copy() for name, column in columns.items()})


@dataclass(frozen=True)
class Spike:
    """Unusual spend: a key's extra requests on one day."""

    kind: str
    key: int
    day: int
    requests: int


@contextmanager
def beginning(first_day: date) -> Iterator[None]:
    """Let day number 0 be `first_day` within the block."""
    before = _first_day.set(first_day)
    try:
        yield
    finally:
        _first_day.reset(before)


def date_of(day: int) -> date:
    """Return the calendar day of a day number."""
    return _first_day.get() + timedelta(days=day)


def midnight_ms(day: int) -> int:
    """Return the milliseconds from 1970 to the beginning of a day, UTC."""
    return (date_of(day) - date(1970, 1, 1)).days * _MILLISECONDS_A_DAY


def is_weekend(day: int) -> bool:
    """Return whether a day number is a Saturday or Sunday."""
    return date_of(day).weekday() >= 5


def expected_volume(key: ApiKey, day: int, requests_per_day: int) -> float:
    """Return a key's mean requests on a day; over a week they average its share of `requests_per_day`."""
    if day < key.first_day:
        return 0.0
    weekday = 7 / (5 + 2 * key.weekend)
    return requests_per_day * key.share * (weekday * key.weekend if is_weekend(day) else weekday)


def spikes(world: Tenants, seed: int, day: int, requests_per_day: int) -> list[Spike]:
    """Return the day's planted spikes.

    There is none before a key has four earlier days of the same weekday.
    """
    if day < 28 or day % 16 != 28 % 16:
        return []
    candidates = [
        number
        for number, key in enumerate(world.keys)
        if key.first_day == 0 and key.profile.name in ("agent", "research")
    ]
    largest = sorted(candidates, key=lambda number: -world.keys[number].share)[:6]
    chosen = generator(seed, "spike", day)
    planted = []
    for kind, keys, factor in (("leaked_key", largest[::2], 9), ("runaway_loop", largest[1::2], 4)):
        key = int(chosen.choice(keys))
        volume = expected_volume(world.keys[key], day, requests_per_day)
        planted.append(Spike(kind, key, day, max(5, round(volume * factor))))
    return planted


def batches(
    world: Tenants, seed: int, day: int, requests_per_day: int
) -> Iterator[tuple[Requests, Spike | None]]:
    """Yield a day's requests: the ordinary ones in time order, then each spike's own."""
    chosen = generator(seed, "volume", day, requests_per_day)
    means = np.array([expected_volume(key, day, requests_per_day) for key in world.keys])
    noise = np.exp(chosen.normal(0.0, _DAY_NOISE, len(means)))
    counts = np.floor(means * noise + chosen.random(len(means))).astype(np.int64)
    keys = np.repeat(np.arange(len(means), dtype=np.int16), counts)
    chosen.shuffle(keys)
    total, made = max(len(keys), 1), 0
    for batch, start in enumerate(range(0, len(keys), BATCH)):
        part = keys[start : start + BATCH]
        rng = generator(seed, "requests", day, requests_per_day, batch)
        window = (start / total, (start + len(part)) / total)
        yield _draw(world, rng, day, made, part, window), None
        made += len(part)
    for spike in spikes(world, seed, day, requests_per_day):
        rng = generator(seed, f"{spike.kind}-requests", day, requests_per_day)
        rows = _draw(world, rng, day, made, np.full(spike.requests, spike.key, dtype=np.int16), (0.0, 1.0))
        if spike.kind == "runaway_loop":
            _loop(rows, rng)
        made += len(rows)
        yield rows, spike


def _draw(
    world: Tenants,
    rng: np.random.Generator,
    day: int,
    first: int,
    keys: np.ndarray,
    window: tuple[float, float],
) -> Requests:
    """Draw the tokens, times and outcomes of some requests whose keys are given."""
    count = len(keys)
    profiles = [key.profile for key in world.keys]
    model = _models(world, rng, keys)
    prompt = _around(rng, np.array([p.prompt for p in profiles])[keys], LONGEST_ORDINARY_PROMPT)
    long = rng.random(count) < np.array([p.long_share for p in profiles])[keys]
    prompt[long] = rng.integers(190_000, 260_000, count)[long]
    completion = _around(rng, np.array([p.completion for p in profiles])[keys], 30_000)
    hit = rng.random(count) < np.array([p.cache_share for p in profiles])[keys]
    cached = np.where(hit, (prompt * rng.uniform(0.3, 0.9, count)).astype(np.int64) // 64 * 64, 0)
    is_anthropic = np.array([slug.startswith("anthropic/") for slug in MODELS])[model]
    writes = is_anthropic & (rng.random(count) < 0.3)
    written = np.where(writes, ((prompt - cached) * rng.uniform(0.2, 0.7, count)).astype(np.int64), 0)
    in_hours = np.array([key.writes_1h for key in world.keys])[keys]
    thinks = np.array([p.reasoning for p in profiles])[keys]
    reasoning = np.where(thinks, (completion * rng.uniform(0.1, 0.6, count)).astype(np.int64), 0)
    status = np.searchsorted(np.array([0.972, 0.99]), rng.random(count), side="right").astype(np.int8)
    errors = np.array([429, 500, 502, 503])[rng.integers(0, 4, count)]
    playground = np.array([key.playground for key in world.keys])[keys]
    seats = np.array([len(world.workspaces[key.workspace].members) for key in world.keys])[keys]
    return Requests(
        day=day,
        number=first + np.arange(count, dtype=np.int64),
        at_ms=_times(rng, count, window),
        key=keys,
        model=model,
        status=status,
        prompt=prompt,
        completion=completion,
        cached=cached,
        written_5m=np.where(in_hours, 0, written),
        written_1h=np.where(in_hours, written, 0),
        reasoning=reasoning,
        duration_ms=np.where(status == TIMEOUT, 60_000, 200 + completion * 6 + rng.integers(0, 900, count)),
        http_status=np.where(status == SUCCESS, 200, np.where(status == TIMEOUT, 504, errors)),
        streamed=rng.random(count) < 0.6,
        member=np.where(playground, (rng.random(count) * seats).astype(np.int64), -1),
    )


def _models(world: Tenants, rng: np.random.Generator, keys: np.ndarray) -> np.ndarray:
    """Pick each request's model from its key's mix."""
    cumulative = np.zeros((len(world.keys), len(MODELS)))
    for row, key in enumerate(world.keys):
        for slug, weight in key.profile.models:
            cumulative[row, MODELS.index(slug)] = weight
    cumulative = cumulative.cumsum(axis=1)
    cumulative[:, -1] = 1.0
    picked = np.empty(len(keys), dtype=np.int8)
    draw = rng.random(len(keys))
    for row in np.unique(keys):
        mine = keys == row
        picked[mine] = np.searchsorted(cumulative[row], draw[mine], side="right")
    return picked


def _around(rng: np.random.Generator, mean: np.ndarray, most: int) -> np.ndarray:
    """Draw log-normal counts around a mean, at least 1 and at most `most`."""
    drawn = mean * np.exp(rng.normal(-(_TOKEN_SPREAD**2) / 2, _TOKEN_SPREAD, len(mean)))
    return np.clip(drawn, 1, most).astype(np.int64)


def _times(rng: np.random.Generator, count: int, window: tuple[float, float]) -> np.ndarray:
    """Draw ascending milliseconds of the day, busy by day and quiet by night, within a part of the day."""
    share = np.sort(rng.uniform(*window, count))
    passed = np.concatenate([[0.0], np.cumsum(_BUSY) / _BUSY.sum()])
    at = np.interp(share, passed, np.arange(25) * (_MILLISECONDS_A_DAY / 24))
    return np.minimum(at.astype(np.int64), _MILLISECONDS_A_DAY - 1)


def _loop(rows: Requests, rng: np.random.Generator) -> None:
    """Turn requests into a loop: the same request repeated within one hour of the night."""
    hour = _MILLISECONDS_A_DAY // 24
    rows.at_ms = np.sort(rng.integers(_LOOP_HOUR * hour, (_LOOP_HOUR + 1) * hour, len(rows)))
    rows.prompt[:], rows.completion[:] = _LOOP_TOKENS
    for column in (rows.cached, rows.written_5m, rows.written_1h, rows.reasoning):
        column[:] = 0
    rows.status[:], rows.http_status[:] = SUCCESS, 200
