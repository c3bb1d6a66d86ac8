"""Real LiteLLM payloads against sums that no code of ours made."""

from __future__ import annotations

import gzip
import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from ingestion.home import Home
from tests.dbt.conftest import build, land_text, rows

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
    """53 successes at $0 without a cache hit: one used nothing, of the others nobody knows what they were charged."""
    folder = home.landing / "litellm/logs/dt=2026-11-01"
    folder.mkdir(parents=True)
    shutil.copy(shared_data / "litellm" / PAYLOADS, folder)
    build(home)
    success = "from marts.fct_usage_costs where status = 'success' and billing_mode != 'free'"
    assert rows(home, f"select count(*), sum(total_tokens)::int {success} and reported_cost_usd = 0") == [
        (1, 0)
    ]
    assert rows(home, f"select count(*) {success} and reported_cost_usd is null") == [(52,)]
    assert rows(
        home, f"select distinct variance_reason {success} and reported_cost_usd is null order by 1"
    ) == [("gateway_unpriced",), ("unpriced",)]
    assert rows(
        home,
        "select count(*), sum(cache_optimized_cost_usd) from marts.fct_usage_costs where billing_mode = 'free'",
    ) == [(9, Decimal(0))]


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Home:
    """The payloads, the spend rows as LiteLLM builds them, and as its table holds them: 0 where no price was known."""
    home = Home(tmp_path_factory.mktemp("feeds"))
    rows_as_built = gzip.decompress((shared_data / "litellm" / "spend_logs.ndjson.gz").read_bytes())
    written = [json.loads(line) for line in rows_as_built.splitlines()]
    land_text(home, "rows/spend_logs/dt=2026-11-20/rows.ndjson", written)
    stored = [row | {"spend": row["spend"] or 0.0} for row in written]
    land_text(home, "stored/spend_logs/dt=2026-11-20/rows.ndjson", stored)
    folder = home.landing / "payloads/logs/dt=2026-11-20"
    folder.mkdir(parents=True)
    shutil.copy(shared_data / "litellm" / PAYLOADS, folder)
    home.sources_file.write_text(
        "sources:\n"
        + "".join(f"  {name}: {{connector: litellm}}\n" for name in ("payloads", "rows", "stored"))
    )
    build(home)
    return home


COSTS = (
    "list_cost_usd, discounted_cost_usd, cache_optimized_cost_usd, reported_cost_usd, charged_cost_usd,"
    " variance_reason, service_tier, unpriced_reason"
)


@pytest.mark.shared_data
@pytest.mark.parametrize("feed", ["rows", "stored"])
def test_two_feeds_of_one_call_cost_the_same(feeds: Home, feed: str) -> None:
    """Every spend row has its payload, and both say the same of price, charge and why they differ."""
    found = {
        source: {
            event_id.partition(":")[2]: costs
            for event_id, *costs in rows(
                feeds,
                f"select event_id, {COSTS} from marts.fct_usage_costs"
                f" where source = '{source}' and status = 'success'",
            )
        }
        for source in ("payloads", feed)
    }
    assert len(found[feed]) == 512
    assert found[feed] == found["payloads"]
