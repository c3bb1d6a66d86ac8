"""The ordinary traffic of a world: its sources, keys and models, and all that moves spend without being wrong.

Weeks, growth, holidays of a region, month ends, launches, ramps, declines and migrations are here; what is wrong is
in events.py. Every world draws its own noise, so that a detector cannot be fitted to one generator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from tests.evaluation.labels import Label
from tests.evaluation.streams import DAYS, HOURS, Array, Counts, Price, counts_like

KEYS = 48
SHAPES = {
    "office": 0.36,
    "round_the_clock": 0.22,
    "weekdays_only": 0.10,
    "bursty": 0.08,
    "sparse": 0.16,
    "weekly_batch": 0.04,
    "tiny": 0.04,
}
SHARED_DAY_NOISE = 0.03
KEY_GROWTH = 0.001
"""How far the daily growth of keys differs from that of their world."""


@dataclass(frozen=True)
class Style:
    """How one world is noisy."""

    counts: Counts
    hour_noise: float
    """Variance of an hour's calls beyond Poisson, over the square of their mean."""
    day_noise: float
    wander: float
    call_size_variation: float
    growth: float
    region_of: str
    delivery_lag: int
    late_share: float
    duplicate_prompts: float
    price_noise: float


@dataclass
class Key:
    """One key; arrays of days or days × hours that events change."""

    number: int
    api_key_id: str
    source: str
    workspace_id: str
    member_id: str
    region: int
    shape: str
    calls: Array
    mix: Array
    models: list[str]
    prompt: Array
    output: Array
    cached_share: Array
    failure_rate: Array
    timeout_rate: Array
    charged_share: Array
    fallback_share: Array
    day_noise: float
    weekend: float
    quiet_hours: list[int]
    has_fixed_prompt: bool
    first_day: int = 0
    usd_per_call: float = 0.0
    busy: list[tuple[int, int]] = field(default_factory=list)

    @property
    def usual_calls(self) -> float:
        """Calls of a usual day."""
        active = self.calls.sum(axis=1)[self.first_day :]
        return float(np.median(active[active > 0])) if (active > 0).any() else 0.0

    @property
    def usual_usd(self) -> float:
        return self.usual_calls * self.usd_per_call

    def is_free(self, first: int, last: int, apart: int = 9) -> bool:
        """Whether nothing else was planted near these days."""
        return all(last + apart < begin or first - apart > end for begin, end in self.busy)


@dataclass
class Traffic:
    """The ordinary world, before anything is planted."""

    rng: np.random.Generator
    style: Style
    first_date: date
    sources: list[str]
    models: dict[str, Price]
    dearer: dict[str, str]
    keys: list[Key]
    told_once: list[Label]
    harmless: list[Label]
    """Holidays, month ends and migrations: nobody should be told."""

    def weekday(self, day: int) -> int:
        return (self.first_date + timedelta(days=day)).weekday()


def ordinary(seed: int) -> Traffic:
    """Draw the world of a seed."""
    rng = np.random.default_rng(seed)
    style = _style(rng)
    first_date = date(2026, 1, 5) + timedelta(days=int(rng.integers(0, 60)))
    sources = [f"gateway_{n}" for n in range(int(rng.integers(3, 6)))]
    models, dearer = _models(rng)
    holidays = [
        sorted(rng.choice(np.arange(20, DAYS), int(rng.integers(1, 5)), replace=False)) for _ in range(3)
    ]
    traffic = Traffic(rng, style, first_date, sources, models, dearer, [], [], [])
    shared = rng.normal(0, SHARED_DAY_NOISE, DAYS)
    shapes = rng.choice(list(SHAPES), KEYS, p=list(SHAPES.values()))
    for number, shape in enumerate(shapes):
        traffic.keys.append(_key(traffic, number, str(shape), shared, holidays))
    _month_ends(traffic)
    _lasting_changes(traffic)
    _migrations(traffic)
    return traffic


def _style(rng: np.random.Generator) -> Style:
    model, dispersion = str(rng.choice(["poisson", "negative_binomial", "steady"])), float(rng.uniform(5, 40))
    return Style(
        counts=counts_like(rng, model, dispersion),
        hour_noise=1 / dispersion if model == "negative_binomial" else 0.0,
        day_noise=float(rng.uniform(0.04, 0.18)),
        wander=float(rng.choice([0.0, 0.005, 0.01])),
        call_size_variation=float(rng.choice([0.1, 0.5, 1.0, 2.0])),
        growth=float(rng.uniform(-0.001, 0.004)),
        region_of=str(rng.choice(["key", "workspace", "source"])),
        delivery_lag=int(rng.integers(0, 2)),
        late_share=float(rng.choice([0.0, 0.005, 0.02])),
        duplicate_prompts=float(rng.choice([0.002, 0.02, 0.06])),
        price_noise=float(rng.choice([0.0, 0.002])),
    )


