"""Every reason a charge may differ from the cost, on one row each, with the variance split into its parts.

One model of a made-up provider, in the words of price_overrides, is called over and over: 3,000 plain, 6,000 cached and
1,000 cache-written prompt tokens, 500 completion tokens, 0.9 to pay. At $3 in, $0.30 read, $3.75 and $6 written and $15
out per million that is 3,000 x 3 + 6,000 x 0.30 + 1,000 x 3.75 + 500 x 15 = 22,050 millionths x 0.9 = $0.019845.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
import yaml

from dagster_project.books.build import build as build_books
from dagster_project.dbt_runner.project import PROJECT_DIR, project
from dagster_project.dbt_runner.variance_causes import variance_reasons
from ingestion.home import HOME_VARIABLE, Home
from tests.dbt.conftest import FACTS, build, compiled_sql, infron_line, land, land_text, rows

DAY = "2026-11-03"
NOON = f"{DAY}T12:00:00.000Z"
SOURCES = """
sources:
  infron: {connector: infron}
  aisa: {connector: aisa}
  tokenopen: {connector: tokenopen}
  litellm: {connector: litellm}
  openrouter: {connector: openrouter}
  infery: {connector: infery, usd_per_credit: 0.01}
  small_credits: {connector: infery, usd_per_credit: 0.000001}
"""

#: Period, variant and prompt-size tier → $ per million of input, output, cache read, 5-minute and 1-hour cache write.
PRICES = {
    ("2026-01-01", "2026-11-01", "standard", 0): ("2", "10", "0.2", "2.5", "4"),
    ("2026-11-01", "2026-11-05", "standard", 0): ("3", "15", "0.3", "3.75", "6"),
    ("2026-11-01", "2026-11-05", "batch", 0): ("1.5", "7.5", "0.15", "1.875", "3"),
    ("2026-11-01", "2026-11-05", "flex", 0): ("1.2", "6", "0.12", "1.5", "2.4"),
    ("2026-11-01", "2026-11-05", "priority", 0): ("6", "30", "0.6", "7.5", "12"),
    ("2026-11-01", "2026-11-05", "fast", 0): ("9", "45", "0.9", "11.25", "18"),
    ("2026-11-01", "2026-11-05", "standard", 200000): ("7", "25", "0.7", "8.75", "14"),
    ("2026-11-05", "", "standard", 0): ("4", "20", "0.4", "5", "8"),
}
CLASSES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")

#: request id → what the call and its charge are, the reason, and (quantity, rate, formula, rounding, timing), $.
CASES: dict[str, tuple[dict[str, Any], str, tuple[str, ...] | None]] = {}


def case(name: str, reason: str, parts: str | None, **call: Any) -> None:
    """Note a call of Infron's log; `parts` as five numbers, or the name of the one that is not 0 and its amount."""
    if parts is None:
        amounts = None
    else:
        words = dict(word.split("=") for word in parts.split())
        amounts = tuple(
            words.get(part, "0") for part in ("quantity", "rate", "formula", "rounding", "timing")
        )
    CASES[name] = (call, reason, amounts)


