"""The bill of a trace, on rows written by hand."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from dagster_project.reports.bill import OTHER, bill
from dagster_project.reports.trace import as_json, as_text

#: 3,000 input, 6,000 read and 1,000 written for five minutes at $3, 0.30 and 3.75; 500 output at $15; 0.9 to pay.
ROW: dict[str, Any] = {
    "source": "infron",
    "request_id": "gen-1",
    "event_type": "llm_call",
    "status": "success",
    "call_type": "chat",
    "occurred_at": datetime(2026, 11, 1, 7, 21, 59),
    "event_date": date(2026, 11, 1),
    "workspace_id": "ws_1",
    "api_key_id": "key_1",
    "api_key_name": "prod-web",
    "member_id": None,
    "group_name": "vip",
    "model_requested": "anthropic/claude-sonnet-4-5",
    "model_served": "anthropic/claude-sonnet-4-5",
    "priced_model": "anthropic/claude-sonnet-4-5",
    "price_match": "exact",
    "price_source": "catalogue",
    "price_version": "0.2.3",
    "unpriced_reason": None,
    "billing_mode": "token",
    "uncached_input_tokens": 3000,
    "cache_read_tokens": 6000,
    "cache_write_5m_tokens": 1000,
    "cache_write_1h_tokens": 0,
    "input_audio_tokens": 0,
    "output_text_tokens": 500,
    "reasoning_tokens": 0,
    "output_audio_tokens": 0,
    "input_usd_per_mtok": Decimal("3.000000"),
    "cache_read_usd_per_mtok": Decimal("0.300000"),
    "cache_write_5m_usd_per_mtok": Decimal("3.750000"),
    "cache_write_1h_usd_per_mtok": Decimal("6.000000"),
    "output_usd_per_mtok": Decimal("15.000000"),
    "output_reasoning_usd_per_mtok": Decimal("15.000000"),
    "input_audio_usd_per_mtok": None,
    "output_audio_usd_per_mtok": None,
    "discount_rule_id": "ten-off",
    "discount_factor": Decimal("0.900000"),
    "discount_rules": [
        {
            "rule_id": "ten-off",
            "kind": "contract",
            "discount_factor": Decimal("0.900000"),
            "reason": "signed in May",
            "config_file": "discount_rules.csv",
            "config_line": 2,
        }
    ],
    "list_cost_usd": Decimal("0.037500000000"),
    "discounted_cost_usd": Decimal("0.033750000000"),
    "cache_list_cost_usd": Decimal("0.022050000000"),
    "cache_optimized_cost_usd": Decimal("0.019845000000"),
    "reported_cost_usd": Decimal("0.019846000000"),
    "cost_variance_usd": Decimal("0.000001000000"),
    "variance_reason": "rounding",
    "quota_used": 9923,
    "expected_quota": 9923,
    "credits_used": None,
    "adjusts_event_id": None,
    "usage_source": "reported",
    "usage_reading": "input = prompt, output = completion",
    "raw_file": "infron/logs/dt=2026-11-01/a.ndjson",
    "raw_line": 7,
}


def test_the_bill_adds_up_class_by_class_to_what_should_have_been_charged() -> None:
    """0.009 + 0.0018 + 0.00375 + 0.0075 = 0.02205; x 0.9 = 0.019845."""
    owed = bill(ROW)
    assert owed is not None
    assert [(line.label, line.amount_usd) for line in owed.lines] == [
        ("input, not cached", Decimal("0.009")),
        ("cache reads", Decimal("0.0018")),
        ("cache writes, 5 minutes", Decimal("0.00375")),
        ("output", Decimal("0.0075")),
    ]
    assert (owed.own_price_usd, owed.total_usd, owed.follows) == (
        Decimal("0.02205"),
        Decimal("0.019845"),
        True,
    )


def test_a_person_can_check_every_sum_of_the_text() -> None:
    """List 0.0375 - 0.00375 discount = 0.03375 - 0.013905 cache = 0.019845 = 0.0375 x 0.9 x 0.588."""
    text = "\n".join(as_text(ROW))
    for said in (
        "3,000            3              0.009",
        "6,000          0.3             0.0018",
        "× 0.9, rule ten-off",
        "-0.002205",
        "-0.00375",
        "-0.013905",
        "difference     0.000001 USD: rounding",
        "quota units    9,923 (should be 9923)",
        "discount_rules.csv, line 2: signed in May",
        "landing/infron/logs/dt=2026-11-01/a.ndjson, line 7",
        "  0.019845 = (0.03 input + 0.0075 output) × 0.9 × 0.588",
        "discount 10 %, cache savings 41.2 % of the discounted cost, both 47.08 % of list, cache hit rate 60 %",
        "catalogue 0.2.3",
        "usage    reported, read as input = prompt, output = completion",
    ):
        assert said in text


def test_what_no_token_class_explains_is_a_line_of_its_own() -> None:
    """0.02205 + 0.01 for a web search = 0.03205; x 0.9 = 0.028845."""
    owed = bill(
        ROW
        | {"cache_list_cost_usd": Decimal("0.03205"), "cache_optimized_cost_usd": Decimal("0.028845000000")}
    )
    assert owed is not None
    assert (owed.lines[-1].label, owed.lines[-1].amount_usd) == (OTHER, Decimal("0.01"))
    assert owed.follows


@pytest.mark.parametrize("changed", [{"billing_mode": "per_call"}, {"event_type": "refund"}])
def test_what_is_not_paid_by_tokens_has_one_line(changed: dict[str, Any]) -> None:
    owed = bill(ROW | changed)
    assert owed is not None
    assert [line.label for line in owed.lines] == [OTHER]


def test_a_row_that_holds_another_amount_is_not_explained_away() -> None:
    row = ROW | {"cache_optimized_cost_usd": Decimal("0.019000000000")}
    assert any("do not add up to the amounts on the row" in line for line in as_text(row))


def test_an_unpriced_row_has_no_bill_but_a_reason() -> None:
    row = ROW | {"list_cost_usd": None, "unpriced_reason": "unknown_model", "cost_variance_usd": None}
    assert bill(row) is None
    assert "not priced: unknown_model" in list(as_text(row))
    assert as_json(row)["bill"] is None


def test_a_factor_without_a_rule_is_the_gateways() -> None:
    assert any("the gateway's factor" in line for line in as_text(ROW | {"discount_rule_id": None}))
    assert any(
        "no discount" in line for line in as_text(ROW | {"discount_rule_id": None, "discount_factor": None})
    )


def test_an_adjustment_names_what_it_adjusts() -> None:
    row = ROW | {
        "adjusts_event_id": "infron:gen-0",
        "adjusts_event_date": date(2026, 10, 31),
        "adjustment_kind": "late",
    }
    assert "  adjusts  infron:gen-0 of the closed 2026-10-31 (late)" in list(as_text(row))


def test_usage_that_contradicts_itself_names_the_reading_it_was_priced_by() -> None:
    row = ROW | {"usage_source": "contradictory", "usage_reading": "input = prompt, output = completion"}
    assert "  usage    contradictory, read as input = prompt, output = completion" in list(as_text(row))
    printed = as_json(row)
    assert (printed["usage_source"], printed["usage_reading"]) == ("contradictory", row["usage_reading"])
    assert "  usage    missing" in list(as_text(ROW | {"usage_source": "missing", "usage_reading": None}))


def test_money_in_json_is_text() -> None:
    printed = as_json(ROW)
    assert printed["list_cost_usd"] == "0.0375"
    assert printed["bill"]["lines"][0]["amount_usd"] == "0.009"
    assert printed["discount_rules"][0]["discount_factor"] == "0.9"
