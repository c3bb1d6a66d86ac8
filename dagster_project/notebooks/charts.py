"""Charts of an answer. Only here does money become a float; the exact amount is under the pointer."""

from __future__ import annotations

from datetime import timedelta

import altair as alt
import polars as pl

from dagster_project.notebooks.tables import label

_HEIGHT = 220


def _drawn(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows that can be drawn: decimals as floats, each with its exact text beside it."""
    decimals = [column for column in rows.columns if rows[column].dtype == pl.Decimal]
    return rows.with_columns(
        *(pl.col(column).cast(pl.String).alias(f"{column} exact") for column in decimals),
        *(pl.col(column).cast(pl.Float64) for column in decimals),
    )


def _tips(rows: pl.DataFrame, *columns: str) -> list[alt.Tooltip]:
    exact = [f"{column} exact" if f"{column} exact" in rows.columns else column for column in columns]
    return [
        alt.Tooltip(_field(name), title=label(column)) for name, column in zip(exact, columns, strict=True)
    ]


def _field(column: str) -> str:
    return column.replace(".", "\\.").replace(":", "\\:")


def over_time(
    rows: pl.DataFrame, time: str, value: str, colour: str | None = None, *, bars: bool = False
) -> alt.Chart:
    """Draw a value over time, one line or stacked bars per colour."""
    drawn = _drawn(rows)
    chart = alt.Chart(drawn, height=_HEIGHT, width="container")
    marked = chart.mark_bar() if bars else chart.mark_line(point=rows.height < 200)
    moments = rows[time].unique().sort()
    # Days are drawn as UTC days, wherever the browser is; a bar is as wide as its hour or day.
    is_hourly = moments.len() > 1 and moments.dtype != pl.Date and moments.diff().min() < timedelta(days=1)
    unit = "utcyearmonthdatehours" if is_hourly else "utcyearmonthdate"
    encoded = {
        "x": alt.X(f"{time}:T", timeUnit=unit, title=None, axis=alt.Axis(labelOverlap=True)),
        "y": alt.Y(f"{value}:Q", title=label(value)),
        "tooltip": _tips(drawn, time, *([colour] if colour else []), value),
    }
    if colour:
        encoded["color"] = alt.Color(
            f"{colour}:N", title=None, legend=alt.Legend(orient="top", labelLimit=260)
        )
    return marked.encode(**encoded)


def waterfall(rows: pl.DataFrame, name: str, value: str) -> alt.Chart:
    """Draw what a difference is made of: each row begins where the one before ended, the last is their sum.

    Args:
        rows: names and amounts, in order; the last amount is the sum of the others.
        name: column of the names.
        value: column of the amounts.
    """
    drawn = _drawn(rows).with_row_index("place")
    is_sum = pl.col("place") == rows.height - 1
    steps = drawn.with_columns(
        end=pl.when(is_sum).then(pl.col(value)).otherwise(pl.col(value).cum_sum()),
        kind=pl.when(is_sum).then(pl.lit("sum"))
        .when(pl.col(value) > 0).then(pl.lit("too much")).otherwise(pl.lit("too little")),
    ).with_columns(begin=pl.when(is_sum).then(0.0).otherwise(pl.col("end") - pl.col(value)))  # fmt: skip
    return (
        alt.Chart(steps, height=_HEIGHT + 60, width="container")
        .mark_bar()
        .encode(
            x=alt.X(f"{name}:N", sort=None, title=None, axis=alt.Axis(labelAngle=-25, labelLimit=180)),
            y=alt.Y("begin:Q", title=label(value)),
            y2="end:Q",
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(
                    domain=["sum", "too much", "too little"],
                    range=["#6b7f99", "#d9534f", "#3a9d5d"],
                ),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=_tips(steps, name, value),
        )
    )