case("as it should be", "match", "", cost="0.019845")
case("half a unit more", "rounding", "rounding=0.000000009", cost="0.019845009")
case("nothing said", "missing_report", None, cost=None)
case("unknown model", "unpriced", None, cost="0.01", model="acme/unheard-of")
case("model the gateway does not know", "gateway_unpriced", "rate=-0.019845", cost="0")
case("failed", "failed_but_charged", "formula=0.01", cost="0.01", status="failure", tokens=(0, 0, 0, 0, 0))
# A failed call whose tokens are worth what was charged.
case("failed at its cost", "failed_but_charged", "", cost="0.019845", status="failure")
case("failed and unknown", "failed_but_charged", None, cost="0.04", status="failure", model="acme/unheard-of")
case("own key", "byok_fee", "formula=-0.018845", cost="0.001", is_byok=True)
# 22,050 at 1, not at 0.9.
case("no discount", "discount_missing", "rate=0.002205", cost="0.02205")
# The rule for ws_ruled says 0.9, the row 0.95.
case(
    "other discount", "other_discount", "rate=0.0011025", cost="0.0209475", rate="0.95", workspace="ws_ruled"
)
# 10,000 x 3 + 7,500 = 37,500 at 1: 2,205 too much by the rate, 37,500 - 22,050 by the formula.
case("list price", "list_price_charged", "rate=0.002205 formula=0.01545", cost="0.0375")
# 6,000 + 1,200 + 2,500 + 5,000 = 14,700 x 0.9.
case("price of last month", "stale_price", "rate=-0.006615", cost="0.01323")
# 12,000 + 2,400 + 5,000 + 10,000 = 29,400 x 0.9, two days before it holds.
case("next price", "stale_price", "rate=0.006615", cost="0.02646")
# Begun two seconds before the price changed, dated by the gateway when it was done.
case(
    "across the change",
    "dated_elsewhere",
    "timing=0.006615",
    cost="0.02646",
    at="2026-11-04T23:59:58.000Z",
    ms=3000,
)
case(
    "just before the change",
    "stale_price",
    "rate=0.006615",
    cost="0.02646",
    at="2026-11-04T23:59:58.000Z",
    ms=1999,
)
# 21,000 + 4,200 + 8,750 + 12,500 = 46,450 x 0.9.
case("price of long prompts", "wrong_tier", "rate=0.02196", cost="0.041805")
# 250,000 x 7 = 1.75 and x 3 = 0.75, x 0.9.
case("price of short prompts", "wrong_tier", "rate=-0.9", cost="0.675", tokens=(250000, 0, 0, 0, 0))
# At 07:00 UTC 10,000 x 1.32 + 500 x 3.96 = 15,180, off peak half of it; no discount.
case(
    "off-peak price",
    "wrong_time_of_day",
    "rate=-0.00759",
    cost="0.00759",
    model="deepseek/deepseek-v4-pro",
    rate="1",
    at=f"{DAY}T07:00:00.000Z",
    tokens=(10000, 0, 0, 0, 500),
)
case("batch at the standard price", "service_tier_missing", "rate=0.0099225", cost="0.019845", tier="batch")
case("standard at the batch price", "service_tier_missing", "rate=-0.0099225", cost="0.0099225")
case("standard at the flex price", "service_tier_missing", "rate=-0.011907", cost="0.007938")
case("standard at the priority price", "service_tier_missing", "rate=0.019845", cost="0.03969")
case("standard at the fast price", "service_tier_missing", "rate=0.03969", cost="0.059535")
# 6,000 x 2.7 = 16,200 x 0.9 more.
case("reads as input", "cache_priced_as_input", "formula=0.01458", cost="0.034425")
# 37,500 x 0.9.
case("all of the prompt as input", "cache_priced_as_input", "formula=0.013905", cost="0.03375")
# 1,000 x 0.75 x 0.9 less, and 1,000 x 3.75 x 0.9 less.
case("writes as input", "cache_write_missing", "formula=-0.000675", cost="0.01917")
case("writes for nothing", "cache_write_missing", "formula=-0.003375", cost="0.01647")
# 1,000 x 2.25 x 0.9 less than 24,300 x 0.9.
case(
    "hour as five minutes",
    "hour_write_as_5m",
    "formula=-0.002025",
    cost="0.019845",
    tokens=(3000, 6000, 0, 1000, 500),
)
case("reads for nothing", "cache_read_free", "formula=-0.00162", cost="0.018225")
# On top, each x 0.9: 6,000 x 3; 6,000 x 0.30; 1,000 x 3.75; 1,000 x 3; 7,000 x 3.
case("reads as input too", "double_charged_cache", "formula=0.0162", cost="0.036045")
case("reads twice", "double_charged_cache", "formula=0.00162", cost="0.021465")
case("writes twice", "double_charged_cache", "formula=0.003375", cost="0.02322")
# 24,300 and 1,000 x 6 again.
case(
    "hour writes twice",
    "double_charged_cache",
    "formula=0.0054",
    cost="0.02727",
    tokens=(3000, 6000, 0, 1000, 500),
)
case("writes as input too", "double_charged_cache", "formula=0.0027", cost="0.022545")
case("cache as input too", "double_charged_cache", "formula=0.0189", cost="0.038745")
# 9,000 + 1,800 + 500 x 3.75 + 500 x 6 + 7,500 = 23,175, and all 1,000 writes at 3.75 again.
case(
    "writes in sum and parts",
    "double_charged_cache",
    "formula=0.003375",
    cost="0.0242325",
    tokens=(3000, 6000, 500, 500, 500),
)
# 100 of the 500 completion tokens are reasoning: 100 x 15 x 0.9 more.
case("reasoning on top", "double_charged_reasoning", "formula=0.00135", cost="0.021195", reasoning=100)
# 800 more prompt tokens are audio, priced as input here: 24,450 x 0.9, and 800 x 3 x 0.9 again.
case("audio on top", "double_charged_audio", "formula=0.00216", cost="0.024165", audio=800)
# 2,000 x 3 x 0.9 for tokens no class shows: no reading of the row explains its total. One without the cache is read
# so, and 7,000 tokens less; one without the reasoning is not.
case("tokens we do not see", "contradictory_usage", "quantity=0.0054", cost="0.025245", total=12500)
case("total without the cache", "token_mismatch", "quantity=-0.004995", cost="0.01485", total=3500)
case(
    "total without reasoning",
    "contradictory_usage",
    "quantity=-0.00135",
    cost="0.018495",
    total=10400,
    reasoning=100,
)
# 0.03 - 0.019845, whatever 100 tokens more would cost.
case(
    "more than tokens we do not see",
    "contradictory_usage",
    "quantity=0.010155",
    cost="0.03",
    total=10600,
)
case("out of the blue", "price_mismatch", "formula=0.003155", cost="0.023")


