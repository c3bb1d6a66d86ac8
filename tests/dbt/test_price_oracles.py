"""Whole bills from other people's software, through landing, matching and pricing.

Each row of an oracle becomes one Infron call without discount, so its cache-optimized cost is the bill itself.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, land, rows

WHEN = datetime(2026, 11, 20, 12, tzinfo=UTC)


def call(number: int, bill: dict[str, object]) -> dict[str, object]:
    """The bill as a line of Infron's log; its five-minute and one-hour writes are one figure with a split."""
    return infron_line(
        f"bill-{number}",
        created_at=bill["request_ts"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        model=f"{bill['provider_id']}/{bill['model_ref']}",
        usage={
            "prompt_tokens": bill["prompt_tokens"],
            "completion_tokens": bill["completion_tokens"],
            "total_tokens": bill["prompt_tokens"] + bill["completion_tokens"],
            "prompt_tokens_details": {
                "cached_tokens": bill["cached_tokens"],
                "cache_write_tokens": bill["cache_creation_5m"] + bill["cache_creation_1h"],
                "cache_write_1h_tokens": bill["cache_creation_1h"],
            },
            "completion_tokens_details": {"reasoning_tokens": bill["reasoning_tokens"]},
            "cost": 0,
        },
    )


@pytest.mark.shared_data
def test_every_bill_of_the_catalogues_own_library_is_reproduced(home: Home, shared_data: Path) -> None:
    """The exceptions its README names: contradictory rows (more cached than prompt tokens), calls without tokens."""
    bills = pl.read_parquet(shared_data / "oracles" / "genai_prices_dev.parquet").to_dicts()
    land(home, "2026-11-20", [call(number, bill) for number, bill in enumerate(bills)])
    build(home)
    priced = dict(rows(home, "select request_id, cache_optimized_cost_usd from marts.fct_usage_costs"))
    wrong = [
        (
            bill["provider_id"],
            bill["model_ref"],
            bill["request_ts"],
            bill["total_price"],
            priced[f"bill-{number}"],
        )
        for number, bill in enumerate(bills)
        if bill["cached_tokens"] <= bill["prompt_tokens"]
        and bill["prompt_tokens"] + bill["completion_tokens"] > 0
        and (
            priced[f"bill-{number}"] is None
            or abs(priced[f"bill-{number}"] - Decimal(bill["total_price"])) > Decimal("1e-12")
        )
    ]
    assert wrong == []


# LiteLLM's price list, USD per token, in the words of price_overrides.
LITELLM_CLASSES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_reasoning_token": "output_reasoning",
}
KEY = re.compile(r"(?P<name>.+?)(?:_above_(?P<tier>\d+)k_tokens)?(?:_(?P<variant>flex|priority))?")


def overrides(bill: dict[str, object]) -> list[str]:
    """A model's whole entry as rows of price_overrides.csv: per million tokens, tiers in tokens."""
    lines = []
    for key, price in json.loads(bill["price_json"], parse_float=Decimal).items():
        match = KEY.fullmatch(key)
        token_class = LITELLM_CLASSES.get(match["name"])
        if token_class is None or price is None:
            continue
        model = bill["model"].removeprefix(f"{bill['provider']}/")
        fields = (
            bill["provider"],
            model,
            token_class,
            f"{Decimal(price) * 1_000_000:f}",
            str(int(match["tier"] or 0) * 1000),
            match["variant"] or "standard",
            "2026-01-01,,LiteLLM 1.106.2",
        )
        lines.append(",".join(fields))
    return lines


def is_named_exception(bill: dict[str, object]) -> bool:
    """Tell the rows that the oracle's README excepts, and the ones that used nothing: a success without is unpriced."""
    return (
        "gemini-exp-1206" in bill["model"]
        or (bill["provider"] == "fireworks_ai" and bill["cached_tokens"] > 0)
        or (bill["provider"] == "xai" and bill["prompt_tokens"] == 200_000)
        or bill["prompt_tokens"] + bill["completion_tokens"] == 0
    )


def expected(bill: dict[str, object]) -> Decimal:
    """LiteLLM's bill; of more cached than prompt tokens it leaves the prompt out, which is beside the cache then."""
    beside = bill["prompt_tokens"] if bill["cached_tokens"] > bill["prompt_tokens"] else 0
    return Decimal(repr(bill["total_cost"])) + beside * Decimal(repr(bill["p_in"]))


@pytest.mark.shared_data
def test_every_bill_of_litellm_is_reproduced_with_its_own_prices_as_overrides(
    home: Home, shared_data: Path
) -> None:
    """The exceptions its README names: a model at 0, half-price cache at Fireworks, tiers that start at xAI's edge."""
    bills = pl.read_parquet(shared_data / "oracles" / "litellm_cost_dev.parquet").to_dicts()
    home.config.mkdir(parents=True)
    header = "provider,model,token_class,usd_per_mtok,min_input_tokens,variant,valid_from,valid_to,reason"
    entries = sorted({line for bill in bills for line in overrides(bill)})
    (home.config / "price_overrides.csv").write_text("\n".join([header, *entries]) + "\n")
    lines = []
    for number, bill in enumerate(bills):
        model = bill["model"].removeprefix(f"{bill['provider']}/")
        line = call(number, {**bill, "provider_id": bill["provider"], "model_ref": model, "request_ts": WHEN})
        lines.append({**line, "service_tier": bill["service_tier"]})
    land(home, "2026-11-20", lines)
    build(home)
    priced = dict(rows(home, "select request_id, cache_optimized_cost_usd from marts.fct_usage_costs"))
    wrong = [
        (bill["provider"], bill["model"], bill["case"], expected(bill), priced[f"bill-{number}"])
        for number, bill in enumerate(bills)
        if not is_named_exception(bill)
        and (
            priced[f"bill-{number}"] is None
            or abs(priced[f"bill-{number}"] - expected(bill)) > Decimal("1e-9")
        )
    ]
    assert wrong == []
