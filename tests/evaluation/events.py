"""What is planted into a world, one function a kind. Each returns its labels; days and keys are drawn.

An event is only planted where a person could see it: above the day's noise of its key, and worth a few USD.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tests.evaluation.labels import Label
from tests.evaluation.streams import DAYS, HOURS, Array
from tests.evaluation.traffic import KEY_GROWTH, Key, Traffic, steady_keys

FIRST_DAY = 40
WORTH_USD = 3.0


@dataclass
class Extra:
    """Calls beside a key's own: to which model, how many by day and hour, and whether they are all the same call."""

    key: Key
    model: str
    calls: Array
    identical: Array
    """The most identical calls within ten minutes, by day."""
    peak: Array
    """The most calls in one minute, by day."""
    is_unpriced: bool = False


@dataclass
class Planted:
    """All that is wrong in a world."""

    traffic: Traffic
    labels: list[Label] = field(default_factory=list)
    extras: list[Extra] = field(default_factory=list)
    our_price: dict[tuple[str, str], Array] = field(default_factory=dict)
    gateway_price: dict[tuple[str, str], Array] = field(default_factory=dict)
    lost: dict[str, Array] = field(default_factory=dict)
    """Days × hours of a source that never arrived."""
    late: dict[str, dict[int, float]] = field(default_factory=dict)
    """Share of a source's day that came four days later than it should."""
    system_costs: list[tuple[str, int, float]] = field(default_factory=list)
    failing: dict[tuple[str, str], Array] = field(default_factory=dict)
    """How often a model of a source fails, by day and hour, beside what its keys do wrong."""


def plant(traffic: Traffic) -> Planted:
    """Plant every kind."""
    planted = Planted(traffic)
    for kind, times in PLAN:
        for _ in range(times):
            for _ in range(40):
                if kind(planted):
                    break
    return planted


def _when(planted: Planted, length: int) -> int:
    return int(planted.traffic.rng.integers(FIRST_DAY, DAYS - length - 3))


def _pick(planted: Planted, keys: list[Key], first: int, last: int) -> Key | None:
    free = [key for key in keys if key.is_free(first, last)]
    return planted.traffic.rng.choice(free) if free else None


def _note(
    planted: Planted, kind: str, key: Key, first: int, last: int, model: str = "", size: float = 0.0
) -> bool:
    key.busy.append((first, last))
    planted.labels.append(Label(kind, first, last, key.source, key.api_key_id, model, size))
    return True


def _regular(planted: Planted) -> list[Key]:
    return [
        key
        for key in planted.traffic.keys
        if key.shape in ("office", "round_the_clock", "weekdays_only", "bursty")
    ]


def _spike(planted: Planted) -> bool:
    rng, length = planted.traffic.rng, int(planted.traffic.rng.choice([1, 1, 1, 2, 3]))
    first = _when(planted, length)
    key = _pick(planted, _regular(planted), first, first + length - 1)
    if key is None:
        return False
    factor = max(float(rng.uniform(2, 6)), float(np.exp(6 * key.day_noise)))
    days = slice(first, first + length)
    if key.calls[days].sum(axis=1).min() * (factor - 1) * key.usd_per_call < WORTH_USD:
        return False
    key.calls[days] *= factor
    return _note(planted, "spike", key, first, first + length - 1)


def _drop(planted: Planted) -> bool:
    rng, length = planted.traffic.rng, int(planted.traffic.rng.choice([1, 1, 2, 3]))
    first = _when(planted, length)
    key = _pick(planted, _regular(planted), first, first + length - 1)
    if key is None or key.shape == "bursty":
        return False
    factor = min(float(rng.choice([0.0, 0.1, 0.2, 0.35])), float(np.exp(-6 * key.day_noise)))
    days = slice(first, first + length)
    if key.calls[days].sum(axis=1).min() * (1 - factor) * key.usd_per_call < WORTH_USD:
        return False
    key.calls[days] *= factor
    return _note(planted, "drop", key, first, first + length - 1)


