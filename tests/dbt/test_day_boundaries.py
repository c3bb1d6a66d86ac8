"""What lies on an edge: a stream over midnight and the end of the month, a refund of more than the month came to.

Midnights of billing zones and days of 23 and 25 hours are in test_rollups.py; a call corrected over midnight in
test_dedupe.py; late usage of open days in test_day_rebuilds.py, of closed months in test_closed_months.py.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ingestion.home import Home
from tests.dbt.conftest import build, land_text, rows

SELECT = (
    "+rpt_usage_by_workspace_daily",
    "+rpt_savings_monthly",
    "+rpt_usage_to_date",
    "+rpt_budgets",
    "+fct_traffic_hourly",
    "+int_focus_usage_daily",
)
SOURCES = """
sources:
  starts: {connector: litellm}
  ends: {connector: infery}
  aisa: {connector: aisa}
"""
#: A stream of nine seconds: $0.000035 for 10 prompt tokens and one of completion of gpt-4o.
BEGAN, ENDED = datetime(2026, 10, 31, 23, 59, 58, tzinfo=UTC), datetime(2026, 11, 1, 0, 0, 7, tzinfo=UTC)
STARTS = {
    "id": "call-1",
    "call_type": "acompletion",
    "status": "success",
    "stream": True,
    "startTime": BEGAN.timestamp(),
    "completionStartTime": BEGAN.timestamp() + 1,
    "endTime": ENDED.timestamp(),
    "model": "gpt-4o",
    "custom_llm_provider": "openai",
    "prompt_tokens": 10,
    "completion_tokens": 1,
    "total_tokens": 11,
    "response_cost": 0.000035,
}
ENDS = {
    "request_id": "call-1",
    "timings": {
        "gateway_in": BEGAN.isoformat(),
        "provider_in": BEGAN.isoformat(),
        "provider_out": ENDED.isoformat(),
        "gateway_out": ENDED.isoformat(),
    },
    "workspace_id": "ws_1",
    "model_used": "openai/gpt-4o",
    "prompt_tokens": 10,
    "completion_tokens": 1,
    "credits_used": 1,
}


def item(at: str, kind: int, quota: int, price: str, request_id: str) -> dict[str, Any]:
    """An item of AIsa's log: type 2 is charged, type 6 given back; 500,000 quota are a dollar."""
    return {
        "id": 1,
        "created_at": int(datetime.fromisoformat(at).timestamp()),
        "type": kind,
        "model_name": "sora-2",
        "quota": quota,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "token_id": 31,
        "group": "default",
        "request_id": request_id,
        "other": json.dumps({"model_price": float(price), "group_ratio": 1, "is_task": True}),
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("boundaries"))
    home.sources_file.write_text(SOURCES)
    home.config.mkdir()
    (home.config / "budgets.csv").write_text(
        "budget_id,source,scope,subject,month_usd,valid_from,valid_to,reason\n"
        "videos,aisa,all,,1,2026-10-01,,plan\n"
    )
    land_text(home, "starts/logs/dt=2026-11-01/part.ndjson", [STARTS])
    land_text(home, "ends/requests/dt=2026-11-01/part.ndjson", [ENDS])
    items = [
        item("2026-10-20T12:00:00+00:00", 2, 300_000, "0.6", "task"),
        item("2026-11-02T12:00:00+00:00", 2, 10_000, "0.02", "small"),
        item("2026-11-03T12:00:00+00:00", 6, 300_000, "0.6", "task"),
    ]
    land_text(home, "aisa/logs/dt=2026-11-03/part.ndjson", items)
    build(home, SELECT)
    return home


def test_a_stream_over_midnight_counts_once_on_the_day_its_gateway_dates_it(world: Home) -> None:
    """LiteLLM dates a call by its start, in October; Infery by its end, in November."""
    dated = {"starts": "2026-10-31", "ends": "2026-11-01"}
    for table in ("fct_usage_costs", "rpt_usage_by_workspace_daily", "intermediate.int_focus_usage_daily"):
        relation = table if "." in table else f"marts.{table}"
        found = f"select source, event_date::varchar from {relation} where source != 'aisa'"
        assert dict(rows(world, found)) == dated, table
    months = "select source, billing_month::varchar, requests from marts.rpt_savings_monthly where source != 'aisa'"
    assert sorted(rows(world, months)) == [("ends", "2026-11-01", 1), ("starts", "2026-10-01", 1)]
    hours = "select source, hour_at::varchar, requests, peak_rpm from marts.fct_traffic_hourly where source != 'aisa'"
    assert sorted(rows(world, hours)) == [
        ("ends", "2026-11-01 00:00:00", 1, 1),
        ("starts", "2026-10-31 23:00:00", 1, 1),
    ]
    duration = "select distinct duration_ms from marts.fct_usage_costs where source = 'starts'"
    assert rows(world, duration) == [(9000,)]


def test_a_refund_of_more_than_the_month_leaves_a_negative_month(world: Home) -> None:
    """November: $0.02 used, $0.6 of October given back: -$0.58, without any shares."""
    months = """
        select billing_month::varchar, requests, list_cost_usd, reported_cost_usd, total_savings_share
        from marts.rpt_savings_monthly where source = 'aisa' order by billing_month
    """
    october, november = Decimal("0.6"), Decimal("-0.58")
    assert rows(world, months) == [
        ("2026-10-01", 1, october, october, Decimal(0)),
        ("2026-11-01", 2, november, november, None),
    ]
    to_date = """
        select subject, cache_optimized_cost_usd, share_of_total, spend_rank from marts.rpt_usage_to_date
        where source = 'aisa' and window_name = 'month_to_date' and scope in ('all', 'api_key') order by subject
    """
    assert rows(world, to_date) == [("31", november, None, 1), ("all", november, None, 1)]
    focus = "select sum(contracted_cost_usd) from intermediate.int_focus_usage_daily where source = 'aisa'"
    assert rows(world, focus + " and event_date >= '2026-11-01'") == [(november,)]
    assert rows(world, focus + " and is_correction") == [(-october,)]


def test_a_budget_of_a_negative_month_is_kept_and_its_forecast_begins_below_nothing(world: Home) -> None:
    """Seven complete days came to $0.02, so 27 more to 0.02 x 27 / 7 = $0.077142857143 on top of -$0.58."""
    found = """
        select billing_month::varchar, used, forecast, used_share, status from marts.rpt_budgets order by all
    """
    assert rows(world, found) == [
        ("2026-10-01", Decimal("0.6"), Decimal("0.6"), Decimal("0.6"), "ok"),
        ("2026-11-01", Decimal("-0.58"), Decimal("-0.502857142857"), Decimal("-0.58"), "ok"),
    ]
