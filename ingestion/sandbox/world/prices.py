"""The price table of the sandbox's gateway, in integers.

The sandbox is independent, so it does not use the catalogue. The figures are the public list prices of its models; a
test compares them with the catalogue. A price is a whole number of 10⁻¹² USD per token, which is the list price in USD
per million tokens times 10⁶: every product with a token count is exact.

What a request costs with these prices is in rating.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

OPEN = date(2000, 1, 1)
"""Start of a price that is valid from the beginning."""

UNKNOWN_MODEL = "nimbus/nova-chat-2"
"""A slug that is in no catalogue; the gateway charges for it anyway."""


@dataclass(frozen=True)
class Price:
    """Unit prices of one model from one day on, for requests with more than `above` input tokens.

    Amounts are 10⁻¹² USD per token. A class without its own price has the input price.
    """

    slug: str
    valid_from: date
    above: int
    input: int
    output: int
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None


def usd_per_million(text: str) -> int:
    """Turn `"0.2288"` (USD per million tokens, at most six decimals) into 10⁻¹² USD per token."""
    whole, _, fraction = text.partition(".")
    if len(fraction) > 6:
        raise ValueError(f"price {text} has more than six decimals")
    return int(whole) * 10**6 + int(fraction.ljust(6, "0"))


def _price(slug: str, since: date, above: int, *texts: str | None) -> Price:
    """Build a price from texts in the order input, output, cache read, cache write 5 min, cache write 1 h."""
    return Price(slug, since, above, *[None if text is None else usd_per_million(text) for text in texts])


PRICES: tuple[Price, ...] = (
    _price("google-ai-studio/gemini-2.5-flash-preview-09-2025", OPEN, 0, "0.3", "2.5", "0.03"),
    _price("google-ai-studio/gemini-2.5-pro", OPEN, 0, "1.25", "10", "0.125"),
    _price("google-ai-studio/gemini-2.5-pro", OPEN, 200_000, "2.5", "15", "0.25"),
    _price("openai/gpt-4o", OPEN, 0, "2.5", "10", "1.25"),
    _price("openai/gpt-4o-mini", OPEN, 0, "0.15", "0.6", "0.075"),
    _price("openai/gpt-5-mini", OPEN, 0, "0.25", "2", "0.025"),
    _price("openai/gpt-5.6-sol", OPEN, 0, "5", "30", "0.5"),
    _price("openai/gpt-5.6-sol", date(2026, 8, 21), 0, "4", "20", "0.4"),
    _price("anthropic/claude-sonnet-4-5", OPEN, 0, "3", "15", "0.3", "3.75", "6"),
    _price("anthropic/claude-sonnet-4-5", OPEN, 200_000, "6", "22.5", "0.6", "7.5", "12"),
    _price("anthropic/claude-haiku-4-5", OPEN, 0, "1", "5", "0.1", "1.25", "2"),
    _price("deepseek/deepseek-v3.2", OPEN, 0, "0.2288", "0.3432"),
    _price("mistral/mistral-large-4", OPEN, 0, "0.68", "2.09", "0.07"),
    _price("mistral/mistral-large-4", date(2026, 10, 20), 0, "1.36", "4.18", "0.14"),
    _price("mistral/mistral-large-4", date(2026, 10, 29), 0, "0.7", "2.1", "0.07"),
    _price(UNKNOWN_MODEL, OPEN, 0, "0.9", "3.6", "0.09"),
)

MODELS: tuple[str, ...] = tuple(dict.fromkeys(price.slug for price in PRICES))
"""Slugs in table order; a model's position here is its number in the traffic."""

LONGEST_ORDINARY_PROMPT = 150_000
"""Maximum input tokens of a request on a model whose long-context tier is not in the table."""


def price_on(slug: str, day: date, above: int = 0) -> Price:
    """Return the price of a model on a day; `above` picks the tier, falling back to the base tier."""
    dated = [price for price in PRICES if price.slug == slug and price.valid_from <= day]
    tier = [price for price in dated if price.above == above] or [
        price for price in dated if price.above == 0
    ]
    return max(tier, key=lambda price: price.valid_from)


def change_days(slug: str) -> list[date]:
    """Days on which a model's base price changed, oldest first."""
    return sorted(price.valid_from for price in PRICES if price.slug == slug and price.valid_from != OPEN)
