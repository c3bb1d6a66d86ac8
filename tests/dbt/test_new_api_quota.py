"""The prices of a gateway of the New-API family by the figures on its rows, and what it should have charged.

Ratios: $ per million = model ratio x 10^6 / quota per unit, so ratio 1.5 at 500,000 units a dollar is $3.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from ingestion.home import HOME_VARIABLE, Home
from tests.dbt.conftest import build, land_text, rows

SOURCES = """
sources:
  aisa: {connector: aisa}
  down: {connector: new_api, charge_rounding: down}
  one_api: {connector: one_api}
  thirds: {connector: new_api, quota_per_unit: 300000}
"""
RATIOS = {
    "model_ratio": 1.5,
    "completion_ratio": 5,
    "cache_ratio": 0.1,
    "cache_creation_ratio": 1.25,
    "group_ratio": 0.9,
}
MIXED = {"cache_tokens": 6000, "cache_creation_tokens": 1000}
LONG = 'len <= 200000 ? tier("standard", p*3 + c*15 + cr*0.3) : tier("long", p*6 + c*22.5 + cr*0.6)'


def item(request_id: str, other: dict[str, Any], **changes: Any) -> str:
    """One call of claude-sonnet-4-5 ($3 in, $15 out, $0.30 read, $3.75 written by the catalogue)."""
    line = {
        "created_at": 1793517719,
        "type": 2,
        "model_name": "claude-sonnet-4-5",
        "quota": 9923,
        "prompt_tokens": 10000,
        "completion_tokens": 500,
        "request_id": request_id,
        "other": json.dumps({"model_price": -1, "user_group_ratio": -1, **other}),
    }
    return json.dumps({**line, **changes})


def tiered(request_id: str, formula: str, prompt: int, **other: Any) -> str:
    """One call priced by a formula, with no group's ratio unless a case says so."""
    said = {"billing_mode": "tiered_expr", "expr_b64": base64.b64encode(formula.encode()).decode(), **other}
    return item(request_id, said, prompt_tokens=prompt)


