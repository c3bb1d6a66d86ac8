"""A world of a seed, as the relations that the detectors read, with the columns they read.

int_key_model_days    day × key × model asked for × model served: requests, failures, tokens, money
int_key_hours         day × key × hour: requests, failures, money; the peaks of a day stand in its busiest hour
fct_traffic_hourly    hour × source × model: requests, failures and timeouts
rpt_delivery_days     source × day of use × day of delivery: requests
stg_raw__files, …     a file a day until the source falls silent, also where all of it was lost
fct_account_events    account events that should cost nothing and have a quota
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from tests.evaluation.events import Planted, plant
from tests.evaluation.labels import Label
from tests.evaluation.streams import DAYS, HOURS, MEASURES, Array, Call, Stream, fill
from tests.evaluation.traffic import Key, Traffic, ordinary

API_ROWS = {
    **dict.fromkeys(("usage_api", "source", "grouping_name", "log_provider"), pl.String),
    **dict.fromkeys(("first_date", "last_date"), pl.Date),
    **dict.fromkeys(("period_start_at", "period_end_at"), pl.Datetime),
    "requests": pl.Int64,
}
"""Columns of int_usage_api_rows; no world has a usage API."""


@dataclass
class World:
    """Tables by name, what was planted, and what may be told once."""

    seed: int
    first_date: date
    tables: dict[str, pl.DataFrame]
    labels: list[Label]
    told_once: list[Label]
    harmless: list[Label]
    keys: list[Key]

    @property
    def as_of(self) -> date:
        """The day of the run: the morning after the last day, or the day of the last delivery."""
        delivered: date = self.tables["marts.rpt_delivery_days"]["delivered_on"].max()  # type: ignore[assignment]
        return max(self.first_date + timedelta(days=DAYS), delivered)


def world_of(seed: int) -> World:
    """Build the world of a seed; the same seed gives the same world."""
    traffic = ordinary(seed)
    planted = plant(traffic)
    streams, requests = _streams(traffic, planted)
    return World(
        seed,
        traffic.first_date,
        _tables(traffic, planted, streams, requests),
        planted.labels,
        traffic.told_once,
        traffic.harmless,
        traffic.keys,
    )


def _streams(traffic: Traffic, planted: Planted) -> tuple[list[Stream], dict[int, Array]]:
    """Every key's calls, and its own calls without the planted ones."""
    streams, own = [], {}
    none = np.ones(DAYS)
    for key in traffic.keys:
        counts = traffic.style.counts(key.calls)
        own[key.number] = counts
        rest, rest_share = counts, np.ones(DAYS)
        for place, model in enumerate(key.models):
            share = np.clip(key.mix[:, place] / np.maximum(rest_share, 1e-12), 0, 1)
            here = rest if place == len(key.models) - 1 else traffic.rng.binomial(rest, share[:, None])
            rest, rest_share = rest - here, rest_share - key.mix[:, place]
            dearer = traffic.dearer.get(model, model)
            can_fall = place == 0 and dearer != model
            falling = traffic.rng.binomial(here, np.clip(key.fallback_share * can_fall, 0, 1))
            streams.append(
                _filled(traffic, planted, key, Stream(key.number, model, model), here - falling, none)
            )
            if can_fall:
                streams.append(
                    _filled(traffic, planted, key, Stream(key.number, model, dearer), falling, none)
                )
    for extra in planted.extras:
        calls = (
            traffic.style.counts(extra.calls)
            if not extra.identical.any()
            else np.round(extra.calls).astype(int)
        )
        stream = Stream(extra.key.number, extra.model, extra.model)
        streams.append(
            _filled(traffic, planted, extra.key, stream, calls, none, is_unpriced=extra.is_unpriced)
        )
    return streams, own


def _filled(
    traffic: Traffic,
    planted: Planted,
    key: Key,
    stream: Stream,
    calls: Array,
    none: Array,
    *,
    is_unpriced: bool = False,
) -> Stream:
    kept = np.where(planted.lost.get(key.source, np.zeros_like(calls, dtype=bool)), 0, calls)
    place = (key.source, stream.model_served)
    failure_rate = np.maximum(key.failure_rate, planted.failing.get(place, 0.0))
    call = Call(
        key.prompt,
        key.output,
        key.cached_share,
        failure_rate,
        key.timeout_rate,
        key.charged_share,
        traffic.style.call_size_variation,
    )
    price = traffic.models.get(stream.model_served, traffic.models["model_0"])
    noise = np.exp(traffic.rng.normal(0, traffic.style.price_noise, DAYS))
    return fill(
        traffic.rng,
        stream,
        kept,
        call,
        price,
        planted.our_price.get(place, none),
        planted.gateway_price.get(place, none) * noise,
        is_unpriced=is_unpriced,
    )


