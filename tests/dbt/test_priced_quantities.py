"""What is priced beside text tokens, and against which list: searches, images, service tiers, other people's bills.

Every call has 10,000 prompt and 500 completion tokens of a made-up provider's model at $3 and $15 a million, which is
0.03 + 0.0075 = $0.0375, with 0.9 to pay.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ingestion.home import Home
from tests.dbt.conftest import FACTS, build, infron_line, land, land_text, rows

OVERRIDES = """provider,model,token_class,usd_per_mtok,min_input_tokens,variant,valid_from,valid_to,reason
acme,m,input,3,0,standard,2026-01-01,,list
acme,m,cache_read,0.3,0,standard,2026-01-01,,list
acme,m,output,15,0,standard,2026-01-01,,list
acme,m,output_image,40,0,standard,2026-01-01,,list
acme,m,web_searches,10000,0,standard,2026-01-01,,list
acme,m,input,1.5,0,batch,2026-01-01,,list
acme,m,cache_read,0.15,0,batch,2026-01-01,,list
acme,m,output,7.5,0,batch,2026-01-01,,list
acme,m,input,6,0,priority,2026-01-01,,list
acme,m,output,30,0,priority,2026-01-01,,list
acme,plain,input,3,0,standard,2026-01-01,,list
acme,plain,output,15,0,standard,2026-01-01,,list
"""


def call(name: str, model: str = "m", tier: str | None = None, **usage: Any) -> dict[str, Any]:
    """A call in Infron's format."""
    details = {"discount_rate": 0.9, **usage.pop("cost_details", {})}
    changes = {"status": usage.pop("status")} if "status" in usage else {}
    return infron_line(
        name, model=f"acme/{model}", service_tier=tier, usage={"cost_details": details, **usage}, **changes
    )


def litellm_call(name: str, *, cache_hit: bool = False, cost: float, searches: int = 0) -> dict[str, Any]:
    """The same call by LiteLLM."""
    return {
        "id": name, "litellm_call_id": name, "call_type": "acompletion", "status": "success", "cache_hit": cache_hit,
        "custom_llm_provider": "acme", "model": "m", "startTime": 1793707200.0, "endTime": 1793707201.0,
        "response_cost": cost, "prompt_tokens": 10000, "completion_tokens": 500, "total_tokens": 10500,
        "metadata": {"usage_object": {"server_tool_use": {"web_search_requests": searches}}},
    }  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One world with all of the calls."""
    home = Home(tmp_path_factory.mktemp("priced") / "home")
    home.config.mkdir(parents=True)
    (home.config / "price_overrides.csv").write_text(OVERRIDES)
    image = {"completion_tokens_details": {"image_tokens": 200}}
    read = {"prompt_tokens_details": {"cached_tokens": 6000, "cache_write_tokens": 0}}
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0}
    own_key = {"is_byok": True, "byok_cost": 0.0375}
    land(
        home,
        "2026-11-01",
        [
            call("searches", native_web_search_requests=3),
            call("searches without a price", "plain", native_web_search_requests=3),
            call("plugin", plugin_web_search_requests=3),
            call("image", **image),
            call("batch", tier="batch"),
            call("batch with cache", tier="batch", **read),
            call("batch with searches", tier="batch", native_web_search_requests=3),
            call("priority", tier="priority"),
            call("batch without a price", "plain", tier="batch"),
            call("batch of nobody", "unknown", tier="batch"),
            call("batch that failed", tier="batch", status="failure", **nothing),
            call("own key", cost=0.001875, cost_details=own_key),
            call("own key, no word of the rest", cost=0.001875, cost_details={"is_byok": True}),
        ],
    )
    land_text(
        home,
        "litellm/logs/dt=2026-11-03/a.ndjson",
        [
            litellm_call("answered from memory", cache_hit=True, cost=0.0),
            litellm_call("searched", cost=0.0675, searches=3),
        ],
    )
    build(home, [*FACTS, "+focus_cost_and_usage"])
    return home


def one(home: Home, columns: str, request: str) -> tuple[Any, ...]:
    """Return a row's columns, money as text without its last zeros."""
    (row,) = rows(home, f"select {columns} from marts.fct_usage_costs where request_id = '{request}'")
    return tuple(f"{value.normalize():f}" if isinstance(value, Decimal) else value for value in row)


TIERS = "list_cost_usd, discounted_cost_usd, cache_optimized_cost_usd"