def infron_call(name: str, call: dict[str, Any]) -> dict[str, Any]:
    """A call in Infron's format; `tokens` are plain, read, written for 5 minutes, for an hour, completion."""
    plain, read, written, written_hour, completion = call.get("tokens", (3000, 6000, 1000, 0, 500))
    prompt = plain + read + written + written_hour + call.get("audio", 0)
    return infron_line(
        name,
        created_at=call.get("at", NOON),
        model=call.get("model", "acme/m"),
        status=call.get("status", "success"),
        workspace_id=call.get("workspace", "ws_1"),
        processing_ms=call.get("ms", 100),
        service_tier=call.get("tier"),
        usage={
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": call.get("total", prompt + completion),
            "prompt_tokens_details": {
                "cached_tokens": read,
                "cache_write_tokens": written + written_hour,
                "cache_write_1h_tokens": written_hour,
                "audio_tokens": call.get("audio", 0),
            },
            "completion_tokens_details": {"reasoning_tokens": call.get("reasoning", 0)},
            "cost": None if call["cost"] is None else float(call["cost"]),
            "cost_details": {
                "discount_rate": float(call.get("rate", "0.9")),
                "is_byok": call.get("is_byok", False),
            },
        },
    )


def litellm_line(
    name: str, cost: float, price: float, output_price: float, cache_hit: bool = False
) -> dict[str, Any]:
    """10,000 prompt and 500 completion tokens with the prices LiteLLM found in its map."""
    return {
        "id": name, "litellm_call_id": name, "call_type": "acompletion", "status": "success", "cache_hit": cache_hit,
        "custom_llm_provider": "acme", "model": "m", "startTime": 1793707200.0, "endTime": 1793707201.0,
        "response_cost": cost, "prompt_tokens": 10000, "completion_tokens": 500, "total_tokens": 10500,
        "model_map_information": {
            "model_map_value": {"input_cost_per_token": price, "output_cost_per_token": output_price}
        },
    }  # fmt: skip