def _slow_leak(planted: Planted) -> bool:
    rng = planted.traffic.rng
    length = int(rng.integers(18, 32))
    first = int(rng.integers(50, DAYS - length))
    key = _pick(planted, steady_keys(planted.traffic), first, first + length - 1)
    if key is None or key.day_noise > 0.25:
        return False
    days = np.arange(DAYS)
    inside = (days >= first) & (days < first + length)
    if rng.random() < 0.5:
        growth = np.log(1 + rng.uniform(0.01, 0.03)) * np.clip(days - first + 1, 0, length)
    else:
        growth = np.full(DAYS, np.log(1 + rng.uniform(0.15, 0.6)))
    # A level that wanders and grows by itself hides a rise of the same size, over the six weeks one has to look back.
    drift = np.sqrt(40 * planted.traffic.style.wander**2 + (40 * KEY_GROWTH) ** 2)
    if growth[inside].mean() < max(2 * key.day_noise, 3 * drift):
        return False
    usd = (key.calls.sum(axis=1) * np.expm1(growth))[inside].sum() * key.usd_per_call
    if usd < 4 * WORTH_USD:
        return False
    key.calls *= np.exp(np.where(inside, growth, 0))[:, None]
    return _note(planted, "slow_leak", key, first, first + length - 1, size=float(growth[inside].mean()))


def _weekend_leak(planted: Planted) -> bool:
    rng = planted.traffic.rng
    first = _when(planted, 9)
    while planted.traffic.weekday(first) != 5:
        first += 1
    keys = [
        key
        for key in planted.traffic.keys
        if (key.shape == "office" and key.weekend < 0.5) or key.shape == "weekdays_only"
    ]
    days = [first, first + 1] if rng.random() < 0.6 else [first, first + 1, first + 7, first + 8]
    days = [day for day in days if day < DAYS - 2]
    key = _pick(planted, keys, days[0], days[-1])
    if key is None:
        return False
    weekday = key.calls[first - 4 : first]
    factor = float(rng.uniform(0.9, 1.4))
    if (factor - key.weekend) * weekday.sum(axis=1).mean() * key.usd_per_call < WORTH_USD:
        return False
    for day in days:
        key.calls[day] = weekday.mean(axis=0) * factor
    return _note(planted, "weekend_leak", key, days[0], days[-1])


def _night_leak(planted: Planted) -> bool:
    rng, length = planted.traffic.rng, int(planted.traffic.rng.integers(1, 6))
    first = _when(planted, length)
    keys = [
        key
        for key in planted.traffic.keys
        if key.shape in ("office", "weekdays_only") and len(key.quiet_hours) >= 5
    ]
    key = _pick(planted, keys, first, first + length - 1)
    if key is None:
        return False
    extra = key.usual_calls * float(rng.uniform(0.35, 1.0))
    if extra * key.usd_per_call < WORTH_USD or extra < 20:
        return False
    for day in range(first, first + length):
        key.calls[day, key.quiet_hours] += extra / len(key.quiet_hours)
    return _note(planted, "night_leak", key, first, first + length - 1)


def _new_spender(planted: Planted) -> bool:
    rng = planted.traffic.rng
    key = _pick(planted, [key for key in _regular(planted) if key.first_day == 0 and not key.busy], 0, DAYS)
    first = int(rng.integers(35, DAYS - 10))
    if key is None or key.usual_usd < 2 * WORTH_USD:
        return False
    if key.calls[first].sum() * key.usd_per_call < WORTH_USD:
        return False
    last = min(first + int(rng.choice([5, DAYS])), DAYS - 1)
    key.calls[:first] = 0
    key.calls[last + 1 :] = 0
    key.first_day = first
    key.busy.append((0, DAYS))
    return _note(planted, "new_spender", key, first, min(first + 6, last))


def _sparse_burst(planted: Planted) -> bool:
    rng = planted.traffic.rng
    first = _when(planted, 1)
    key = _pick(planted, [key for key in planted.traffic.keys if key.shape == "sparse"], first, first)
    if key is None:
        return False
    before = key.calls[:first].sum(axis=1)
    if (before > 0).sum() < 4:
        return False
    calls = float(before.max()) * float(rng.uniform(3.5, 8))
    if calls * key.usd_per_call < WORTH_USD * 2:
        return False
    key.calls[first] = calls * rng.dirichlet(np.full(HOURS, 2.0))
    return _note(planted, "sparse_burst", key, first, first)


def _zeros() -> Array:
    return np.zeros((DAYS, HOURS))