def test_searches_cost_what_they_cost_on_top_of_the_tokens(home: Home) -> None:
    """3 at $10 a thousand are $0.03: 0.0375 + 0.03 = 0.0675, x 0.9 = 0.06075; $10,000 a million on the row."""
    columns = f"{TIERS}, web_searches, web_searches_usd_per_mtok"
    assert one(home, columns, "searches") == ("0.0675", "0.06075", "0.06075", 3, "10000")
    assert one(home, f"{TIERS}, web_searches", "searched") == ("0.0675", "0.0675", "0.0675", 3)


def test_searches_without_a_price_are_counted_and_leave_the_tokens_priced(home: Home) -> None:
    columns = f"{TIERS}, web_searches, web_searches_usd_per_mtok, unpriced_reason"
    assert one(home, columns, "searches without a price") == ("0.0375", "0.03375", "0.03375", 3, None, None)
    assert one(home, columns, "plugin") == ("0.0375", "0.03375", "0.03375", 0, "10000", None)


def test_image_tokens_are_priced_as_images_with_their_unit_price(home: Home) -> None:
    """10,000 x 3 + 300 x 15 + 200 x 40 = 42,500 millionths; image input without a price is input."""
    columns = "list_cost_usd, output_image_tokens, output_image_usd_per_mtok, input_image_usd_per_mtok"
    assert one(home, columns, "image") == ("0.0425", 200, "40", "3")


@pytest.mark.parametrize(
    ("request_id", "amounts"),
    [
        ("batch", ("0.0375", "0.016875", "0.016875", "0.01875", "0.020625")),
        # Batch: 4,000 x 1.5 + 6,000 x 0.15 + 500 x 7.5 = 10,650 millionths x 0.9.
        ("batch with cache", ("0.0375", "0.016875", "0.009585", "0.01875", "0.020625")),
        # A search costs the same in every tier: (0.01875 + 0.03) x 0.9.
        ("batch with searches", ("0.0675", "0.043875", "0.043875", "0.01875", "0.023625")),
        ("priority", ("0.0375", "0.0675", "0.0675", "-0.0375", "-0.03")),
        ("batch without a price", ("0.0375", "0.03375", "0.03375", "0", "0.00375")),
        ("batch of nobody", (None, None, None, None, None)),
        ("batch that failed", ("0", "0", "0", "0", "0")),
        ("searches", ("0.0675", "0.06075", "0.06075", "0", "0.00675")),
    ],
)
def test_list_is_the_standard_tier_and_another_tier_is_a_discount(
    home: Home, request_id: str, amounts: tuple[str | None, ...]
) -> None:
    """List 0.0375. Batch at half of it 0.01875, x 0.9 = 0.016875: the tier saves 0.01875, the discount all 0.020625.

    Priority at twice of it 0.075, x 0.9 = 0.0675: 0.0375 more for the tier, 0.03 more in all.
    """
    columns = f"{TIERS}, service_tier_savings_usd, discount_savings_usd"
    assert one(home, columns, request_id) == amounts


def test_with_a_key_of_ones_own_the_fee_is_charged_and_the_rest_paid_elsewhere(home: Home) -> None:
    """Fee 0.001875 and 0.0375 to the provider: 0.039375 in all. Unsaid, the provider's part is our price, 0.03375."""
    columns = "charged_cost_usd, economic_cost_usd, billing_mode"
    assert one(home, columns, "own key") == ("0.001875", "0.039375", "byok")
    assert one(home, columns, "own key, no word of the rest") == ("0.001875", "0.035625", "byok")


def test_a_free_call_has_a_list_cost_and_leaves_the_wallet_alone(home: Home) -> None:
    columns = "list_cost_usd, cache_optimized_cost_usd, charged_cost_usd, economic_cost_usd, billing_mode"
    assert one(home, columns, "answered from memory") == ("0.0375", "0", "0", "0", "free")


def test_searches_and_images_are_meters_of_their_own(home: Home) -> None:
    """By Infron 3 + 3 searches at $10 a thousand x 0.9 = 0.054; 200 image tokens x 40 / 10^6 x 0.9 = 0.0072."""
    assert rows(
        home,
        "select SkuMeter, ConsumedUnit, PricingUnit, sum(ConsumedQuantity), sum(ContractedCost)"
        " from marts.focus_cost_and_usage where ServiceName = 'infron'"
        " and SkuMeter in ('Web Searches', 'Output Image Tokens') group by all order by 1",
    ) == [
        ("Output Image Tokens", "Tokens", "1000000 Tokens", Decimal(200), Decimal("0.0072")),
        ("Web Searches", "Searches", "1000000 Searches", Decimal(6), Decimal("0.054")),
    ]