def _models(rng: np.random.Generator) -> tuple[dict[str, Price], dict[str, str]]:
    """Prices per token, and for each model the dearer one it falls back to."""
    models = {}
    for number in range(10):
        input_price = float(np.exp(rng.uniform(np.log(0.1), np.log(8)))) * 1e-6
        models[f"model_{number}"] = Price(
            input_price,
            input_price * float(rng.choice([0.1, 0.25, 0.5])),
            input_price * float(rng.choice([3, 4, 5, 8])),
        )
    by_price = sorted(models, key=lambda name: models[name].input)
    dearer = {name: by_price[min(place + 3, len(by_price) - 1)] for place, name in enumerate(by_price)}
    return models, dearer


def _hours(rng: np.random.Generator, shape: str, region: int) -> tuple[Array, list[int]]:
    """Share of each UTC hour, and the hours in which hardly anything happens."""
    hours = np.arange(HOURS)
    if shape in ("round_the_clock", "tiny"):
        profile = 1 + 0.2 * np.cos((hours - rng.integers(24)) / 24 * 2 * np.pi)
        return profile / profile.sum(), []
    middle = (13 + (7, -1, -9)[region]) % 24
    distance = np.minimum((hours - middle) % 24, (middle - hours) % 24)
    profile = np.exp(-((distance / 4.5) ** 2)) + float(rng.choice([0.002, 0.01, 0.03]))
    return profile / profile.sum(), [int(hour) for hour in hours if distance[hour] >= 9]


def _key(traffic: Traffic, number: int, shape: str, shared: Array, holidays: list[list[int]]) -> Key:
    rng, style = traffic.rng, traffic.style
    source = traffic.sources[number % len(traffic.sources)]
    workspace = f"{source}_ws_{rng.integers(3)}"
    place = {"key": number, "workspace": sum(map(ord, workspace)), "source": number % len(traffic.sources)}
    region = place[style.region_of] % 3
    volume = float(np.exp(rng.uniform(np.log(40), np.log(4000))))
    weekend = float(rng.uniform(0.1, 0.6)) if shape == "office" else 1.0
    day_noise = style.day_noise * float(rng.uniform(0.7, 1.4))
    weekdays = np.array([traffic.weekday(day) for day in range(DAYS)])
    factor = np.where(weekdays >= 5, weekend, 1.0)
    if shape == "weekdays_only":
        factor = np.where(weekdays >= 5, 0.0, 1.0)
    elif shape == "weekly_batch":
        factor = np.where(weekdays == int(rng.integers(5)), 4.0, 0.4)
    elif shape == "sparse":
        active = rng.random(DAYS) < float(rng.uniform(0.05, 0.6))
        active[int(rng.integers(7))] = True
        factor = active * np.exp(rng.normal(0, rng.uniform(0.3, 0.7), DAYS))
        volume = min(volume, 800)
    elif shape == "bursty":
        day_noise = float(rng.uniform(0.4, 0.7))
    elif shape == "tiny":
        volume = float(rng.uniform(2, 10))
    growth = np.exp((style.growth + rng.normal(0, KEY_GROWTH)) * np.arange(DAYS))
    level = np.exp(np.cumsum(rng.normal(0, style.wander, DAYS)))
    noise = np.exp(rng.normal(0, day_noise, DAYS) + shared)
    for day in holidays[region]:
        if shape not in ("round_the_clock", "tiny", "sparse") and weekdays[day] < 5:
            factor[day] *= rng.uniform(0.15, 0.55)
            traffic.harmless.append(Label("holiday", int(day), int(day), source, f"key_{number:02d}"))
    hours, quiet = _hours(rng, shape, region)
    by_day = volume * factor * growth * level * noise
    spread = rng.dirichlet(np.full(HOURS, 400.0), DAYS) * HOURS
    first_day = 0 if shape == "sparse" or rng.random() < 0.92 else int(rng.integers(1, 12))
    calls = by_day[:, None] * hours[None, :] * spread
    calls[:first_day] = 0
    served = list(rng.choice(list(traffic.models), int(rng.integers(1, 4)), replace=False))
    prompt, output = float(np.exp(rng.uniform(5.5, 8.8))), float(np.exp(rng.uniform(4, 6.5)))
    shares = np.sort(rng.dirichlet(np.full(len(served), 2.0)))[::-1]
    usd = sum(
        share * (prompt * traffic.models[name].input + output * traffic.models[name].output)
        for share, name in zip(shares, served, strict=True)
    )
    cached = float(rng.choice([0.0, 0.0, rng.uniform(0.3, 0.8)]))
    size_noise = np.exp(rng.normal(0, 0.05, DAYS))
    failing = float(rng.choice([0.003, 0.01, 0.03]))
    return Key(
        number=number,
        api_key_id=f"key_{number:02d}",
        source=source,
        workspace_id=workspace,
        member_id=f"{workspace}_member_{rng.integers(4)}",
        region=region,
        shape=shape,
        calls=calls,
        mix=np.tile(shares, (DAYS, 1)),
        models=[str(name) for name in served],
        prompt=prompt * size_noise,
        output=output * np.exp(rng.normal(0, 0.06, DAYS)) * size_noise,
        cached_share=np.clip(cached * np.exp(rng.normal(0, 0.05, DAYS)), 0, 0.95),
        failure_rate=np.tile(failing * rng.gamma(4, 1 / 4, (DAYS, 1)), (1, HOURS)),
        timeout_rate=np.full((DAYS, HOURS), failing / 4),
        charged_share=np.full(DAYS, float(rng.choice([0.0, 0.0, 0.02]))),
        fallback_share=np.tile(
            float(rng.choice([0.0, 0.01, 0.03])) * rng.gamma(4, 1 / 4, (DAYS, 1)), (1, HOURS)
        ),
        day_noise=float(
            np.sqrt(
                day_noise**2
                + 0.07**2
                + style.hour_noise * (hours**2).sum()
                + (1 + style.call_size_variation) / max(volume * weekend, 1)
            )
        ),
        weekend=weekend,
        quiet_hours=quiet,
        has_fixed_prompt=bool(rng.random() < 0.08),
        first_day=first_day,
        usd_per_call=float(usd),
    )