def generation(name: str, cost: float, cached: int) -> dict[str, Any]:
    """10,000 prompt and 500 completion tokens by OpenRouter."""
    return {
        "id": name, "created_at": NOON, "model": "acme/m", "total_cost": cost, "usage": cost, "cancelled": False,
        "finish_reason": "stop", "native_tokens_prompt": 10000, "native_tokens_completion": 500,
        "native_tokens_cached": cached, "is_byok": False,
    }  # fmt: skip


def item(name: str, quota: int, kind: int = 2, **other: Any) -> dict[str, Any]:
    """10,000 prompt and 500 completion tokens by AIsa, without ratios."""
    return {
        "id": 1, "user_id": 7, "created_at": 1793707200, "type": kind, "model_name": "acme/m", "quota": quota,
        "prompt_tokens": 10000, "completion_tokens": 500, "use_time": 4, "token_id": 31, "request_id": name,
        "other": json.dumps({"model_price": -1, **other}),
    }  # fmt: skip


def infery_rows(*calls: tuple[str, str, int]) -> list[str]:
    """The export: (request id, time of completion, credits)."""
    header = (
        "timestamp,model,api_key_id,prompt_tokens,completion_tokens,credits_used,request_id,latency_ms,"
        "fallback_depth"
    )
    return [header, *(f"{at},acme/m,key_1,10000,500,{credits},{name},3000,0" for name, at, credits in calls)]


