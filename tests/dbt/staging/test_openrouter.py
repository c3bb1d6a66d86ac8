"""OpenRouter's generations through dbt: native tokens, keys of the caller's own, cancelled calls."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal


def _one(ask, columns: str, request: str):
    [row] = ask(f"select {columns} from marts.fct_usage_costs where request_id = '{request}'")
    return row


def test_native_tokens_are_what_counts_and_their_classes_are_disjoint(ask):
    """100 prompt tokens of which 60 from the cache, 30 completion tokens of which 5 reasoning."""
    names = "uncached_input_tokens, cache_read_tokens, output_text_tokens, reasoning_tokens"
    assert _one(ask, f"{names}, input_tokens, output_tokens", "gen-1") == (40, 60, 25, 5, 100, 30)


def test_what_the_upstream_took_is_added_only_on_a_key_of_the_callers_own(ask):
    """gen-1: $0.0015, though an upstream cost is filled in. gen-2: $0.0001 fee + $0.0019 = $0.0020."""
    assert _one(ask, "billing_mode, reported_cost_usd", "gen-1") == ("token", Decimal("0.0015"))
    assert _one(ask, "billing_mode, reported_cost_usd", "gen-2") == ("byok", Decimal("0.0020"))
    assert _one(ask, "charged_cost_usd, economic_cost_usd", "gen-2") == (Decimal("0.0001"), Decimal("0.0020"))


def test_a_cancelled_call_is_billed_and_flagged(ask):
    assert _one(ask, "status, input_tokens, output_tokens, reported_cost_usd, variance_reason", "gen-3") == (
        "cancelled",
        82,
        8,
        Decimal("0.0004"),
        "failed_but_charged",
    )


def test_a_call_that_failed_without_usage_cost_nothing(ask):
    assert _one(
        ask, "status, error_code, usage_source, cache_optimized_cost_usd, unpriced_reason", "gen-4"
    ) == (
        "failure",
        "server_error",
        "missing",
        Decimal(0),
        None,
    )


def test_a_slug_is_priced_by_openrouters_own_list(ask):
    assert _one(ask, "provider, priced_model, time_basis, occurred_at", "gen-1") == (
        "Anthropic",
        "openrouter/anthropic/claude-sonnet-4.5",
        "start",
        datetime(2026, 11, 1, 23, 33, 19, 433273),
    )


def test_the_longer_of_latency_and_generation_is_the_duration(ask):
    assert [_one(ask, "duration_ms", request) for request in ("gen-1", "gen-2", "gen-4")] == [
        (1250,),
        (900,),
        (90,),
    ]


def test_a_days_sums_count_once(ask):
    assert ask(
        "select count(*), sum(request_count), sum(charged_cost_usd), sum(byok_cost_usd),"
        " sum(cache_read_tokens) from staging.stg_openrouter__activity"
    ) == [(2, 2, Decimal("0.0016"), Decimal("0.0019"), 160)]