def _leaked_key(planted: Planted) -> bool:
    rng, length = planted.traffic.rng, int(planted.traffic.rng.integers(2, 8))
    first = _when(planted, length)
    key = _pick(planted, _regular(planted), first, first + length - 1)
    if key is None or key.shape == "bursty":
        return False
    model = str(rng.choice([name for name in planted.traffic.models if name not in key.models]))
    calls = _zeros()
    calls[first : first + length] = key.usual_calls * float(rng.uniform(0.6, 3)) / HOURS
    price = planted.traffic.models[model]
    usd = calls[first].sum() * (key.prompt.mean() * price.input + key.output.mean() * price.output)
    if usd < max(WORTH_USD, 0.5 * key.usual_usd):
        return False
    planted.extras.append(Extra(key, model, calls, np.zeros(DAYS), np.zeros(DAYS)))
    return _note(planted, "leaked_key", key, first, first + length - 1, model)


def _runaway_loop(planted: Planted) -> bool:
    rng, day = planted.traffic.rng, _when(planted, 1)
    key = _pick(planted, [key for key in planted.traffic.keys if not key.has_fixed_prompt], day, day)
    if key is None or key.calls[max(0, day - 30) : day].sum() == 0:
        return False
    minutes, number = int(rng.integers(5, 25)), int(rng.integers(150, 900))
    calls, identical, peak = _zeros(), np.zeros(DAYS), np.zeros(DAYS)
    calls[day, int(rng.integers(HOURS))] = number
    identical[day] = number * min(1, 10 / minutes)
    peak[day] = 1.3 * number / minutes
    planted.extras.append(Extra(key, key.models[int(np.argmax(key.mix[day]))], calls, identical, peak))
    return _note(planted, "runaway_loop", key, day, day)


def _burst(planted: Planted) -> bool:
    rng, day = planted.traffic.rng, _when(planted, 1)
    key = _pick(planted, [key for key in _regular(planted) if key.usual_calls >= 100], day, day)
    if key is None:
        return False
    hourly = key.calls[max(0, day - 28) : day].max()
    peak_rpm = max(80.0, float(rng.uniform(8, 20)) * (hourly / 60 + 3 * np.sqrt(hourly / 60) + 3))
    calls, peak = _zeros(), np.zeros(DAYS)
    calls[day, int(rng.integers(HOURS))] = 3 * peak_rpm
    peak[day] = peak_rpm
    planted.extras.append(Extra(key, key.models[0], calls, np.zeros(DAYS), peak))
    return _note(planted, "burst", key, day, day)


def _error_storm(planted: Planted) -> bool:
    rng, day = planted.traffic.rng, _when(planted, 1)
    length, rate = int(rng.integers(2, 9)), float(rng.uniform(0.35, 0.95))
    key = _pick(planted, _regular(planted), day, day)
    if key is None:
        return False
    start = int(np.clip(np.argmax(key.calls[day]) - rng.integers(0, length), 0, HOURS - length))
    hours = slice(start, start + length)
    if key.calls[day, hours].sum() * rate < 20:
        return False
    if rng.random() < 0.7:
        key.failure_rate[day, hours] = rate
    else:
        key.timeout_rate[day, hours] = rate
    return _note(planted, "error_storm", key, day, day)


def _model_storm(planted: Planted) -> bool:
    """A model of a source fails for every key; the label has no key."""
    rng, day = planted.traffic.rng, _when(planted, 1)
    source, model = str(rng.choice(planted.traffic.sources)), str(rng.choice(list(planted.traffic.models)))
    users = [key for key in planted.traffic.keys if key.source == source and key.models[0] == model]
    users = [key for key in users if key.is_free(day, day) and key.calls[day].sum() >= 60]
    if len(users) < 2:
        return False
    start, length, rate = int(rng.integers(0, 16)), int(rng.integers(3, 9)), float(rng.uniform(0.4, 0.9))
    if sum(key.calls[day, start : start + length].sum() for key in users) < 60:
        return False
    failing = planted.failing.setdefault((source, model), np.zeros((DAYS, HOURS)))
    failing[day, start : start + length] = rate
    for key in users:
        key.busy.append((day, day))
    planted.labels.append(Label("error_storm", day, day, source, "", model))
    return True