#: Calls of the other sources: their plain 10,000 and 500 tokens cost 10,000 x 3 + 500 x 15 = $0.0375.
OTHERS: dict[str, tuple[str, str | None]] = {
    # LiteLLM: 10,000 x 4 + 500 x 16 = $0.048 by its own list, and $0.052 by no list.
    "own list": ("other_price_list", "rate=0.0105"),
    "own list and more": ("other_price_list", "rate=0.0105 formula=0.004"),
    "answer from the cache": ("free_but_charged", "formula=0.0375"),
    # 10,000 x 6 + 500 x 30 = $0.075 asked for, and served at the standard price.
    "priority that was not served": ("service_tier_not_served", "rate=0.0375"),
    # 20,000 audio tokens in a prompt of 10,000, of which 10,000 are priced: what was charged is no match all the same.
    "more audio than prompt": ("contradictory_usage", "quantity=0"),
    # OpenRouter does not say what was written to the cache, nor for whom: up to 10,000 x 6 + 7,500 = $0.0675.
    "less than it should": ("not_comparable", "formula=-0.0075"),
    "some of it written": ("not_comparable", "formula=0.0175"),
    "more than all of it written": ("price_mismatch", "formula=0.04"),
    # AIsa: a refund of 0.01, a plan that paid, 18,751 and 18,752 units for 18,750.
    "given back": ("settlement", "formula=0"),
    "paid by the plan": ("subscription_paid", "formula=-0.0375"),
    "a unit more": ("rounding", "rounding=0.000002"),
    "two units more": ("price_mismatch", "formula=0.000004"),
    # Infery: 3.75 credits are 4, up to a credit either way; 6 credits may be cache writes, 8 may not.
    "whole credits": ("rounding", "rounding=0.0025"),
    "two credits more": ("not_comparable", "formula=0.0225"),
    "four credits more": ("price_mismatch", "formula=0.0425"),
    # TokenOpen's table names the group but not the cache's share: from 10,000 x 0.30 + 7,500 = $0.0105, 5250 units, up.
    "some of it read": ("not_comparable", "formula=-0.027002"),
    "less than all of it read": ("price_mismatch", "formula=-0.027004"),
    # A credit of a millionth: 10,000 x 2 + 500 x 10 = $0.025, ended two seconds after the price changed.
    "begun before the change": ("dated_elsewhere", "timing=-0.0125"),
    "begun after the change": ("stale_price", "rate=-0.0125"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """All calls, landed and built; the tests only read it."""
    home = Home(tmp_path_factory.mktemp("variance") / "home")
    home.root.mkdir()
    home.sources_file.write_text(SOURCES)
    home.config.mkdir(parents=True)
    overrides = [
        "provider,model,token_class,usd_per_mtok,min_input_tokens,variant,valid_from,valid_to,reason"
    ]
    for provider, model in (("acme", "m"), ("openrouter", "acme/m")):
        for (start, end, variant, tier), prices in PRICES.items():
            overrides += [
                f"{provider},{model},{name},{price},{tier},{variant},{start},{end},test"
                for name, price in zip(CLASSES, prices, strict=True)
            ]
    (home.config / "price_overrides.csv").write_text("\n".join(overrides) + "\n")
    (home.config / "discount_rules.csv").write_text(
        "rule_id,workspace_id,group_name,kind,factor,valid_from,valid_to,reason\n"
        "ruled,ws_ruled,,contract,0.9,2026-01-01,,test\n"
    )
    land(home, DAY, [infron_call(name, call) for name, (call, _, _) in CASES.items()])
    land_text(
        home,
        f"litellm/logs/dt={DAY}/part.ndjson",
        [
            litellm_line("own list", 0.048, 0.000004, 0.000016),
            litellm_line("own list and more", 0.052, 0.000004, 0.000016),
            litellm_line("answer from the cache", 0.0375, 0.000003, 0.000015, cache_hit=True),
            litellm_line("priority that was not served", 0.075, 0.000003, 0.000015)
            | {"response": {"service_tier": "default"}, "model_parameters": {"service_tier": "priority"}},
            litellm_line("more audio than prompt", 0.0375, 0.000003, 0.000015)
            | {"metadata": {"usage_object": {"prompt_tokens_details": {"audio_tokens": 20000}}}},
        ],
    )
    land_text(
        home,
        f"openrouter/generations/dt={DAY}/part.ndjson",
        [
            generation("less than it should", 0.03, 0),
            generation("some of it written", 0.055, 0),
            generation("more than all of it written", 0.0775, 0),
        ],
    )
    land_text(
        home,
        f"aisa/logs/dt={DAY}/part.ndjson",
        [
            item("given back", 5000, kind=6),
            item("paid by the plan", 18750, billing_source="subscription", wallet_quota_deducted=0),
            item("a unit more", 18751),
            item("two units more", 18752),
        ],
    )
    console = (
        "Time,Usage,Model,Key Name,Group,Call Type,Duration (ms),Input Tokens,Output Tokens,Tokens,Cost,"
        "HTTP Status,Error"
    )
    land_text(
        home,
        f"tokenopen/logs/dt={DAY}/part.csv",
        [
            console,
            f"{DAY} 12:00:00,5249,acme/m,some of it read,vip,Chat,4000,10000,500,10500,,200,",
            f"{DAY} 12:00:01,5248,acme/m,less than all of it read,vip,Chat,4000,10000,500,10500,,200,",
        ],
    )
    land_text(
        home,
        f"infery/usage/dt={DAY}/part.csv",
        infery_rows(
            ("whole credits", NOON, 4), ("two credits more", NOON, 6), ("four credits more", NOON, 8)
        ),
    )
    land_text(
        home,
        f"small_credits/usage/dt={DAY}/part.csv",
        infery_rows(
            ("begun before the change", "2026-11-01T00:00:02.000Z", 25000),
            ("begun after the change", "2026-11-01T00:00:03.000Z", 25000),
        ),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home.root))
        build(home, [*FACTS, "+recon_reported_costs"])
        yield home


PARTS = "quantity_variance_usd, rate_variance_usd, formula_variance_usd, rounding_variance_usd, timing_variance_usd"


def found(home: Home, request_id: str) -> tuple[Any, ...]:
    """The reason and the five parts of the one event of a request."""
    where = f"coalesce(request_id, api_key_id) = '{request_id}'"
    [row] = rows(home, f"select variance_reason, {PARTS} from marts.fct_usage_costs where {where}")
    return row


@pytest.mark.parametrize("name", CASES)
def test_a_charge_is_explained_by_its_first_cause_and_split(world: Home, name: str) -> None:
    """The sums are beside the cases."""
    _, reason, parts = CASES[name]
    expected = (None,) * 5 if parts is None else tuple(Decimal(part) for part in parts)
    assert found(world, name) == (reason, *expected)


@pytest.mark.parametrize("name", OTHERS)
def test_other_gateways_charges_are_explained_as_far_as_their_rows_allow(world: Home, name: str) -> None:
    """The sums are beside the cases."""
    reason, parts = OTHERS[name]
    words = dict(word.split("=") for word in (parts or "").split())
    expected = tuple(
        Decimal(words.get(part, "0")) for part in ("quantity", "rate", "formula", "rounding", "timing")
    )
    assert found(world, name) == (reason, *expected)


@pytest.mark.parametrize(
    ("reason", "variance", "claim"),
    [
        # 0.01 used nothing; 0.019845 is worth it; of 0.04 no price is known.
        ("failed_but_charged", "0.01", "0.069845"),
        ("free_but_charged", "0.0375", "0.0375"),
        ("discount_missing", "0.002205", "0.002205"),
        ("list_price_charged", "0.017655", "0.017655"),
        # Two of four calls were charged 0.006615 too much each, two 0.006615 and 0.0125 too little.
        ("stale_price", "-0.005885", "0.01323"),
        ("cache_read_free", "-0.00162", "0"),
        ("price_mismatch", None, "0"),
        ("not_comparable", None, "0"),
        ("rounding", None, "0"),
        ("unpriced", "0", "0"),
        ("gateway_unpriced", "-0.019845", "0"),
    ],
)
def test_what_should_not_have_been_charged_is_claimed_back(
    world: Home, reason: str, variance: str | None, claim: str
) -> None:
    """A charge of a failed call whole, of a known mistake what is too much, request by request; else nothing."""
    [(found_variance, found_claim)] = rows(
        world,
        "select sum(cost_variance_usd), sum(claim_usd) from marts.recon_reported_costs"
        f" where variance_reason = '{reason}'",
    )
    assert found_claim == Decimal(claim)
    assert variance is None or found_variance == Decimal(variance)


def test_every_reason_there_is_is_shown(world: Home) -> None:
    """What the contract of the column allows is what the cases above end in."""
    shown = {reason for _, reason, _ in CASES.values()} | {reason for reason, _ in OTHERS.values()}
    assert {
        reason for (reason,) in rows(world, "select distinct variance_reason from marts.fct_usage_costs")
    } == shown
    assert shown == allowed_reasons()


def test_a_days_charges_are_split_as_its_requests_are(world: Home) -> None:
    """Charged less recomputed is the variance, and the five parts are it, row by row and in all."""
    [(charged, recomputed, variance, parts, unreported, unpriced)] = rows(
        world,
        f"""
        select
            sum(charged_usd), sum(recomputed_usd), sum(cost_variance_usd), sum({PARTS.replace(",", " +")}),
            sum(unreported_cost_usd), sum(unpriced_charge_usd)
        from marts.recon_reported_costs
        """,
    )
    assert charged - recomputed == variance == parts
    assert rows(world, "select sum(cost_variance_usd) from marts.fct_usage_costs") == [(variance,)]
    assert (unreported, unpriced) == (Decimal("0.019845"), Decimal("0.05"))


CAUSE = re.compile(r"when abs\(reported_pico - .*?then \d+\n", re.DOTALL)


def test_no_cause_can_be_taken_out_unnoticed(world: Home) -> None:
    """The compiled model, from the weighed rows on, without one cause at a time: each time some reason changes.

    Two only say that the tokens or the prices stated explain all of it: without them the reason is the same.
    """
    result = build_books(
        world, project(), ["int_usage_events_explained"]
    )  # A view of a new home is not made again.
    before, matched, after = compiled_sql(result, "int_usage_events_explained").partition("matched as (")
    weighed = before[: before.rindex("),") + 1] + " select * from weighed"
    reasoned = after[: after.rindex("attributed as (")]
    reasoned = reasoned[: reasoned.rindex("),") + 1]
    with duckdb.connect(str(world.build_database), read_only=True) as connection:
        connection.execute("set variable first_day = timestamp '2026-10-01'")
        connection.execute("set variable last_day = timestamp '2026-12-01'")
        for table in set(re.findall(r"getvariable\('raw_(\w+)'\)", weighed)):
            files = sorted(str(file) for file in (world.raw / table).rglob("*.parquet"))
            connection.execute(f"set variable raw_{table} = {files}")
        connection.execute(f"create temporary table weighed as {weighed}")

        def reasons(rest: str) -> set[tuple[Any, ...]]:
            query = f"with {matched}{rest} select event_id, variance_reason from reasoned"
            return set(connection.sql(query).fetchall())

        whole = reasons(reasoned)
        built = set(connection.sql("select event_id, variance_reason from marts.fct_usage_costs").fetchall())
        causes = list(CAUSE.finditer(reasoned))
        unnoticed = [
            re.findall(r"(\w+)_atto", cause.group())[-1]
            for cause in causes
            if reasons(reasoned[: cause.start()] + reasoned[cause.end() :]) == whole
        ]
    assert whole == built
    assert len(causes) == len([cause for cause in causes_of_the_table() if "amount" in cause])
    assert unnoticed == ["unseen", "stated"]


def allowed_reasons() -> set[str]:
    """The accepted values of variance_reason."""
    model = yaml.safe_load((PROJECT_DIR / "models/marts/usage/fct_usage_costs.yml").read_text())
    [column] = [column for column in model["models"][0]["columns"] if column["name"] == "variance_reason"]
    [accepted] = [test["accepted_values"] for test in column["data_tests"] if "accepted_values" in test]
    return set(accepted["arguments"]["values"])


def causes_of_the_table() -> list[dict[str, Any]]:
    """The rows of variance_causes, in the order tried."""
    settings = yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))
    return settings["vars"]["variance_causes"]


