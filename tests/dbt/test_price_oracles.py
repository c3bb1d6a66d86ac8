"""Whole bills from other people's software, through landing, matching and pricing.

Each row of an oracle becomes one Infron call without discount, so its cache-optimized cost is the bill itself.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, land, rows


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
        (bill["provider_id"], bill["model_ref"], bill["request_ts"], bill["total_price"], priced[f"bill-{number}"])
        for number, bill in enumerate(bills)
        if bill["cached_tokens"] <= bill["prompt_tokens"]
        and bill["prompt_tokens"] + bill["completion_tokens"] > 0
        and (
            priced[f"bill-{number}"] is None
            or abs(priced[f"bill-{number}"] - Decimal(bill["total_price"])) > Decimal("1e-12")
        )
    ]
    assert wrong == []
