"""Charts: what is drawn is what the rows say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl

from dagster_project.notebooks import charts


def test_each_step_of_a_waterfall_begins_where_the_one_before_ended():
    """2 too much, 0.5 too little, 1 too much: 2.5 in all."""
    rows = pl.DataFrame(
        {
            "step": ["rate", "formula", "timing", "sum"],
            "usd": [Decimal(2), Decimal("-0.5"), Decimal(1), Decimal("2.5")],
        }
    )
    drawn = pl.DataFrame(charts.waterfall(rows, "step", "usd").data)
    assert drawn["begin"].to_list() == [0.0, 2.0, 1.5, 0.0]
    assert drawn["end"].to_list() == [2.0, 1.5, 2.5, 2.5]
    assert drawn["kind"].to_list() == ["too much", "too little", "too much", "sum"]


def test_the_exact_amount_is_under_the_pointer():
    rows = pl.DataFrame({"event_date": [date(2026, 11, 1)], "cost_usd": [Decimal("0.123456789012")]})
    drawn = charts.over_time(rows, "event_date", "cost_usd").data
    assert drawn["cost_usd exact"].to_list() == ["0.123456789012"]
