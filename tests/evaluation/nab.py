"""NAB's nyc_taxi by day, as the spend of one key: which of its five windows are found, and incidents outside them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import polars as pl

from tests.evaluation.detect import detect
from tests.evaluation.streams import MEASURES
from tests.evaluation.world import files_of

NAB = Path(__file__).parents[3] / "shared" / "data" / "nab" / "nab_aws_known_cause.parquet"
USD_PER_RIDE = 0.01
WHOLE = {"history_days": 400.0, "reported_days": 400.0}
"""The series is longer than the detectors usually look back."""


def nyc_taxi(file: Path = NAB) -> tuple[int, int, int]:
    """Return windows found, windows, and incidents that touch no window."""
    days = _days(file)
    inside = [day for day, _, in_window in days if in_window]
    windows: list[list[date]] = []
    for day in inside:
        if not windows or day - windows[-1][-1] > timedelta(days=1):
            windows.append([])
        windows[-1].append(day)
    with detect(_tables(days), days[-1][0] + timedelta(days=1), WHOLE) as session:
        incidents = session.execute("select first_date, last_date from fct_anomalies").fetchall()
    found = sum(
        any(first <= window[-1] and last >= window[0] for first, last in incidents) for window in windows
    )
    outside = sum(
        all(first > window[-1] or last < window[0] for window in windows) for first, last in incidents
    )
    return found, len(windows), outside


def _days(file: Path) -> list[tuple[date, float, int]]:
    """Whole days: date, rides, whether any of it lies in a window."""
    with duckdb.connect() as session:
        return session.execute(
            """
            select timestamp::date, sum(value), max(in_window) from read_parquet(?)
            where series like '%nyc_taxi%' group by all having count(*) = 48 order by 1
            """,
            [str(file)],
        ).fetchall()


def _tables(days: list[tuple[date, float, int]]) -> dict[str, pl.DataFrame]:
    names = {"source": "nab", "workspace_id": "nab", "api_key_id": "nyc_taxi", "member_id": "nab"}
    usage = pl.DataFrame(
        {"usage_date": [day for day, _, _ in days], "requests": [float(rides) for _, rides, _ in days]}
    )
    usage = usage.with_columns(
        *(
            pl.lit(0.0).alias(name)
            for name in MEASURES
            if name not in ("requests", "cost_usd", "input_tokens")
        ),
        (pl.col("requests") * USD_PER_RIDE).alias("cost_usd"),
        (pl.col("requests") * 100).alias("input_tokens"),
        *(pl.lit(value).alias(name) for name, value in names.items()),
        *(pl.lit("taxi").alias(name) for name in ("model_requested", "model_served")),
        *(pl.lit(1.0).alias(name) for name in ("input_usd_per_mtok", "output_usd_per_mtok")),
    )
    days_of_key = usage.select(
        pl.col("usage_date").alias("event_date"), *names, pl.col("requests").cast(pl.Int64)
    )
    hours = days_of_key.with_columns(pl.col("requests") // 24).join(
        pl.DataFrame({"hour": list(range(24))}), how="cross"
    )
    deliveries = usage.select(
        "source",
        "usage_date",
        (pl.col("usage_date") + timedelta(days=1)).alias("delivered_on"),
        pl.col("requests").cast(pl.Int64),
    )
    nothing = {name: pl.lit(0) for name in ("failures", "cost_usd", "peak_rpm", "most_identical")}
    return {
        "intermediate.int_key_model_days": usage,
        "intermediate.int_key_hours": hours.with_columns(**nothing),
        "marts.fct_traffic_hourly": hours.with_columns(
            (pl.col("event_date").cast(pl.Datetime) + pl.duration(hours=pl.col("hour"))).alias("hour_at"),
            pl.lit("taxi").alias("model_served"),
            pl.lit(0).alias("failed_requests"),
            pl.lit(0).alias("timed_out_requests"),
        ),
        "marts.rpt_delivery_days": deliveries,
        **files_of(deliveries, days[-1][0]),
        "marts.fct_usage_daily": usage.select(
            "source", "usage_date", pl.col("requests").cast(pl.Int64), pl.lit("success").alias("status")
        ),
        "marts.fct_account_events": pl.DataFrame(
            schema={"source": pl.String, "event_date": pl.Date, "has_charge": pl.Boolean, "quota": pl.Int64}
        ),
    }
