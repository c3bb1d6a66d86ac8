"""Infery's calls through dbt: four exports of a call count once, and credits stay credits."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

COSTS = "from marts.fct_usage_costs where source = 'infery'"


def _one(ask, columns: str, request: str, source: str = "infery"):
    [row] = ask(
        f"select {columns} from marts.fct_usage_costs where source = '{source}' and request_id = '{request}'"
    )
    return row


def test_a_call_that_came_by_four_exports_counts_once(ask):
    """Six calls in ten rows, each delivered twice: 2 + 1 + 3 + 1 + 2 + 1 = 10 credits."""
    assert ask(f"select count(*), count(distinct event_id), sum(credits_used) {COSTS}") == [(6, 6, 10)]


def test_the_time_of_a_call_is_its_completion(ask):
    assert _one(ask, "occurred_at, time_basis, duration_ms", "req_02") == (
        datetime(2026, 11, 1, 8, 0, 0, 120000),
        "end",
        900,
    )


def test_a_second_fallback_is_priced_by_the_model_that_served(ask):
    """1,000 × $0.15/M + 100 × $0.60/M = $0.00021, gpt-4o-mini's; gpt-4o was asked for."""
    assert _one(
        ask, "model_requested, model_served, priced_model, fallback_depth, list_cost_usd", "req_02"
    ) == ("gpt-4o", "gpt-4o-mini", "openai/gpt-4o-mini", 2, Decimal("0.00021"))


def test_what_the_drill_down_lacks_comes_from_the_export(ask):
    assert _one(ask, "api_key_id, workspace_id, member_id, origin", "req_02") == (
        "key_12",
        "ws_3",
        None,
        "api",
    )


def test_the_cache_split_comes_from_the_only_export_that_has_it(ask):
    """5,124 prompt tokens in every export; only the headers say 1,024 of them were read from the cache."""
    tokens = "uncached_input_tokens, cache_read_tokens, input_tokens, output_tokens, reasoning_tokens"
    assert _one(ask, tokens, "req_01") == (4100, 1024, 5124, 316, 25)


def test_only_a_playground_call_has_a_member(ask):
    assert ask(f"select request_id, member_id, origin {COSTS} and origin = 'playground'") == [
        ("req_03", "mem_4", "playground")
    ]


def test_a_call_known_only_from_its_headers_still_counts(ask):
    assert _one(
        ask, "model_requested, model_served, fallback_depth, input_tokens, credits_used", "req_05"
    ) == (
        "claude-sonnet-4-5",
        "gpt-4o",
        None,
        100,
        2,
    )


def test_a_stream_without_usage_is_unpriced_and_not_free(ask):
    assert _one(ask, "usage_source, unpriced_reason, list_cost_usd, credits_used", "req_06") == (
        "missing",
        "no_usage",
        None,
        1,
    )


def test_credits_are_dollars_only_where_their_value_is_stated(ask):
    """2 credits at the stated $0.01 = $0.02."""
    assert _one(ask, "billing_mode, credits_used, reported_cost_usd", "req_01") == ("credits", 2, None)
    assert _one(ask, "credits_used, reported_cost_usd", "req_01", "infery_eu") == (2, Decimal("0.02"))


def test_sums_of_the_usage_api_count_once_and_keep_their_window(ask):
    assert ask(
        "select grouping_name, model_served, period_start_at, period_end_at, request_count, credits_used"
        " from staging.stg_infery__usage_api_grouped where source = 'infery' order by model_served"
    ) == [
        ("model", "gpt-4o", datetime(2026, 11, 1), datetime(2026, 11, 2), 120, 240),
        ("model", "gpt-4o-mini", datetime(2026, 11, 1), datetime(2026, 11, 2), 3, 3),
    ]


def test_a_plan_holds_until_the_next_one_starts(ask):
    assert ask(
        "select plan_name, monthly_credits, has_expiring_credits, valid_from_at, valid_to_at"
        " from staging.stg_infery__plans where source = 'infery' order by valid_from_at"
    ) == [
        ("team", 5000, True, datetime(2026, 9, 1), datetime(2026, 11, 1)),
        ("scale", 20000, False, datetime(2026, 11, 1), None),
    ]