def _month_ends(traffic: Traffic) -> None:
    """A few keys run more at the end of each month."""
    for key in traffic.keys:
        if key.shape not in ("office", "round_the_clock", "weekly_batch") or traffic.rng.random() > 0.12:
            continue
        factor = float(traffic.rng.uniform(1.4, 3))
        for day in range(DAYS):
            if (traffic.first_date + timedelta(days=day + 1)).day == 1:
                key.calls[day] *= factor
                traffic.harmless.append(Label("month_end", day, day, key.source, key.api_key_id))


def steady_keys(traffic: Traffic) -> list[Key]:
    return [
        key
        for key in traffic.keys
        if key.shape in ("office", "round_the_clock", "weekdays_only", "weekly_batch")
    ]


def _lasting_changes(traffic: Traffic) -> None:
    """Launches, ramps and declines: a key's level changes for good, and nothing is wrong."""
    rng = traffic.rng
    changes = [("launch", 3), ("ramp", 2), ("decline", 2)]
    for kind, times in changes:
        for _ in range(times):
            key = rng.choice([key for key in steady_keys(traffic) if not key.busy])
            first = int(rng.integers(45, 95))
            length = 1 if kind == "launch" else int(rng.integers(18, 40))
            end = 1 / rng.uniform(2, 6) if kind == "decline" else rng.uniform(2, 5)
            steps = np.clip((np.arange(DAYS) - first + 1) / length, 0, 1)
            key.calls *= np.exp(np.log(end) * steps)[:, None]
            key.busy.append((first - 8, DAYS))
            traffic.told_once.append(
                Label(kind, first, min(first + length + 13, DAYS - 1), key.source, key.api_key_id)
            )


def _migrations(traffic: Traffic) -> None:
    """Keys that move to another model, at once or over days; the price may differ, the number of calls does not."""
    rng = traffic.rng
    for _ in range(3):
        key = rng.choice([key for key in steady_keys(traffic) if not key.busy])
        first, length = int(rng.integers(35, 110)), int(rng.integers(1, 12))
        old = traffic.models[key.models[0]].input
        others = [name for name in traffic.models if name not in key.models]
        new = str(min(others, key=lambda name: abs(np.log(traffic.models[name].input / old))))
        moved = np.clip((np.arange(DAYS) - first + 1) / length, 0, 1)
        key.mix = np.column_stack([key.mix * (1 - moved)[:, None], moved])
        key.models.append(new)
        key.busy.append((first - 8, first + length + 30))
        traffic.harmless.append(Label("migration", first, first + length - 1, key.source, key.api_key_id))
