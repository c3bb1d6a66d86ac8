"""int_model_prices against `genai_prices`: audio, image and video tokens, cached or not, at every service tier.

Every model of the catalogue that prices media or a service tier is logged once, built, and priced both ways.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal

import genai_prices
from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, Provider

from dagster_project.dbt_runner.token_classes import token_classes
from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, land, rows

NOON = datetime(2026, 11, 20, 12)
TIERS = ("batch", "flex", "priority", "fast")
MEDIA = ("audio", "image", "video")


def prices_media(model: ModelInfo) -> bool:
    """Whether any price object has a price for something that is not text."""
    objects = (
        [model.prices] if isinstance(model.prices, ModelPrice) else [entry.prices for entry in model.prices]
    )
    return any(
        kind in key
        for prices in objects
        for key, price in prices.__dict__.items()
        if price is not None
        for kind in MEDIA
    )


def logged_models() -> dict[str, tuple[Provider, ModelInfo]]:
    """Models with media prices or variants by the slug an Infron log would have."""
    return {
        f"{provider.id}/{model.id}": (provider, model)
        for provider in providers
        for model in provider.models
        if prices_media(model) or model.price_variants
    }


def random_counts(chance: random.Random) -> dict[str, int]:
    """Disjoint counts by class, few enough for the lowest prompt size."""
    return {entry.name: chance.choice([0, 1, chance.randrange(3_000)]) for entry in token_classes()}


def as_library_usage(counts: dict[str, int]) -> dict[str, int]:
    """The same counts as the library takes them: a whole holds its parts, cached audio is audio and cached."""
    inputs = sum(counts[entry.name] for entry in token_classes() if entry.side == "input")
    outputs = sum(counts[entry.name] for entry in token_classes() if entry.side == "output")
    usage = {
        "input_tokens": inputs,
        "cache_read_tokens": counts["cache_read"] + sum(counts[f"cache_read_{kind}"] for kind in MEDIA),
        "cache_write_tokens": counts["cache_write_5m"] + counts["cache_write_1h"],
        "cache_write_1h_tokens": counts["cache_write_1h"],
        "output_tokens": outputs,
        "output_reasoning_tokens": counts["output_reasoning"],
    }
    for kind in MEDIA:
        usage[f"cache_{kind}_read_tokens"] = counts[f"cache_read_{kind}"]
        usage[f"input_{kind}_tokens"] = counts[f"input_{kind}"] + counts[f"cache_read_{kind}"]
        usage[f"output_{kind}_tokens"] = counts[f"output_{kind}"]
    return usage


def library_price(
    provider: Provider, model: ModelInfo, counts: dict[str, int], tier: str | None
) -> tuple[Decimal, Decimal]:
    """USD for input and output as the library bills them."""
    contexts = {
        value: variant.when for variant in model.price_variants or () for value in variant.when.values()
    }
    price = model.calc_price(
        genai_prices.Usage(**as_library_usage(counts)),
        provider,
        genai_request_timestamp=NOON.replace(tzinfo=UTC),
        price_context=contexts.get(tier),
    )
    return price.input_price, price.output_price


def test_every_class_of_tokens_costs_what_the_library_charges(home: Home) -> None:
    """Random counts of every class, at the standard tier and at each other the model has."""
    models = logged_models()
    day = f"{NOON:%Y-%m-%d}"
    land(
        home,
        day,
        [
            infron_line(f"r{n}", model=slug, created_at=f"{day}T12:00:00Z")
            for n, slug in enumerate(sorted(models))
        ],
    )
    build(home, ("+int_model_prices",))
    columns = [entry.price for entry in token_classes()]
    found = {
        (f"{provider}/{model}", variant): dict(
            zip((entry.name for entry in token_classes()), prices, strict=True)
        )
        for provider, model, variant, *prices in rows(
            home,
            f"""
            select price_provider, price_model, variant, {", ".join(columns)}
            from intermediate.int_model_prices
            where
                timestamp '{NOON}' >= valid_from and timestamp '{NOON}' < valid_to and tier_start = 0
                and cast(timestamp '{NOON}' as time) >= tod_start and cast(timestamp '{NOON}' as time) < tod_end
                and price_id is not null
            """,
        )
    }
    chance = random.Random(11)
    priced = {slug for slug, _ in found}
    assert len(priced) >= 100
    wrong = []
    for slug in sorted(priced):
        provider, model = models[slug]
        for tier in (None, *TIERS):
            prices = found.get((slug, tier or "standard"), found[slug, "standard"])
            counts = random_counts(chance)
            ours = [
                sum(
                    (
                        prices[entry.name] * counts[entry.name]
                        for entry in token_classes()
                        if entry.side == side
                    ),
                    Decimal(),
                )
                for side in ("input", "output")
            ]
            theirs = library_price(provider, model, counts, tier)
            if any(
                abs(mine - 1_000_000 * other) > Decimal("1e-12")
                for mine, other in zip(ours, theirs, strict=True)
            ):
                wrong.append((slug, tier, counts, ours, theirs))
    assert wrong == []
