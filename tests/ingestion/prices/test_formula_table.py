"""Formulas the load records name → one row per branch; what cannot be read has its reason and no price."""

from __future__ import annotations

import base64
from decimal import Decimal

import polars as pl

from ingestion import accepted
from ingestion.home import Home
from ingestion.prices import write_formulas

TIERED = 'len <= 200000 ? tier("standard", p*3 + c*15) : tier("long", p*6 + c*22.5)'


def named(home: Home, *formulas: str) -> None:
    """Accept a load record that names formulas, as they stand on rows."""
    accepted.accept(home, "aisa", [{"landing_file": "a", "price_formulas": list(formulas)}])


def encoded(text: str) -> str:
    """A formula in base64."""
    return base64.b64encode(text.encode()).decode()


def test_a_formula_has_a_row_for_each_branch_with_its_range_and_prices(home: Home) -> None:
    named(home, encoded(TIERED))
    frame = pl.read_parquet(write_formulas(home).path)
    columns = [
        "branch",
        "tier",
        "len_from",
        "len_to",
        "p_usd_per_mtok",
        "c_usd_per_mtok",
        "uses_p",
        "uses_cr",
    ]
    assert frame.select(columns).rows() == [
        (0, "standard", 0, 200000, Decimal(3), Decimal(15), True, False),
        (1, "long", 200001, 2**63 - 1, Decimal(6), Decimal("22.5"), True, False),
    ]
    assert frame.schema["p_usd_per_mtok"] == pl.Decimal(24, 18)


def test_a_service_tier_is_on_its_row_and_kept_from_the_others(home: Home) -> None:
    named(home, encoded('service_tier == "flex" ? p*1 : p*2'))
    frame = pl.read_parquet(write_formulas(home).path)
    assert frame.select("service_tier", "other_service_tiers").rows() == [("flex", ""), (None, "|flex|")]


def test_what_cannot_be_read_has_its_reason_and_no_price(home: Home) -> None:
    named(
        home,
        encoded("p*c"),
        "no base64!",
        "no ASCII é",
        base64.b64encode(b"\xff\xfe").decode(),
        encoded("p*3"),
    )
    result = write_formulas(home)
    assert (result.formulas, result.refused) == (5, 4)
    frame = pl.read_parquet(result.path)
    refused = frame.filter(pl.col("reason").is_not_null())
    assert sorted(refused["reason"]) == [
        "counts are multiplied with each other",
        *["not base64 of a text"] * 3,
    ]
    assert refused["p_usd_per_mtok"].to_list() == [None] * 4


def test_the_file_is_written_again_only_when_other_formulas_are_named(home: Home) -> None:
    named(home, encoded(TIERED))
    assert [write_formulas(home).written for _ in range(2)] == [True, False]
    named(home, encoded(TIERED), encoded("p*3"))
    assert write_formulas(home).written


def test_without_a_formula_there_is_an_empty_table(home: Home) -> None:
    result = write_formulas(home)
    assert (result.formulas, result.refused, pl.read_parquet(result.path).height) == (0, 0, 0)
