"""Labels, formats, and what a chosen row is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest

from dagster_project.notebooks import tables
from dagster_project.notebooks.marts import Answer

ROWS = pl.DataFrame(
    {"model_served": ["a", "b"], "cost_usd": [Decimal("1234.567"), None], "requests": [12345, 0]},
    schema_overrides={"cost_usd": pl.Decimal(38, 12)},
)


def answer(rows: pl.DataFrame = ROWS, sql: str = "select 1") -> Answer:
    return Answer(rows, sql, {"requests": "Calls."})


@pytest.mark.parametrize(
    ("column", "label"),
    [
        ("cache_optimized_cost_usd", "Cost (USD)"),
        ("input_usd_per_mtok", "Input (USD per million)"),
        ("gateway_overhead_p50_ms", "Gateway overhead p50 (ms)"),
        ("occurred_at", "Occurred (UTC)"),
        ("vat_amount", "VAT amount"),
        ("api_requests", "API requests"),
    ],
)
def test_a_label_says_the_unit(column: str, label: str):
    assert tables.label(column) == label


@pytest.mark.parametrize(
    ("amounts", "places"),
    [
        (["1234.5"], 2),
        (["10"], 2),
        (["9.99"], 4),
        (["0.1"], 4),
        (["0.09", None], 6),
        (["-50", "0.01"], 2),
        ([], 2),
        (["0"], 2),
    ],
)
def test_small_amounts_have_more_decimals(amounts: list[str | None], places: int):
    """From 10 on cents are read; below 0.1 only six decimals tell amounts apart."""
    assert tables.places_of([None if amount is None else Decimal(amount) for amount in amounts]) == places


def test_what_is_not_known_is_a_dash_and_never_0():
    assert tables.usd(None) == tables.count(None) == tables.share(None) == tables.milliseconds(None) == "–"


def test_large_numbers_are_shortened():
    assert (tables.count(999_999), tables.count(1_234_567), tables.count(2 * 10**9)) == (
        "999,999",
        "1.23 M",
        "2.00 G",
    )
    assert (tables.milliseconds(9_999), tables.milliseconds(12_345)) == ("9,999 ms", "12.3 s")
    assert tables.share(Decimal("0.1234")) == "12.3 %"


def test_a_table_keeps_the_exact_values():
    """What is exported and shown under the pointer is the answer's own value."""
    table = tables.table(answer())
    assert table.data["Cost (USD)"].to_list() == [Decimal("1234.567"), None]
    assert tables._exact("0", "Cost (USD)", Decimal("1234.567000000000")) == "1234.567000000000"


def test_a_chosen_row_is_known_by_the_answers_columns():
    chosen = tables.table(answer(), selection="single", first_selected=True)
    assert tables.picked(chosen, answer()) == {
        "model_served": "a",
        "cost_usd": Decimal("1234.567"),
        "requests": 12345,
    }
    assert tables.picked(tables.table(answer(), selection="single"), answer()) is None


def test_an_empty_answer_says_what_to_do():
    shown = tables.table_or(answer(ROWS.clear()), "Nothing is here.", "Run `tollbook run`.")
    assert "Nothing is here." in shown.text
    assert "tollbook run" in shown.text


def test_the_sql_is_shown_without_the_margin_of_the_notebook():
    shown = tables._dedented("\n        select 1\n        from (\n            select 2\n        )")
    assert shown == "select 1\nfrom (\n    select 2\n)"


def test_a_moment_is_read_to_the_second():
    moments = pl.DataFrame({"occurred_at": [datetime(2026, 11, 1, 8, 0, 0, 123456)]})
    assert (
        tables._format(moments["occurred_at"], "occurred_at")(moments["occurred_at"][0])
        == "2026-11-01 08:00:00"
    )
