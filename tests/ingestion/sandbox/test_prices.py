"""The sandbox's own price table compared with the catalogue, which it does not use."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import genai_prices
import pytest

from ingestion.sandbox.world.prices import OPEN, PRICES, UNKNOWN_MODEL, Price, usd_per_million
from ingestion.sandbox.world.traffic import FIRST_DAY

CATALOGUE_PROVIDERS = {"google-ai-studio": "google"}
PRICED = [price for price in PRICES if price.slug != UNKNOWN_MODEL]
CLASSES = {"input": "input_mtok", "output": "output_mtok", "cache_read": "cache_read_mtok"}
WRITES = {"cache_write_5m": "cache_write_mtok", "cache_write_1h": "cache_write_1h_mtok"}


def catalogue_price(price: Price, name: str) -> Decimal | None:
    """The catalogue's price of one class on the first day the sandbox's price holds, USD per million."""
    provider, model = price.slug.split("/", 1)
    day = FIRST_DAY if price.valid_from == OPEN else price.valid_from
    found = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=price.above + 1, output_tokens=1),
        model_ref=model,
        provider_id=CATALOGUE_PROVIDERS.get(provider, provider),
        genai_request_timestamp=datetime.combine(day, time(), UTC),
    )
    value = getattr(found.model_price, name)
    for tier in getattr(value, "tiers", []):
        if price.above + 1 > tier.start:
            return tier.price
    return getattr(value, "base", value)


@pytest.mark.parametrize("price", PRICED, ids=lambda price: f"{price.slug}@{price.valid_from}>{price.above}")
def test_every_price_of_the_sandbox_is_the_catalogues(price: Price) -> None:
    """10⁻¹² USD per token ÷ 10⁶ = USD per million tokens; a class without a price is in neither."""
    classes = CLASSES | (WRITES if price.slug.startswith("anthropic/") else {})
    for name, theirs in classes.items():
        ours = getattr(price, name)
        assert (None if ours is None else Decimal(ours) / 10**6) == catalogue_price(price, theirs), name


@pytest.mark.parametrize(
    "price",
    [price for price in PRICED if price.valid_from != OPEN],
    ids=lambda price: f"{price.slug}@{price.valid_from}",
)
def test_a_price_changes_on_the_day_of_the_catalogue(price: Price) -> None:
    """The day before, the catalogue still has another input price."""
    before = Price(price.slug, price.valid_from - timedelta(days=1), 0, 0, 0)
    assert catalogue_price(before, "input_mtok") != catalogue_price(price, "input_mtok")


def test_the_unknown_model_is_in_no_catalogue() -> None:
    provider, model = UNKNOWN_MODEL.split("/", 1)
    for provider_id in (provider, None):
        with pytest.raises(LookupError):
            genai_prices.calc_price(
                genai_prices.Usage(input_tokens=1), model_ref=model, provider_id=provider_id
            )


def test_a_price_text_becomes_whole_units() -> None:
    """0.2288 USD per million tokens is 228 800 × 10⁻¹² USD per token."""
    assert usd_per_million("0.2288") == 228_800
    assert usd_per_million("15") == 15_000_000
    with pytest.raises(ValueError, match="more than six decimals"):
        usd_per_million("0.1234567")