def _tables(
    traffic: Traffic, planted: Planted, streams: list[Stream], own: dict[int, Array]
) -> dict[str, pl.DataFrame]:
    usage = pl.concat([_stream_days(traffic, planted, stream) for stream in streams])
    hours = [_key_hours(traffic, planted, key, streams, own[key.number]) for key in traffic.keys]
    deliveries = _deliveries(traffic, planted, usage)
    return {
        "intermediate.int_key_model_days": usage,
        "intermediate.int_key_hours": pl.concat(hours),
        "marts.fct_traffic_hourly": _model_hours(traffic, streams),
        "marts.rpt_delivery_days": deliveries,
        **files_of(deliveries, traffic.first_date + timedelta(days=DAYS)),
        "marts.fct_usage_daily": usage.select(
            "source", "usage_date", pl.col("requests").cast(pl.Int64), pl.lit("success").alias("status")
        ),
        "marts.fct_account_events": pl.DataFrame(
            [
                (source, _dates(traffic)[day], True, int(usd * 500_000))
                for source, day, usd in planted.system_costs
            ],
            schema={"source": pl.String, "event_date": pl.Date, "has_charge": pl.Boolean, "quota": pl.Int64},
            orient="row",
        ),
    }


def _dates(traffic: Traffic) -> list[date]:
    return [traffic.first_date + timedelta(days=day) for day in range(DAYS)]


def _named(traffic: Traffic, key: Key) -> list[pl.Expr]:
    return [
        pl.lit(key.source).alias("source"),
        pl.lit(key.workspace_id).alias("workspace_id"),
        pl.lit(key.api_key_id).alias("api_key_id"),
        pl.lit(key.member_id).alias("member_id"),
    ]


def _stream_days(traffic: Traffic, planted: Planted, stream: Stream) -> pl.DataFrame:
    """Sums of each day with a call, and our unit prices, as fct_usage_costs has them on each request."""
    key, price = traffic.keys[stream.key], traffic.models.get(stream.model_served)
    factor = planted.our_price.get((key.source, stream.model_served), np.ones(DAYS))
    return (
        pl.DataFrame(
            {
                "usage_date": _dates(traffic),
                **{name: stream.measures[name].sum(axis=1).astype(float) for name in MEASURES},
                "input_usd_per_mtok": factor * (price.input if price else np.nan) * 1e6,
                "output_usd_per_mtok": factor * (price.output if price else np.nan) * 1e6,
            }
        )
        .fill_nan(None)
        .filter(pl.col("requests") > 0)
        .with_columns(
            *_named(traffic, key),
            pl.col("failures") + pl.col("timeouts"),
            pl.lit(stream.model_requested).alias("model_requested"),
            pl.lit(stream.model_served).alias("model_served"),
        )
    )


def _key_hours(
    traffic: Traffic, planted: Planted, key: Key, streams: list[Stream], own: Array
) -> pl.DataFrame:
    rng, mine = traffic.rng, [stream for stream in streams if stream.key == key.number]
    requests = sum(stream.measures["requests"] for stream in mine)
    busiest = own.max(axis=1)
    per_minute = busiest / 60
    peak = np.ceil(
        np.minimum(
            busiest, per_minute + np.sqrt(per_minute) * rng.uniform(2.5, 4, DAYS) + rng.poisson(1, DAYS)
        )
    )
    alike = busiest / 6 * (0.8 if key.has_fixed_prompt else traffic.style.duplicate_prompts)
    identical = np.minimum(busiest, 1 + rng.poisson(alike))
    for extra in planted.extras:
        if extra.key is key:
            peak, identical = np.maximum(peak, extra.peak), np.maximum(identical, extra.identical)
    at_most = np.arange(DAYS), np.argmax(requests, axis=1)
    peaks = np.zeros((2, DAYS, HOURS), dtype=np.int64)
    peaks[0][at_most], peaks[1][at_most] = np.ceil(peak), np.floor(identical)
    return _hourly(
        traffic,
        requests=requests,
        failures=sum(stream.measures["failures"] + stream.measures["timeouts"] for stream in mine),
        cost_usd=sum(stream.measures["cost_usd"] for stream in mine),
        peak_rpm=peaks[0],
        most_identical=peaks[1],
    ).with_columns(*_named(traffic, key))