NO_TOKENS = {"prompt_tokens": 0, "completion_tokens": 0}
LANDED = {
    "aisa": [
        item("mixed", {**RATIOS, **MIXED}),
        item("plain", RATIOS),
        item("markup", {**RATIOS, **MIXED, "model_ratio": 3, "group_ratio": 1.2}),
        item("one token", {"model_ratio": 0.1, "completion_ratio": 1, "group_ratio": 1}, prompt_tokens=1)
        .replace('"completion_tokens": 500', '"completion_tokens": 0'),
        item("free model", {**RATIOS, "model_ratio": 0}),
        item("tools", {**RATIOS, "web_search_call_count": 3, "web_search_price": 10}),
        item("audio", {**RATIOS, "audio_input": 1000, "audio_output": 100, "audio_ratio": 8,
                       "audio_completion_ratio": 2}),
        item("call", {"model_price": 0.0200002, "group_ratio": 0.9}),
        item("picture", {**RATIOS, "image_generation_call": True, "image_generation_call_price": 0.04}),
        item("tools twice", {**RATIOS, "web_search_call_count": 1, "web_search_price": 10,
                             "code_interpreter_call_price": 0.03, "code_interpreter_call_count": 2,
                             "tool_surcharges": [{"name": "web_search_preview", "count": 1, "price": 10}]}),
        item("seconds", {"model_price": 0.1, "group_ratio": 0.9, "is_task": True, "seconds": 8}, **NO_TOKENS),
        item("ratios", {"model_price": 0.1, "group_ratio": 0.9, "image_count": 2,
                        "other_ratios": {"seconds": 8, "size": 1.5, "n": 2, "off": -1, "seconds_told": "8s"},
                        "seconds": 8, "size": 1.5, "n": 2}, **NO_TOKENS),
        item("words", {"model_price": 0.1, "group_ratio": 0.9, "size": "1024x1024"}, **NO_TOKENS,
             content="操作 generate, 计算参数：seconds: 5.00, size: 1.50"),
        item("by the call", {"model_price": 0.1, "group_ratio": 0.9, "seconds": 8}, **NO_TOKENS,
             content="操作 generate，按次计费"),
        item("fee", {"violation_fee": True, "violation_fee_code": "violation_fee.example", "fee_quota": 25000,
                     "group_ratio": 0.9, "model_ratio": 1.5, "base_amount": 0.05}, **NO_TOKENS, quota=25000),
        item("contract", {**RATIOS, **MIXED}, model_name="gpt-4o"),
        item("nonsense", {**RATIOS, "model_ratio": 1000000, "completion_ratio": 1000000}),
        item("planned", {**RATIOS, **MIXED, "billing_source": "subscription", "wallet_quota_deducted": 0}),
        tiered("at", LONG, 200000, cache_tokens=100000),
        tiered("above", LONG, 200001, cache_tokens=100000),
        tiered("unread", "sqrt(p)", 10000),
    ],
    "down": [item("down", {**RATIOS, **MIXED})],
    "one_api": [item("up", {"model_ratio": 1.5, "completion_ratio": 5, "group_ratio": 0.9}, prompt_tokens=1)],
    "thirds": [item("third", {**RATIOS, **MIXED})],
}  # fmt: skip
OVERRIDES = (
    "provider,model,token_class,usd_per_mtok,min_input_tokens,variant,valid_from,valid_to,reason\n"
    "openai,gpt-4o,input,2,0,standard,2026-01-01,,contract\n"
    "openai,gpt-4o,output,8,0,standard,2026-01-01,,contract\n"
)


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The built home; its tests only read it."""
    home = Home(tmp_path_factory.mktemp("quota") / "home")
    home.config.mkdir(parents=True)
    home.sources_file.write_text(SOURCES)
    (home.config / "price_overrides.csv").write_text(OVERRIDES)
    for source, lines in LANDED.items():
        land_text(home, f"{source}/logs/dt=2026-11-01/items.ndjson", lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home.root))
        build(home)
        yield home


def one(home: Home, columns: str, request_id: str) -> tuple[Any, ...]:
    """Return columns of the one event of a request; money as text."""
    (row,) = rows(home, f"select {columns} from marts.fct_usage_costs where request_id = '{request_id}'")
    return tuple(str(value.normalize()) if isinstance(value, Decimal) else value for value in row)


TIERS = "list_cost_usd, discounted_cost_usd, cache_optimized_cost_usd"


def test_a_ratio_row_is_priced_by_its_own_ratios(family: Home) -> None:
    """(3000 + 6000 x 0.1 + 1000 x 1.25 + 500 x 5) x 1.5 x 0.9 = 9922.5 units, rounded 9923; $0.019845."""
    assert one(family, f"{TIERS}, expected_quota, price_source, price_version", "mixed") == (
        *("0.0375", "0.03375", "0.019845", 9923, "ratio", None),
    )
    prices = "input_usd_per_mtok, cache_read_usd_per_mtok, cache_write_5m_usd_per_mtok, output_usd_per_mtok"
    assert one(family, prices, "mixed") == ("3", "0.3", "3.75", "15")
    # (10000 + 500 x 5) x 1.5 x 0.9 = 16875
    assert one(family, f"{TIERS}, expected_quota", "plain") == ("0.0375", "0.03375", "0.03375", 16875)


def test_the_prices_of_gateway_and_provider_are_both_listed(family: Home) -> None:
    """Twice the ratio: list $0.075 against $0.0375; a group at 1.2 pays more still, 0.09; cached 0.0441 x 1.2."""
    columns = f"list_cost_gateway_usd, list_cost_vendor_usd, markup_usd, discount_factor, {TIERS}"
    assert one(family, columns, "markup") == (
        *("0.075", "0.0375", "0.0375", "1.2", "0.075", "0.09", "0.05292"),
    )
    assert one(family, "markup_usd", "mixed") == ("0",)


def test_a_contract_of_ours_goes_before_the_gateways_ratios(family: Home) -> None:
    """10,000 x $2 + 500 x $8 = $0.024 a contract; the ratios would give $0.0375, and still decide the charge."""
    columns = "price_source, list_cost_usd, list_cost_gateway_usd, list_cost_vendor_usd, expected_quota"
    assert one(family, columns, "contract") == ("override", "0.024", "0.0375", "0.024", 9923)


def test_something_used_costs_at_least_one_unit_unless_it_is_free(family: Home) -> None:
    """1 x 0.1 = 0.1 units is charged as 1, but costs 2 x 10^-7 dollars; a ratio of 0 is free."""
    assert one(family, "expected_quota, cache_optimized_cost_usd", "one token") == (1, "2E-7")
    assert one(family, "expected_quota, cache_optimized_cost_usd", "free model") == (0, "0")


def test_each_generation_rounds_its_own_way(family: Home) -> None:
    """9922.5 down is 9922; (1 + 500 x 5) x 1.5 x 0.9 = 3376.35 up is 3377."""
    assert one(family, "expected_quota", "down") == (9922,)
    assert one(family, "expected_quota", "up") == (3377,)


def test_a_ratio_is_worth_what_a_unit_is_worth(family: Home) -> None:
    """The same 9922.5 units at 300,000 a dollar: $0.033075, and the smallest charge is 1/300,000."""
    columns = "cache_optimized_cost_usd, expected_quota, input_usd_per_mtok, rounding_unit_usd"
    assert one(family, columns, "third") == ("0.033075", 9923, "5", "0.000003333333")


def test_tools_and_audio_are_charged_on_top(family: Home) -> None:
    """3 searches at $10 a thousand are $0.03: (0.0375 + 0.03) x 0.9. Audio: (9000 + 1000 x 8 + 400 x 5 + 100 x 16)
    x 1.5 x 0.9 = 27810 units; list is that without the group's ratio, 30900 / 500,000.
    """
    assert one(family, f"{TIERS}, expected_quota", "tools") == ("0.0675", "0.06075", "0.06075", 30375)
    assert one(family, f"{TIERS}, expected_quota", "audio") == ("0.0618", "0.05562", "0.05562", 27810)


def test_every_call_of_a_tool_is_charged_once_whether_listed_or_in_its_field(family: Home) -> None:
    """An image at $0.04: (0.0375 + 0.04) x 0.9. A search at $10 a thousand, listed and in its field, and two calls at
    $0.03: (0.0375 + 0.01 + 0.06) x 0.9.
    """
    assert one(family, f"{TIERS}, expected_quota", "picture") == ("0.0775", "0.06975", "0.06975", 34875)
    assert one(family, f"{TIERS}, expected_quota", "tools twice") == ("0.1075", "0.09675", "0.09675", 48375)


def test_the_price_of_a_task_is_multiplied_by_what_its_row_names(family: Home) -> None:
    """8 seconds at $0.1; 8 x 1.5 x 2 of them; 5 x 1.5, from the text; and once, where the call is the price. x 0.9."""
    columns = f"{TIERS}, expected_quota, price_source"
    assert one(family, columns, "seconds") == ("0.8", "0.72", "0.72", 360000, "per_call")
    assert one(family, columns, "ratios") == ("2.4", "2.16", "2.16", 1080000, "per_call")
    assert one(family, columns, "words") == ("0.75", "0.675", "0.675", 337500, "per_call")
    assert one(family, columns, "by the call") == ("0.1", "0.09", "0.09", 45000, "per_call")


def test_a_fee_is_its_own_price(family: Home) -> None:
    """25,000 / 500,000 in every tier: nothing was used, and no group pays less of it."""
    columns = (
        f"{TIERS}, reported_cost_usd, event_type, error_code, variance_reason, unpriced_reason, quota_used"
    )
    assert one(family, columns, "fee") == (
        *("0.05", "0.05", "0.05", "0.05"),
        *("adjustment", "violation_fee.example", "settlement", None, 25000),
    )


def test_a_price_per_call_becomes_whole_quota(family: Home) -> None:
    """$0.0200002 x 0.9 = $0.01800018 = 9000.09 units."""
    assert one(family, f"{TIERS}, expected_quota, price_source", "call") == (
        *("0.0200002", "0.01800018", "0.01800018", 9000, "per_call"),
    )


def test_a_formula_is_priced_by_the_branch_the_call_is_in(family: Home) -> None:
    """200,000: 100,000 x 3 + 500 x 15 + 100,000 x 0.3 = 337,500 millionths, 168,750 units; list 600,000 + 7,500.

    200,001: 100,001 x 6 + 500 x 22.5 + 100,000 x 0.6 = 671,256 millionths, 335,628 units.
    """
    columns = "list_cost_usd, cache_optimized_cost_usd, expected_quota, price_source, input_usd_per_mtok"
    assert one(family, columns, "at") == ("0.6075", "0.3375", 168750, "formula", "3")
    assert one(family, columns, "above") == ("1.211256", "0.671256", 335628, "formula", "6")


def test_a_formula_that_cannot_be_read_leaves_the_call_to_the_catalogue(family: Home) -> None:
    assert one(family, "price_source, list_cost_usd, expected_quota", "unread") == (
        *("catalogue", "0.0375", None),
    )


def test_ratios_no_money_can_hold_leave_the_call_unpriced(family: Home) -> None:
    columns = "list_cost_usd, unpriced_reason, expected_quota"
    assert one(family, columns, "nonsense") == (None, "amount_out_of_range", None)


def test_a_plan_pays_instead_of_the_wallet(family: Home) -> None:
    """9923 units are $0.019846, out of the plan; a wallet pays them itself."""
    columns = "billing_source, charged_cost_usd, economic_cost_usd"
    assert one(family, columns, "planned") == ("subscription", "0", "0.019846")
    assert one(family, columns, "mixed") == ("wallet", "0.019846", "0.019846")
