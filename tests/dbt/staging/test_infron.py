"""Infron's calls through dbt: log, CSV export and captured responses of one call are one call."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.home import Home
from tests.dbt.conftest import build, rows

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "infron"


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, tuple[Any, ...]]]:
    """Give columns of every call by request id, from one build over the four files."""
    home = Home(tmp_path_factory.mktemp("infron") / "home")
    for name in ("logs.ndjson", "logs.csv", "responses.ndjson", "responses.sse"):
        folder = home.landing / "infron" / name.partition(".")[0] / "dt=2026-11-02"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(FIXTURES / name, folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOLLBOOK_HOME", str(home.root))
        build(home)

    def columns(*names: str) -> dict[str, tuple[Any, ...]]:
        found = rows(home, f"select request_id, {', '.join(names)} from marts.fct_usage_costs")
        assert len(found) == len({row[0] for row in found})
        return {row[0]: row[1:] for row in found}

    return columns


def test_a_call_seen_by_three_exports_counts_once(calls):
    found = calls("api_key_id", "duration_ms", "reported_cost_usd", "is_stream", "status")
    assert sorted(found) == ["gen-01JB3K", "gen-csv", "gen-csv-bad", "gen-cut", "gen-flat", "gen-sse"]
    assert found["gen-01JB3K"] == ("key_12", 1834, Decimal("0.00169348"), True, "success")


def test_a_cached_token_is_not_counted_twice_in_either_generation_of_usage(calls):
    """5124 = 4534 + 524 + 66; 316 = 291 + 25. Flat: 10000 = 3000 + 6000 + 1000; 500 = 400 + 100."""
    found = calls(
        "uncached_input_tokens",
        "cache_read_tokens",
        "cache_write_5m_tokens",
        "output_text_tokens",
        "reasoning_tokens",
    )
    assert found["gen-01JB3K"] == (4534, 524, 66, 291, 25)
    assert found["gen-flat"] == (3000, 6000, 1000, 400, 100)


def test_an_exported_row_stands_alone_where_no_log_came(calls):
    """10,000 × $3/M + 500 × $15/M = $0.0375; 1.5 is seconds; a timeout without counts has no usage."""
    found = calls(
        "input_tokens", "list_cost_usd", "reported_cost_usd", "duration_ms", "usage_source", "status"
    )
    money = Decimal("0.0375")
    assert found["gen-csv"] == (10000, money, money, 1500, "reported", "success")
    assert found["gen-csv-bad"][3:] == (60000, "missing", "timeout")


def test_a_recorded_stream_is_a_call_and_one_that_broke_off_has_no_usage(calls):
    """1,000 × $3/M + 50 × $15/M = $0.00375."""
    found = calls("usage_source", "is_stream", "input_tokens", "list_cost_usd")
    assert found["gen-sse"] == ("reported", True, 1000, Decimal("0.00375"))
    assert found["gen-cut"][:2] == ("missing", True)
