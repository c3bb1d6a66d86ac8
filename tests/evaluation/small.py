"""A few sources and keys whose days a test writes itself, as the relations that the detectors read.

Keys work from 8 to 20 hours with the same calls each hour, weekends at a third, and scatter by a few percent; what a
test is about it changes in the arrays of a key, days × hours or days.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from tests.evaluation.world import files_of

MONDAY = date(2026, 3, 2)
DAYS = 119
OFFICE = range(8, 20)
PROMPT, ANSWER, USD = 1000, 200, 0.01
"""Tokens and cost of a call."""


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


@dataclass
class SmallKey:
    """One key; arrays are days × hours for calls, days for the rest."""

    name: str
    source: str = "gateway"
    workspace_id: str = "ws_1"
    member_id: str = ""
    model: str = "gpt-4o"
    calls: np.ndarray = field(default_factory=lambda: np.zeros((DAYS, 24)))
    failures: np.ndarray = field(default_factory=lambda: np.zeros((DAYS, 24)))
    charged_failures: np.ndarray = field(default_factory=lambda: np.zeros(DAYS))
    fallbacks: np.ndarray = field(default_factory=lambda: np.zeros(DAYS))
    cached_share: np.ndarray = field(default_factory=lambda: np.full(DAYS, 0.5))
    answer: np.ndarray = field(default_factory=lambda: np.full(DAYS, float(ANSWER)))
    our_price: np.ndarray = field(default_factory=lambda: np.ones(DAYS))
    charged: np.ndarray = field(default_factory=lambda: np.ones(DAYS))
    is_unpriced: bool = False
    peak_rpm: np.ndarray = field(default_factory=lambda: np.full(DAYS, 5))
    most_identical: np.ndarray = field(default_factory=lambda: np.full(DAYS, 3))
    models: np.ndarray | None = None
    """Model of each day, where it is not always `model`."""

    def times(self, number: int, factor: float) -> SmallKey:
        """Change the calls of a day."""
        self.calls[number] = np.round(self.calls[number] * factor)
        return self


def office_key(
    name: str,
    rng: np.random.Generator,
    *,
    hourly: float = 12,
    first: int = 0,
    noise: float = 0.04,
    **other: Any,
) -> SmallKey:
    """A key with `hourly` calls an hour: 144 calls and 1.44 USD a weekday."""
    key = SmallKey(name, **other)
    for number in range(first, DAYS):
        level = hourly * (1 / 3 if number % 7 >= 5 else 1) * np.exp(rng.normal(0, noise))
        key.calls[number, list(OFFICE)] = np.maximum(np.round(level + rng.normal(0, 0.3, len(OFFICE))), 0)
    return key


def tables_of(
    keys: list[SmallKey], *, lags: dict[tuple[str, int], int] | None = None, days: int = DAYS
) -> dict[str, pl.DataFrame]:
    """Return the relations; `lags` are days of delivery later than the next day, by source and day."""
    usage = pl.concat([_usage(key) for key in keys])
    hours = pl.concat([_hours(key) for key in keys])
    deliveries = _deliveries(usage, lags or {})
    traffic = hours.group_by("source", "model_served", "event_date", "hour").agg(
        pl.col("requests").sum(),
        pl.col("failures").sum().alias("failed_requests"),
        pl.lit(0).alias("timed_out_requests"),
    )
    return {
        "intermediate.int_key_model_days": usage,
        "intermediate.int_key_hours": hours,
        "marts.fct_traffic_hourly": traffic.with_columns(
            (pl.col("event_date").cast(pl.Datetime) + pl.duration(hours=pl.col("hour"))).alias("hour_at")
        ),
        "marts.rpt_delivery_days": deliveries,
        **files_of(deliveries, day(days)),
        "marts.fct_usage_daily": usage.select(
            "source", "usage_date", "requests", pl.lit("success").alias("status")
        ),
        "marts.fct_account_events": pl.DataFrame(
            schema={"source": pl.String, "event_date": pl.Date, "has_charge": pl.Boolean, "quota": pl.Int64}
        ),
    }


def _names(key: SmallKey) -> list[pl.Expr]:
    return [
        pl.lit(key.source).alias("source"),
        pl.lit(key.workspace_id).alias("workspace_id"),
        pl.lit(key.name).alias("api_key_id"),
    ]


def _usage(key: SmallKey) -> pl.DataFrame:
    calls, cost = (
        key.calls.sum(axis=1),
        key.calls.sum(axis=1) * USD * key.our_price * (0.5 + 0.5 * key.answer / ANSWER),
    )
    models = [key.model] * DAYS if key.models is None else key.models
    return (
        pl.DataFrame(
            {
                "usage_date": [day(number) for number in range(DAYS)],
                "model_requested": models,
                "model_served": models,
                "requests": calls.astype(int),
                "failures": key.failures.sum(axis=1).astype(int),
                "charged_failures": key.charged_failures.astype(int),
                "charged_failure_usd": key.charged_failures * USD * 10,
                "fallbacks": key.fallbacks.astype(int),
                "unpriced_requests": (calls * key.is_unpriced).astype(int),
                "input_tokens": calls * PROMPT,
                "cached_tokens": np.round(calls * PROMPT * key.cached_share),
                "output_tokens": calls * key.answer,
                "cost_usd": cost * (not key.is_unpriced),
                "reported_usd": cost * key.charged,
                "input_usd_per_mtok": 2.5 * key.our_price,
                "output_usd_per_mtok": 10.0 * key.our_price,
            }
        )
        .filter(pl.col("requests") > 0)
        .with_columns(*_names(key), pl.lit(key.member_id).alias("member_id"))
    )


def _hours(key: SmallKey) -> pl.DataFrame:
    models = [key.model] * DAYS if key.models is None else key.models
    return (
        pl.DataFrame(
            {
                "event_date": [day(number) for number in range(DAYS) for _ in range(24)],
                "hour": np.tile(np.arange(24), DAYS),
                "model_served": np.repeat(np.array(models), 24),
                "requests": key.calls.astype(int).reshape(-1),
                "failures": key.failures.astype(int).reshape(-1),
                "cost_usd": (key.calls * USD).reshape(-1),
                "peak_rpm": np.repeat(key.peak_rpm, 24),
                "most_identical": np.repeat(key.most_identical, 24),
            }
        )
        .filter(pl.col("requests") > 0)
        .with_columns(*_names(key))
    )


def _deliveries(usage: pl.DataFrame, lags: dict[tuple[str, int], int]) -> pl.DataFrame:
    """A day comes the day after; a tenth of the days in `lags` comes so many days later."""
    rows = []
    sums = usage.group_by("source", "usage_date").agg(pl.col("requests").sum()).sort("source", "usage_date")
    for source, of, requests in sums.iter_rows():
        lag = lags.get((source, (of - MONDAY).days), 0)
        late = requests // 3 if lag else 0
        rows.append((source, of, of + timedelta(days=1), requests - late))
        if late:
            rows.append((source, of, of + timedelta(days=1 + lag), late))
    return pl.DataFrame(
        rows,
        schema={"source": pl.String, "usage_date": pl.Date, "delivered_on": pl.Date, "requests": pl.Int64},
        orient="row",
    )