def _hourly(traffic: Traffic, **measures: Array) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "event_date": np.repeat(np.array(_dates(traffic), dtype="datetime64[D]"), HOURS),
            "hour": np.tile(np.arange(HOURS), DAYS),
            **{name: values.reshape(-1) for name, values in measures.items()},
        }
    ).filter(pl.col("requests") > 0)


def _model_hours(traffic: Traffic, streams: list[Stream]) -> pl.DataFrame:
    places = sorted({(traffic.keys[stream.key].source, stream.model_served) for stream in streams})
    tables = []
    for source, model in places:
        here = [
            stream.measures
            for stream in streams
            if traffic.keys[stream.key].source == source and stream.model_served == model
        ]
        tables.append(
            _hourly(
                traffic,
                requests=sum(measures["requests"] for measures in here),
                failed_requests=sum(measures["failures"] for measures in here),
                timed_out_requests=sum(measures["timeouts"] for measures in here),
            ).with_columns(
                pl.lit(source).alias("source"),
                pl.lit(model).alias("model_served"),
                (pl.col("event_date").cast(pl.Datetime) + pl.duration(hours=pl.col("hour"))).alias("hour_at"),
            )
        )
    return pl.concat(tables)


def _deliveries(traffic: Traffic, planted: Planted, usage: pl.DataFrame) -> pl.DataFrame:
    """A day arrives a fixed time after it, a little of it later."""
    rows = []
    sums = usage.group_by("source", "usage_date").agg(pl.col("requests").sum()).sort("source", "usage_date")
    for source, day, requests in sums.iter_rows():
        number = (day - traffic.first_date).days
        usual = day + timedelta(days=traffic.style.delivery_lag)
        share = traffic.style.late_share * float(traffic.rng.uniform(0.3, 1.7))
        parts = [(usual + timedelta(days=2), int(requests * share))]
        parts.append((usual + timedelta(days=4), int(requests * planted.late.get(source, {}).get(number, 0))))
        parts.append((usual, int(requests) - sum(part for _, part in parts)))
        rows += [(source, day, on, part) for on, part in parts if part > 0]
    end = _dates(traffic)[-1] + timedelta(days=traffic.style.delivery_lag)
    rows = [row for row in rows if row[2] <= end]
    return pl.DataFrame(
        rows,
        schema={"source": pl.String, "usage_date": pl.Date, "delivered_on": pl.Date, "requests": pl.Int64},
        orient="row",
    )


def files_of(deliveries: pl.DataFrame, end: date) -> dict[str, pl.DataFrame]:
    """Return the relations of files: one a day from a source's first delivery to its last.

    A source is silent if none came on the day before `end`, nor since.
    """
    logs, path = (
        pl.lit("logs").alias("stream"),
        pl.format("{}/{}", "source", "delivered_on").alias("landing_file"),
    )
    files = (
        deliveries.group_by("source")
        .agg(pl.date_range(pl.col("delivered_on").min(), pl.col("delivered_on").max()).alias("delivered_on"))
        .explode("delivered_on")
        .sort("source", "delivered_on")
        .with_columns(logs, path)
    )
    last = deliveries.group_by("source").agg(pl.col("delivered_on").max()).sort("source")
    return {
        "staging.stg_raw__files": files,
        "staging.stg_raw__file_days": deliveries.select(
            "source",
            logs,
            path,
            pl.col("usage_date").alias("event_date"),
            pl.col("requests").alias("event_count"),
        ),
        "staging.stg_raw__source_status": last.select(
            "source",
            pl.when(pl.col("delivered_on") < end - timedelta(days=1))
            .then(pl.col("delivered_on") + timedelta(days=1))
            .alias("silent_since"),
            pl.lit([], dtype=pl.List(pl.Struct({"stream": pl.String, "missing_on": pl.Date}))).alias(
                "missing_deliveries"
            ),
        ),
        "intermediate.int_usage_api_rows": pl.DataFrame(schema=API_ROWS),
    }
