"""Real LiteLLM payloads against sums that no code of ours made."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.home import Home
from tests.dbt.conftest import build, rows

PAYLOADS = "standard_logging_payload.ndjson.gz"


@pytest.mark.shared_data
def test_the_marts_equal_the_oracle_of_the_real_payloads(home: Home, shared_data: Path) -> None:
    oracle = json.loads((shared_data / "litellm" / "oracle.json").read_text())
    folder = home.landing / "litellm/logs/dt=2026-11-01"
    folder.mkdir(parents=True)
    shutil.copy(shared_data / "litellm" / PAYLOADS, folder)
    build(home)
    total = oracle["total"]
    [(events, prompt, completion, tokens, reported)] = rows(
        home,
        """
        select count(*), sum(input_tokens), sum(output_tokens), sum(total_tokens), sum(reported_cost_usd)
        from marts.fct_usage_costs
        """,
    )
    assert (events, prompt, completion, tokens) == (
        total["records"],
        total["prompt_tokens"],
        total["completion_tokens"],
        total["total_tokens"],
    )
    assert reported == Decimal(total["response_cost_12dp"])
    assert rows(home, "select count(*) from marts.fct_usage_costs where status = 'failure'") == [
        (total["failure"],)
    ]
    by_provider = {
        provider: (records, cost)
        for provider, records, cost in rows(
            home,
            "select provider, count(*), sum(reported_cost_usd) from marts.fct_usage_costs group by provider",
        )
    }
    expected = {
        "" if provider == "None" else provider: (
            sums["records"],
            Decimal(sums["response_cost"]).quantize(Decimal("1e-12")),
        )
        for provider, sums in oracle["by_provider"].items()
    }
    assert by_provider == expected


@pytest.mark.shared_data
def test_no_success_that_cost_nothing_looks_free(home: Home, shared_data: Path) -> None:
    """Successes reported at $0 without a cache hit are unpriced, or priced by us and shown as a variance."""
    folder = home.landing / "litellm/logs/dt=2026-11-01"
    folder.mkdir(parents=True)
    shutil.copy(shared_data / "litellm" / PAYLOADS, folder)
    build(home)
    zero = "from marts.fct_usage_costs where status = 'success' and reported_cost_usd = 0 and billing_mode != 'free'"
    assert rows(home, f"select count(*) {zero} and variance_reason = 'match'") == [(0,)]
    assert rows(home, f"select count(*) > 0 {zero}") == [(True,)]
    assert rows(
        home,
        "select count(*), sum(cache_optimized_cost_usd) from marts.fct_usage_costs where billing_mode = 'free'",
    ) == [(9, Decimal(0))]
