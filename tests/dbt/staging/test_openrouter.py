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


def test_a_part_that_exceeds_its_whole_is_cut_and_contradictory(ask):
    """130 of 100 are cached, so 100 are; 40 of 50 are reasoning, so 10 of 30 are images."""
    classes = (
        "uncached_input_tokens, cache_read_tokens, output_text_tokens, reasoning_tokens, output_image_tokens"
    )
    assert _one(ask, f"{classes}, input_tokens, output_tokens, usage_source", "gen-cut") == (
        0,
        100,
        0,
        40,
        10,
        100,
        50,
        "contradictory",
    )


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
        " sum(cache_read_tokens) from staging.stg_openrouter__activity where source = 'openrouter'"
    ) == [(2, 2, Decimal("0.0016"), Decimal("0.0019"), 160)]


def test_of_sums_delivered_twice_on_one_day_those_with_the_most_count_whatever_the_files_are_called(ask):
    assert ask(
        "select model_served, request_count, charged_cost_usd from staging.stg_openrouter__activity"
        " where source = 'openrouter_twice' order by model_served"
    ) == [("as-many", 4, Decimal("0.4")), ("grew", 5, Decimal("0.5"))]


def test_a_generation_and_its_row_of_the_export_are_one_event(ask):
    """gen-1 is in both: the API's body counts, and the export tells the key and the time to the first token."""
    assert ask("select count(*) from marts.fct_usage_costs where request_id = 'gen-1'") == [(1,)]
    columns = "api_key_name, ttft_ms, duration_ms, input_tokens, reported_cost_usd, raw_file"
    assert _one(ask, columns, "gen-1") == (
        "prod-web",
        310,
        1250,
        100,
        Decimal("0.0015"),
        "openrouter/generations/dt=2026-11-03/generations.ndjson",
    )


def test_a_row_of_the_export_alone_is_priced_as_its_body_would_be(ask):
    """gpt-4o-mini at 0.15 and 0.60 USD per million: 1,000 x 0.15 + 200 x 0.60 = 270 millionths of a USD."""
    columns = "priced_model, list_cost_usd, variance_reason, api_key_name, is_stream"
    assert _one(ask, columns, "gen-5") == (
        "openrouter/openai/gpt-4o-mini",
        Decimal("0.00027"),
        "match",
        "nightly",
        True,
    )


def test_a_variant_is_part_of_the_models_name(ask):
    assert _one(ask, "model_served, status, input_tokens", "gen-6") == (
        "openai/gpt-oss-120b:free",
        "cancelled",
        10389,
    )