def test_the_table_has_every_reason_and_its_words_once() -> None:
    assert [known.reason for known in variance_reasons()] == list(
        dict.fromkeys(cause["reason"] for cause in causes_of_the_table())
    )
    assert {known.reason for known in variance_reasons()} == allowed_reasons()
    assert all(known.summary or known.is_settled for known in variance_reasons())


def test_the_model_tries_the_reasons_in_the_order_of_the_table() -> None:
    """Causes seen without a second price, then what is priced again, then what is left."""
    model = (PROJECT_DIR / "models/intermediate/pricing/int_usage_events_explained.sql").read_text(
        encoding="utf-8"
    )
    plain = re.findall(r"then '(\w+)'", re.search(r"judged as \(.*?end as plain_reason", model, re.DOTALL)[0])
    left = re.findall(
        r"(?:then|else) '(\w+)'",
        re.search(r"when unseen_tokens != 0 then.*?end as variance_reason", model, re.DOTALL)[0],
    )
    recomputed = [cause["reason"] for cause in causes_of_the_table() if "amount" in cause]
    assert [cause["reason"] for cause in causes_of_the_table()] == plain + recomputed + left
    assert ["amount" in cause for cause in causes_of_the_table()] == (
        [False] * len(plain) + [True] * len(recomputed) + [False] * len(left)
    )


def test_the_document_has_the_rows_of_the_table() -> None:
    """Its columns are reason, part, meaning, seen in, what to do."""
    text = (PROJECT_DIR.parent / "docs" / "variance-reasons.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| (`\w+`.*) \|$", text.split("## The reasons")[1], flags=re.MULTILINE)
    assert [[cell.strip() for cell in line.split("|")] for line in lines] == [
        [f"`{known.reason}`", known.part, known.meaning, known.seen_in, known.what_to_do]
        for known in variance_reasons()
    ]
