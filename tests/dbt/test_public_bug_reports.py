"""Calls of the kinds that people have reported gateways and libraries to count or price wrongly.

Our own cases come first, their sums beside them; the collected ones of the shared folder follow where it is there.
Prices are genai-prices' of 2026-11-20, USD per million tokens.
"""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.home import Home
from tests.conftest import SHARED_DATA
from tests.dbt.conftest import build, land_text, rows


def call(call_id: str, model: str, **changes: Any) -> dict[str, Any]:
    """One LiteLLM payload: 1,000 prompt tokens, 100 completion tokens."""
    tokens = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    usage = changes.pop("usage", {})
    return {
        "id": call_id,
        "status": "success",
        "startTime": 1795168800,
        "endTime": 1795168802,
        "call_type": "acompletion",
        "custom_llm_provider": model.partition("/")[0],
        "model": model,
        "metadata": {"usage_object": {**tokens, **usage}},
        "response_cost": 0.0,
        **tokens,
        **changes,
    }


_ZERO = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
NOTHING = {**_ZERO, "usage": _ZERO}

#: Id → line, list, cache-optimized, tier that served, reason. The sums are per million tokens.
OWN = {
    # gpt-5.4-mini: standard 0.75 in, 4.5 out; flex half, fast and priority twice.
    # 1000×0.75 + 100×4.5 = 1200; flex 600; fast 2400.
    "served at the tier asked for": (
        call(
            "1", "openai/gpt-5.4-mini", response_cost=0.0006,
            response={"service_tier": "flex"}, model_parameters={"service_tier": "flex"},
        ),
        "0.0012", "0.0006", "flex", "match",
    ),
    "asked for flex, served and charged as standard": (
        call(
            "2", "openai/gpt-5.4-mini", response_cost=0.0012,
            response={"service_tier": "default"}, model_parameters={"service_tier": "flex"},
        ),
        "0.0012", "0.0012", "standard", "match",
    ),
    "asked for priority, served as standard, charged as priority": (
        call(
            "3", "openai/gpt-5.4-mini", response_cost=0.0024,
            response={"service_tier": "default"}, model_parameters={"service_tier": "priority"},
        ),
        "0.0012", "0.0012", "standard", "service_tier_not_served",
    ),
    "the answer goes before the usage, the usage before what the gateway priced": (
        call(
            "4", "openai/gpt-5.4-mini", response_cost=0.0006,
            usage={"service_tier": "flex"}, cost_breakdown={"service_tier": "priority"},
        ),
        "0.0012", "0.0006", "flex", "match",
    ),
    "auto is ignored, the requested tier counts where no other is stated": (
        call(
            "5", "openai/gpt-5.4-mini", response_cost=0.0024,
            usage={"service_tier": "auto"}, model_parameters={"service_tier": "fast"},
        ),
        "0.0012", "0.0024", "fast", "match",
    ),
    # claude-opus-4-8: 5 in, 25 out; at speed fast 10 in, 50 out. 1000×5 + 100×25 = 7500; 1000×10 + 100×50 = 15000.
    "Anthropic's speed is a tier": (
        call(
            "6", "anthropic/claude-opus-4-8", response_cost=0.015,
            usage={"service_tier": "standard", "speed": "fast"},
        ),
        "0.0075", "0.015", "fast", "match",
    ),
    "a batch is priced as one, whatever its line says": (
        call("b1", "openai/gpt-5.4-mini", call_type="aretrieve_batch", response_cost=0.0006),
        "0.0012", "0.0006", "batch", "match",
    ),
    "a tier without prices costs what standard costs": (
        call("8", "openai/gpt-5.4-mini", response_cost=0.0012, response={"service_tier": "scale"}),
        "0.0012", "0.0012", "scale", "match",
    ),
    # Nothing used.
    "listing tools": (
        call("9", "MCP: list_tools", custom_llm_provider="", call_type="list_mcp_tools", **NOTHING),
        "0", "0", "standard", "match",
    ),
    "a moderation": (
        call("10", "openai/omni-moderation-latest", call_type="amoderation", **NOTHING),
        "0", "0", "standard", "match",
    ),
    "looking at a batch": (
        call("b1", "openai/gpt-5.4-mini", call_type="aretrieve_batch", litellm_call_id="look", **NOTHING),
        "0", "0", "batch", "match",
    ),
    "a file": (
        call("f1", "", custom_llm_provider="openai", call_type="acreate_file", litellm_call_id="f", **NOTHING),
        "0", "0", "standard", "match",
    ),
    "a tool with a price": (
        call(
            "13", "MCP: search", custom_llm_provider="", call_type="call_mcp_tool",
            **{**NOTHING, "response_cost": 0.01},
        ),
        "0.01", "0.01", "standard", "match",
    ),
    "a tool without one": (
        call("14", "MCP: search", custom_llm_provider="", call_type="call_mcp_tool", **NOTHING),
        "0", "0", "standard", "match",
    ),
    # Unpriced by LiteLLM: 0 where it knew no price.
    "a model that is not in LiteLLM's map": (
        call("15", "openai/gpt-5.4-mini", spend=0.0),
        "0.0012", "0.0012", "standard", "gateway_unpriced",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Our own cases as one source, and the collected ones as two more."""
    home = Home(tmp_path_factory.mktemp("reports"))
    land_text(home, "own/logs/dt=2026-11-20/calls.ndjson", [line for line, *_ in OWN.values()])
    sources = ["own: {connector: litellm}"]
    shared = SHARED_DATA / "public_bugs"
    if shared.is_dir():
        for name in ("litellm", "new_api"):
            file = home.landing / name / "logs" / "dt=2026-11-20" / "calls.ndjson"
            file.parent.mkdir(parents=True)
            shutil.copy(shared / f"{name}_logs.ndjson", file)
            sources.append(f"{name}: {{connector: {name}}}")
    (home.root / "sources.yml").write_text("sources:\n" + "".join(f"  {line}\n" for line in sources))
    build(home, ("+rpt_unpriced_usage", "+assert_every_call_was_served_at_the_tier_asked_for"))
    return home


@pytest.mark.parametrize("case", OWN)
def test_a_call_costs_by_its_kind(books: Home, case: str) -> None:
    """List at the standard tier, cache-optimized at the tier that served; reasons as stated in the case."""
    line, listed, cached, tier, reason = OWN[case]
    found = rows(
        books,
        "select list_cost_usd, cache_optimized_cost_usd, service_tier, variance_reason from marts.fct_usage_costs"
        f" where source = 'own' and request_id = '{line['id']}' and raw_line = {list(OWN).index(case) + 1}",
    )
    assert found == [(Decimal(listed), Decimal(cached), tier, reason)]


@pytest.mark.shared_data
def test_every_collected_case_comes_out_to_the_last_digit(books: Home, shared_data: Path) -> None:
    """Each amount of expected.json; its sums are worked out by hand."""
    expected = json.loads((shared_data / "public_bugs" / "expected.json").read_text())
    tiers = ("list_cost_usd", "cache_optimized_cost_usd")
    found = {
        request_id: amounts
        for request_id, *amounts in rows(
            books,
            f"select request_id, {', '.join(tiers)} from marts.fct_usage_costs where source != 'own'",
        )
    }
    wrong = {
        case["id"]: (case[tier], amount)
        for case in expected
        for tier, amount in zip(tiers, found[case["id"]], strict=True)
        if case[tier] is not None and amount != Decimal(case[tier])
    }
    assert wrong == {}


def test_what_uses_nothing_is_not_unpriced(books: Home) -> None:
    """Neither of ours nor of the collected ones."""
    assert (
        rows(
            books,
            "select source, model_served, unpriced_reason from marts.rpt_unpriced_usage"
            " where unpriced_reason = 'no_usage' and source != 'new_api'",
        )
        == []
    )
    assert rows(
        books,
        "select call_type, count(*)::int from marts.fct_usage_costs where source = 'own' and call_type != 'chat'"
        " group by call_type order by call_type",
    ) == [("batch", 2), ("file", 1), ("mcp", 3), ("moderation", 1)]


def test_another_tier_than_the_requested_one_is_a_finding(books: Home) -> None:
    """Whether or not it was charged: two of ours."""
    assert rows(
        books,
        "select request_id, service_tier_requested, service_tier from marts.fct_usage_costs"
        " where source = 'own' and service_tier_requested != service_tier order by request_id",
    ) == [("2", "flex", "standard"), ("3", "priority", "standard")]


def test_what_a_gateway_charged_without_a_price_is_not_known(books: Home) -> None:
    """Its 0 is no charge: charged cost falls back on ours, 1000 × 0.75 + 100 × 4.5 = 1200 per million tokens."""
    assert rows(
        books,
        "select reported_cost_usd, charged_cost_usd from marts.fct_usage_costs"
        " where source = 'own' and request_id = '15'",
    ) == [(None, Decimal("0.0012"))]
