"""What was planted into a world. A label is an event: one kind, one subject, first and last day."""

from __future__ import annotations

from dataclasses import dataclass

SPEND_KINDS = (
    "spike",
    "drop",
    "slow_leak",
    "weekend_leak",
    "night_leak",
    "new_spender",
    "sparse_burst",
    "leaked_key",
)

#: The detectors that may answer for a kind. An incident that names none of them has not found the event.
ANSWERS: dict[str, tuple[str, ...]] = {
    "spike": ("daily_spend", "slow_leak"),
    "drop": ("daily_spend",),
    "slow_leak": ("slow_leak", "daily_spend"),
    "weekend_leak": ("daily_spend", "night_leak"),
    "night_leak": ("night_leak", "daily_spend"),
    "new_spender": ("new_spender",),
    "sparse_burst": ("sparse_burst", "daily_spend"),
    "leaked_key": ("leaked_key", "daily_spend", "night_leak"),
    "runaway_loop": ("runaway_loop",),
    "burst": ("burst",),
    "error_storm": ("error_storm",),
    "charged_failures": ("charged_failures",),
    "fallback_storm": ("fallback_storm",),
    "cache_collapse": ("cache_collapse",),
    "price_ours": ("price_change",),
    "price_gateway": ("price_change",),
    "ratio_shift": ("ratio_shift",),
    "unpriced": ("unpriced",),
    "system_cost": ("system_cost",),
    "missing_hours": ("missing_hours",),
    "missing_day": ("missing_day", "silent_source"),
    "silent_source": ("silent_source", "missing_day"),
    "late_data": ("late_data",),
}

#: What is no anomaly but may be told once, at its beginning: a lasting step, a ramp, a decline.
TOLD_ONCE = ("launch", "ramp", "decline")


@dataclass(frozen=True)
class Label:
    """One event. Days count from the first day of the world; an id that does not apply is empty."""

    kind: str
    first: int
    last: int
    source: str
    api_key_id: str = ""
    model: str = ""
    size: float = 0.0
    """How large it was, where that is one number: the mean rise in logarithms of a leak."""
