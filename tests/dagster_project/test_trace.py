"""The formulas of a trace, on rows written by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from dagster_project.reporting.trace import as_json, as_text, formulas

ROW: dict[str, Any] = {
    "source": "infron",
    "request_id": "gen-1",
    "raw_file": "infron/logs/dt=2026-11-01/a.ndjson",
    "raw_line": 7,
    "priced_model": "anthropic/claude-sonnet-4-5",
    "price_source": "catalogue",
    "price_version": "0.2.3",
    "unpriced_reason": None,
    "uncached_input_tokens": 1000,
    "cache_read_tokens": 4000,
    "cache_write_5m_tokens": 0,
    "cache_write_1h_tokens": 0,
    "input_audio_tokens": 0,
    "output_text_tokens": 200,
    "reasoning_tokens": 0,
    "output_audio_tokens": 0,
    "input_usd_per_mtok": Decimal("3"),
    "cache_read_usd_per_mtok": Decimal("0.3"),
    "cache_write_5m_usd_per_mtok": None,
    "cache_write_1h_usd_per_mtok": None,
    "output_usd_per_mtok": Decimal("15"),
    "output_reasoning_usd_per_mtok": None,
    "input_audio_usd_per_mtok": None,
    "output_audio_usd_per_mtok": None,
    "discount_rule_id": "ws-9",
    "discount_factor": Decimal("0.900000"),
    "list_cost_usd": Decimal("0.018000000000"),
    "discounted_cost_usd": Decimal("0.016200000000"),
    "cache_optimized_cost_usd": Decimal("0.006480000000"),
}


def test_list_prices_every_prompt_token_at_the_input_price() -> None:
    """5 000 × $3/M + 200 × $15/M = $0.015 + $0.003 = $0.018."""
    assert formulas(ROW)[0].total == Decimal("0.018")


def test_the_discount_multiplies_the_sum_once() -> None:
    """$0.018 × 0.9 = $0.0162."""
    assert formulas(ROW)[1].total == Decimal("0.0162")


def test_cached_tokens_are_charged_at_their_own_price() -> None:
    """(1 000 × $3/M + 4 000 × $0.3/M + 200 × $15/M) × 0.9 = $0.0072 × 0.9 = $0.00648."""
    assert formulas(ROW)[2].total == Decimal("0.00648")
    assert [str(term) for term in formulas(ROW)[2].terms] == [
        "1,000 uncached_input × 3 USD/M = 0.003",
        "4,000 cache_read × 0.3 USD/M = 0.0012",
        "200 output_text × 15 USD/M = 0.003",
    ]


def test_a_row_that_holds_another_amount_is_not_explained_away() -> None:
    text = "\n".join(as_text(ROW | {"list_cost_usd": Decimal("0.019")}))
    assert "on the row: 0.019 USD" in text


def test_an_unpriced_row_has_no_formula_but_a_reason() -> None:
    row = ROW | {"list_cost_usd": None, "unpriced_reason": "unknown_model"}
    assert formulas(row) == []
    assert "not priced: unknown_model" in list(as_text(row))


def test_a_rule_is_named_and_a_stated_factor_is_called_one() -> None:
    assert any("× 0.9 (rule ws-9)" in line for line in as_text(ROW))
    assert any("the gateway states" in line for line in as_text(ROW | {"discount_rule_id": None}))


def test_money_in_json_is_text() -> None:
    assert as_json(ROW)["list_cost_usd"] == "0.018"
    assert as_json(ROW)["formulas"][0]["terms"][0]["amount_usd"] == "0.015"