def _charged_failures(planted: Planted) -> bool:
    rng, length = planted.traffic.rng, int(planted.traffic.rng.integers(1, 6))
    first = _when(planted, length)
    key = _pick(
        planted, [key for key in _regular(planted) if key.usual_calls >= 300], first, first + length - 1
    )
    if key is None:
        return False
    days = slice(first, first + length)
    rate = float(rng.uniform(0.05, 0.15))
    if key.calls[days].sum() * rate * 0.5 < 15 or key.calls[days].sum() * rate * 0.5 * key.usd_per_call < 0.5:
        return False
    key.failure_rate[days] = rate
    key.charged_share[days] = float(rng.uniform(0.5, 1))
    return _note(planted, "charged_failures", key, first, first + length - 1)


def _fallback_storm(planted: Planted) -> bool:
    rng = planted.traffic.rng
    day = _when(planted, 2)
    length, rate = int(rng.integers(4, 30)), float(rng.uniform(0.4, 0.95))
    key = _pick(planted, _regular(planted), day, day + 1)
    if key is None or planted.traffic.dearer[key.models[0]] == key.models[0]:
        return False
    start = int(rng.integers(6, 14))
    flat = key.calls[day : day + 2].reshape(-1)[start : start + length]
    if flat.sum() * rate * key.mix[day, 0] < 20:
        return False
    shares = key.fallback_share[day : day + 2].reshape(-1)
    shares[start : start + length] = rate
    key.fallback_share[day : day + 2] = shares.reshape(2, HOURS)
    return _note(planted, "fallback_storm", key, day, day + (start + length - 1) // HOURS)


def _cache_collapse(planted: Planted) -> bool:
    rng, length = planted.traffic.rng, int(planted.traffic.rng.integers(2, 7))
    first = _when(planted, length)
    keys = [key for key in _regular(planted) if key.cached_share.mean() > 0.2 and key.usual_calls >= 40]
    key = _pick(planted, keys, first, first + length - 1)
    if key is None:
        return False
    key.cached_share[first : first + length] *= float(rng.uniform(0, 0.35))
    return _note(planted, "cache_collapse", key, first, first + length - 1)


def _price(planted: Planted, *, is_ours: bool) -> bool:
    rng = planted.traffic.rng
    first = int(rng.integers(FIRST_DAY, DAYS - 12))
    last = DAYS - 1 if rng.random() < 0.6 else min(first + int(rng.integers(7, 20)), DAYS - 1)
    source = str(rng.choice(planted.traffic.sources))
    used = {
        key.models[0]: key
        for key in planted.traffic.keys
        if key.source == source and key.usual_calls >= 100 and key.shape != "sparse" and key.first_day < 20
    }
    factor = float(rng.choice([rng.uniform(0.7, 0.9), rng.uniform(1.1, 1.35)]))
    prices = planted.our_price if is_ours else planted.gateway_price
    taken = {*planted.our_price, *planted.gateway_price}
    free = [
        model
        for model, key in used.items()
        if (source, model) not in taken and len(key.models) == len(key.mix[0])
    ]
    if not free:
        return False
    model = str(rng.choice(free))
    steps = np.ones(DAYS)
    steps[first : last + 1] = factor
    prices[source, model] = steps
    kind = "price_ours" if is_ours else "price_gateway"
    planted.labels.append(Label(kind, first, min(first + 13, last), source, "", model))
    if last < DAYS - 4:
        planted.labels.append(Label(kind, last + 1, min(last + 14, DAYS - 1), source, "", model))
    return True


def _price_ours(planted: Planted) -> bool:
    return _price(planted, is_ours=True)


def _price_gateway(planted: Planted) -> bool:
    return _price(planted, is_ours=False)


def _ratio_shift(planted: Planted) -> bool:
    rng, length = planted.traffic.rng, int(planted.traffic.rng.integers(2, 6))
    first = _when(planted, length)
    key = _pick(
        planted, [key for key in _regular(planted) if key.usual_calls >= 30], first, first + length - 1
    )
    if key is None:
        return False
    days = slice(first, first + length)
    if rng.random() < 0.6:
        key.output[days] *= float(rng.uniform(2.5, 5))
    else:
        key.prompt[days] *= float(rng.uniform(2.5, 5))
    return _note(planted, "ratio_shift", key, first, first + length - 1)


def _unpriced(planted: Planted) -> bool:
    length = int(planted.traffic.rng.integers(1, 7))
    first = _when(planted, length)
    key = _pick(planted, _regular(planted), first, first + length - 1)
    if key is None or key.usual_calls < 50:
        return False
    calls = _zeros()
    calls[first : first + length] = key.calls[first : first + length] * 0.1
    model = f"preview_{len(planted.labels)}"
    planted.extras.append(Extra(key, model, calls, np.zeros(DAYS), np.zeros(DAYS), is_unpriced=True))
    return _note(planted, "unpriced", key, first, first + length - 1, model)


def _system_cost(planted: Planted) -> bool:
    day, source = _when(planted, 1), str(planted.traffic.rng.choice(planted.traffic.sources))
    planted.system_costs.append((source, day, float(planted.traffic.rng.uniform(1, 20))))
    planted.labels.append(Label("system_cost", day, day, source))
    return True


def _hole(planted: Planted, source: str, first: int, last: int) -> Array | None:
    """The source's losses, if nothing else was lost near these days."""
    lost = planted.lost.setdefault(source, np.zeros((DAYS, HOURS), dtype=bool))
    if lost[max(0, first - 4) : last + 5].any():
        return None
    near = [
        label
        for label in planted.labels
        if label.source == source and label.last >= first - 1 and label.first <= last + 1
    ]
    return None if near else lost


def _missing_hours(planted: Planted) -> bool:
    rng, day = planted.traffic.rng, _when(planted, 1)
    source = str(rng.choice(planted.traffic.sources))
    lost = _hole(planted, source, day, day)
    length = int(rng.integers(2, 9))
    start = int(rng.integers(0, HOURS - length))
    hourly = sum(
        key.calls[day, start : start + length].sum() for key in planted.traffic.keys if key.source == source
    )
    if lost is None or hourly / length < 25:
        return False
    lost[day, start : start + length] = True
    planted.labels.append(Label("missing_hours", day, day, source))
    return True


def _missing_day(planted: Planted) -> bool:
    rng, length = planted.traffic.rng, int(planted.traffic.rng.choice([1, 1, 1, 2]))
    first = _when(planted, length)
    source = str(rng.choice(planted.traffic.sources))
    lost = _hole(planted, source, first, first + length - 1)
    if lost is None:
        return False
    lost[first : first + length] = True
    planted.labels.append(Label("missing_day", first, first + length - 1, source))
    return True


def _silent_source(planted: Planted) -> bool:
    if planted.traffic.rng.random() < 0.5:
        return True
    first = DAYS - int(planted.traffic.rng.integers(3, 6))
    source = str(planted.traffic.rng.choice(planted.traffic.sources))
    lost = _hole(planted, source, first, DAYS - 1)
    if lost is None:
        return False
    lost[first:] = True
    planted.labels.append(Label("silent_source", first, DAYS - 1, source))
    return True


def _late_data(planted: Planted) -> bool:
    day, source = _when(planted, 6), str(planted.traffic.rng.choice(planted.traffic.sources))
    late = planted.late.setdefault(source, {})
    if _hole(planted, source, day, day + 5) is None or any(abs(day - other) < 10 for other in late):
        return False
    late[day] = float(planted.traffic.rng.uniform(0.2, 0.7))
    planted.labels.append(Label("late_data", day, day, source))
    return True


Kind = Callable[[Planted], bool]

PLAN: tuple[tuple[Kind, int], ...] = (
    (_new_spender, 2),
    (_price_ours, 1),
    (_price_gateway, 1),
    (_slow_leak, 2),
    (_spike, 5),
    (_drop, 3),
    (_weekend_leak, 2),
    (_night_leak, 2),
    (_sparse_burst, 2),
    (_leaked_key, 2),
    (_runaway_loop, 2),
    (_burst, 2),
    (_error_storm, 2),
    (_model_storm, 1),
    (_charged_failures, 1),
    (_fallback_storm, 2),
    (_cache_collapse, 2),
    (_ratio_shift, 2),
    (_unpriced, 1),
    (_system_cost, 1),
    (_missing_hours, 2),
    (_missing_day, 2),
    (_silent_source, 1),
    (_late_data, 1),
)
