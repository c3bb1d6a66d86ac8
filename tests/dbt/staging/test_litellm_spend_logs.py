"""SpendLogs through dbt: alone, and beside the payloads of the same calls."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.home import Home
from tests.dbt.conftest import FACTS, build, rows


def _one(ask, columns: str, request: str):
    [row] = ask(f"select {columns} from marts.fct_usage_costs where request_id = '{request}'")
    return row


def test_cached_and_written_tokens_come_out_of_the_prompt(ask):
    """10,000 prompt tokens = 3,000 + 6,000 read + 1,000 written; 500 completion = 400 + 100 reasoning."""
    read = "uncached_input_tokens, cache_read_tokens, cache_write_5m_tokens"
    assert _one(ask, f"{read}, output_text_tokens, reasoning_tokens", "chatcmpl-01") == (
        3000,
        6000,
        1000,
        400,
        100,
    )
    assert _one(ask, "api_key_name, workspace_id, member_id, fallback_depth", "chatcmpl-01") == (
        "prod-web",
        "org_1",
        "cust-01",
        1,
    )


def test_a_hit_in_litellms_own_cache_is_free(ask):
    assert _one(
        ask, "billing_mode, input_tokens, cache_optimized_cost_usd", "chatcmpl-01_cache_hit1793523200.5"
    ) == ("free", 10000, Decimal(0))


def test_no_spend_is_unknown_and_not_nothing(ask):
    assert _one(ask, "reported_cost_usd, status, ttft_ms, is_stream", "chatcmpl-03") == (
        None,
        "success",
        250,
        True,
    )


def test_a_failure_keeps_its_code(ask):
    assert _one(ask, "status, http_status, error_code, reported_cost_usd", "call-04") == (
        "failure",
        429,
        "RateLimitError",
        Decimal(0),
    )


@pytest.mark.shared_data
def test_rows_and_payloads_landed_together_count_every_call_once(home: Home, shared_data: Path) -> None:
    """512 rows and 564 payloads are 564 calls; cache hits have another id in each and still are one call."""
    oracle = json.loads((shared_data / "litellm" / "oracle.json").read_text())
    for stream, name in (("logs", "standard_logging_payload"), ("spend_logs", "spend_logs")):
        folder = home.landing / f"litellm/{stream}/dt=2026-11-20"
        folder.mkdir(parents=True)
        shutil.copy(shared_data / "litellm" / f"{name}.ndjson.gz", folder)
    build(home, [*FACTS, "+rpt_source_days"])
    total = oracle["total"]
    assert rows(
        home,
        "select count(*), sum(input_tokens), sum(output_tokens), sum(total_tokens), sum(reported_cost_usd)"
        " from marts.fct_usage_costs",
    ) == [
        (
            total["records"],
            total["prompt_tokens"],
            total["completion_tokens"],
            total["total_tokens"],
            Decimal(total["response_cost_12dp"]),
        )
    ]
    assert rows(
        home,
        "select stream, events, duplicates, revisions from marts.rpt_source_days order by stream",
    ) == [("logs", 564, 0, 0), ("spend_logs", 0, 512, 0)]


@pytest.mark.shared_data
def test_rows_alone_have_the_sums_of_the_payloads_successes(home: Home, shared_data: Path) -> None:
    oracle = json.loads((shared_data / "litellm" / "oracle.json").read_text())["spend_logs"]
    folder = home.landing / "litellm/spend_logs/dt=2026-11-20"
    folder.mkdir(parents=True)
    shutil.copy(shared_data / "litellm" / "spend_logs.ndjson.gz", folder)
    build(home, [*FACTS, "+rpt_source_days"])
    assert rows(
        home,
        "select count(*), sum(input_tokens), sum(output_tokens), sum(total_tokens), sum(reported_cost_usd),"
        " count(*) filter (where reported_cost_usd is null) from marts.fct_usage_costs",
    ) == [
        (
            oracle["rows"],
            oracle["prompt_tokens"],
            oracle["completion_tokens"],
            oracle["total_tokens"],
            Decimal(oracle["spend_12dp"]),
            # Rows without a price, and 14 with a price of 0 that LiteLLM put under the model's own name.
            oracle["spend_null_rows"] + 14,
        )
    ]
    found = rows(
        home,
        "select provider, count(*), sum(coalesce(reported_cost_usd, 0)) from marts.fct_usage_costs"
        " group by provider",
    )
    expected = {
        provider: (sums["rows"], Decimal(sums["spend"]).quantize(Decimal("1e-12")))
        for provider, sums in oracle["by_provider"].items()
    }
    assert {provider: (count, cost) for provider, count, cost in found} == expected
