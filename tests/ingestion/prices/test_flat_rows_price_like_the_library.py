"""prices.parquet against `genai_prices`: the same usage costs the same, to the last digit, at any time and
size.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import genai_prices
import polars as pl
import pytest
from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, Provider, StartDateConstraint, TimeOfDateConstraint

from ingestion.prices.library import model_under

SECOND = timedelta(seconds=1)
NOON = datetime(2026, 11, 20, 12)
EVERY_PLAIN_MODEL = 9

# The library's counts overlap (input includes cached, cached includes cached audio); ours are disjoint.
USAGES: list[tuple[dict[str, int], dict[str, int]]] = [
    ({"input_tokens": 10_000, "output_tokens": 1_000}, {"input": 10_000, "output": 1_000}),
    (
        {
            "input_tokens": 10_000,
            "cache_read_tokens": 4_000,
            "cache_write_tokens": 1_500,
            "cache_write_1h_tokens": 500,
            "output_tokens": 1_000,
            "output_reasoning_tokens": 300,
        },
        {
            "input": 4_500,
            "cache_read": 4_000,
            "cache_write_5m": 1_000,
            "cache_write_1h": 500,
            "output": 700,
            "output_reasoning": 300,
        },
    ),
    (
        {
            "input_tokens": 7_001,
            "cache_read_tokens": 2_000,
            "input_audio_tokens": 300,
            "input_image_tokens": 200,
            "input_video_tokens": 50,
            "cache_audio_read_tokens": 100,
            "cache_image_read_tokens": 70,
            "output_tokens": 900,
            "output_audio_tokens": 90,
            "output_image_tokens": 80,
            "output_video_tokens": 7,
            "output_citation_tokens": 11,
            "web_searches": 3,
            "storage_searches": 2,
            "input_characters": 1_234,
            "input_text_messages": 5,
            "audio_seconds": 91,
            "input_audio_seconds": 91,
            "input_document_pages": 10,
            "input_annotated_document_pages": 4,
        },
        {
            "input": 7_001 - 300 - 200 - 50 - 1_830,
            "cache_read": 1_830,
            "cache_read_audio": 100,
            "cache_read_image": 70,
            "input_audio": 200,
            "input_image": 130,
            "input_video": 50,
            "output": 900 - 188,
            "output_audio": 90,
            "output_image": 80,
            "output_video": 7,
            "output_citation": 11,
            "web_searches": 3,
            "storage_searches": 2,
            "input_characters": 1_234,
            "input_text_messages": 5,
            "input_audio_seconds": 91,
            "input_document_pages": 6,
            "input_annotated_document_pages": 4,
        },
    ),
]


def price_objects(model: ModelInfo) -> list[ModelPrice]:
    prices = (
        [model.prices] if isinstance(model.prices, ModelPrice) else [entry.prices for entry in model.prices]
    )
    return [*prices, *(variant.prices for variant in model.price_variants or ())]


def tier_starts(model: ModelInfo) -> set[int]:
    values = [value for prices in price_objects(model) for value in prices.__dict__.values()]
    return {tier.start for value in values for tier in getattr(value, "tiers", ())}


def moments(model: ModelInfo) -> list[datetime]:
    """Noon of a known day, and every change of the model's prices: a second before it, at it, a second
    after.
    """
    conditions = [] if isinstance(model.prices, ModelPrice) else model.prices
    changes = set()
    for constraint in (entry.constraint for entry in [*conditions, *(model.price_variants or ())]):
        if isinstance(constraint, StartDateConstraint):
            changes.add(datetime.combine(constraint.start_date, time()))
        elif isinstance(constraint, TimeOfDateConstraint):
            days = [
                datetime(2025, 5, 4),
                datetime(2026, 8, 16),
                datetime(2026, 8, 17),
                datetime(2026, 11, 20),
            ]
            for edge in (constraint.start_time, constraint.end_time):
                changes |= {day.replace(hour=edge.hour, minute=edge.minute) for day in days}
    return [NOON, *(change + step for change in sorted(changes) for step in (-SECOND, timedelta(), SECOND))]


def contexts(model: ModelInfo) -> dict[str, dict[str, str] | None]:
    named = {}
    for variant in model.price_variants or ():
        ((key, value),) = variant.when.items()
        named[value if key in ("service_tier", "processing", "speed") else f"{key}={value}"] = variant.when
    return {"standard": None, **named}


def usages(model: ModelInfo) -> list[tuple[dict[str, int], dict[str, int]]]:
    at_edges = [
        ({"input_tokens": tokens, "output_tokens": 7}, {"input": tokens, "output": 7})
        for start in tier_starts(model)
        for tokens in (start, start + 1)
    ]
    pushed_over = [
        (
            {"input_tokens": start + 1, "cache_read_tokens": start, "output_tokens": 7},
            {"input": 1, "cache_read": start, "output": 7},
        )
        for start in tier_starts(model)
    ]
    return [*USAGES, *at_edges, *pushed_over]


def is_special(model: ModelInfo) -> bool:
    return bool(not isinstance(model.prices, ModelPrice) or model.price_variants or tier_starts(model))


def sample(provider: Provider) -> list[ModelInfo]:
    """Every dated, tiered or variant model, and every ninth of the plain ones."""
    plain = [model for model in provider.models if not is_special(model)]
    return [model for model in provider.models if is_special(model)] + plain[::EVERY_PLAIN_MODEL]


def library_bill(
    model: ModelInfo, provider: Provider, at: datetime, usage: dict[str, int], context: object
) -> tuple[Decimal, ...]:
    price = model.calc_price(
        genai_prices.Usage(**usage),
        provider,
        genai_request_timestamp=at.replace(tzinfo=UTC),
        price_context=context,
    )
    return price.input_price, price.output_price, price.total_price


def as_billed(bill: tuple[Decimal, ...] | None) -> tuple[Decimal, ...]:
    """USD to 20 places: an hour is 3600 seconds, and a third of a cent has no last digit to compare."""
    if bill is None:
        return (Decimal(0),) * 3
    return tuple(round(part, 20) for part in bill)


@pytest.mark.parametrize("part", range(8))
def test_every_dated_tiered_and_variant_price_is_what_the_library_charges(flat_prices, part: int) -> None:
    models = [(provider, model) for provider in providers for model in sample(provider)]
    for provider, model in models[part::8]:
        for at in moments(model):
            for variant, context in contexts(model).items():
                for usage, counts in usages(model):
                    expected = library_bill(model, provider, at, usage, context)
                    bill = flat_prices.bill(provider.id, model.id, at, counts, variant)
                    assert as_billed(bill) == as_billed(expected), (provider.id, model.id, at, variant, usage)


def test_the_list_price_counts_cached_tokens_as_input(flat_prices) -> None:
    usage, counts = USAGES[1]
    uncached = {"input_tokens": usage["input_tokens"], "output_tokens": 1_000, "output_reasoning_tokens": 300}
    for provider in providers:
        for model in provider.models[::20]:
            expected = library_bill(model, provider, NOON, uncached, None)
            bill = flat_prices.list_bill(provider.id, model.id, NOON, counts)
            assert as_billed(bill) == as_billed(expected), (provider.id, model.id)


def test_a_borrowed_price_list_is_charged_under_the_borrower(flat_prices) -> None:
    """Azure prices gpt-5 from OpenAI's list, and never a flex or batch price of OpenAI's."""
    found = model_under("azure", "gpt-5")
    assert (found.provider, found.model) == ("azure", "openai/gpt-5")
    for context in (None, {"service_tier": "flex"}, {"processing": "batch"}):
        for usage, counts in USAGES:
            expected = genai_prices.calc_price(
                genai_prices.Usage(**usage),
                "gpt-5",
                provider_id="azure",
                genai_request_timestamp=NOON.replace(tzinfo=UTC),
                price_context=context,
            )
            variant = next(iter(context.values())) if context else "standard"
            assert (
                flat_prices.bill("azure", "openai/gpt-5", NOON, counts, variant).total == expected.total_price
            )


@pytest.mark.parametrize(
    ("input_tokens", "usd"),
    [(200_000, "0.600000"), (200_001, "1.200006")],
)
def test_a_tier_begins_above_its_edge_and_takes_the_whole_request(
    flat_prices, input_tokens: int, usd: str
) -> None:
    """200 000 tokens × $3/M = $0.60; 200 001 × $6/M = $1.200006 (claude-sonnet-4-5)."""
    bill = flat_prices.bill("anthropic", "claude-sonnet-4-5", NOON, {"input": input_tokens})
    assert bill.input == Decimal(usd)


@pytest.mark.parametrize(
    ("at", "usd"),
    [
        ("00:59:59.999999", "0.15"),
        ("01:00:00", "0.30"),
        ("03:59:59.999999", "0.30"),
        ("04:00:00", "0.15"),
        ("06:00:00", "0.30"),
        ("10:00:00", "0.15"),
        ("23:59:59.999999", "0.15"),
    ],
)
def test_a_peak_hour_has_the_peak_price(flat_prices, at: str, usd: str) -> None:
    """deepseek-flash: 1 000 000 tokens × $0.15/M, × $0.30/M from 01:00 to 04:00 and from 06:00 to 10:00
    UTC.
    """
    moment = datetime.fromisoformat(f"2026-11-20T{at}")
    assert flat_prices.bill("deepseek", "deepseek-flash", moment, {"input": 10**6}).total == Decimal(usd)


@pytest.mark.parametrize(("day", "usd"), [("2026-10-13", "2"), ("2026-10-14", "1")])
def test_batch_is_full_price_before_the_catalogue_dates_it(flat_prices, day: str, usd: str) -> None:
    """gpt-4.1, batch: 1 000 000 tokens × $2/M until 2026-10-13, × $1/M from 2026-10-14."""
    at = datetime.fromisoformat(day)
    assert flat_prices.bill("openai", "gpt-4.1", at, {"input": 10**6}, "batch").total == Decimal(usd)


def test_a_missing_cache_price_is_the_input_price(flat_prices) -> None:
    """gpt-4.1 has no cache-write price: 1 000 000 written tokens × $2/M = $2, though a read is $0.50/M."""
    for name, usd in (("cache_write_5m", "2"), ("cache_write_1h", "2"), ("cache_read", "0.5")):
        assert flat_prices.bill("openai", "gpt-4.1", NOON, {name: 10**6}).total == Decimal(usd)


def test_a_unit_that_a_model_does_not_bill_costs_nothing(flat_prices) -> None:
    """mistral-ocr-latest is billed by the page: 1 000 pages × $4/k = $4, its tokens are not billed."""
    counts = {"input": 10_000, "output": 1_000, "input_document_pages": 1_000}
    assert flat_prices.bill("mistral", "mistral-ocr-latest", NOON, counts).total == Decimal("4")


def test_an_empty_price_object_is_unknown_and_not_zero(flat_prices) -> None:
    """The library answers $0 for cerebras/qwen-3-coder-480b, although it is not stated to be free."""
    usage = genai_prices.Usage(input_tokens=10_000, output_tokens=1_000)
    assert genai_prices.calc_price(usage, "qwen-3-coder-480b", provider_id="cerebras").total_price == 0
    assert flat_prices.bill("cerebras", "qwen-3-coder-480b", NOON, {"input": 10_000, "output": 1_000}) is None
    (row,) = flat_prices.rows["cerebras", "qwen-3-coder-480b"]
    assert (row["token_class"], row["price"], row["is_free_or_unknown"]) == ("input", None, True)


def test_every_empty_price_object_has_its_row(flat_prices) -> None:
    empty = {
        (provider.id, model.id)
        for provider in providers
        for model in provider.models
        if not any(value for prices in price_objects(model) for value in prices.__dict__)
    }
    assert len(empty) > 100
    for key in empty:
        assert [row["is_free_or_unknown"] for row in flat_prices.rows[key]] == [True]


@pytest.mark.shared_data
def test_the_oracle_of_three_thousand_usages_is_met_exactly(flat_prices, shared_data: Path) -> None:
    """Left out, as its README says: usages with more cached tokens than prompt tokens."""
    usages = pl.read_parquet(shared_data / "oracles" / "genai_prices_dev.parquet")
    priced = 0
    for usage in usages.iter_rows(named=True):
        cached = usage["cached_tokens"] + usage["cache_creation_5m"] + usage["cache_creation_1h"]
        if cached > usage["prompt_tokens"]:
            assert usage["case"] == "cached_gt_prompt_anomaly"
            continue
        counts = {
            "input": usage["prompt_tokens"] - cached,
            "cache_read": usage["cached_tokens"],
            "cache_write_5m": usage["cache_creation_5m"],
            "cache_write_1h": usage["cache_creation_1h"],
            "output": usage["completion_tokens"] - usage["reasoning_tokens"],
            "output_reasoning": usage["reasoning_tokens"],
        }
        found = model_under(usage["provider_id"], usage["model_ref"])
        at = usage["request_ts"].astimezone(UTC).replace(tzinfo=None)
        bill = flat_prices.bill(found.provider, found.model, at, counts)
        expected = tuple(Decimal(usage[name]) for name in ("input_price", "output_price", "total_price"))
        assert bill == expected, usage
        assert found.model in (usage["matched_model"], f"openai/{usage['matched_model']}")
        priced += 1
    assert priced == 3_033 - 8
