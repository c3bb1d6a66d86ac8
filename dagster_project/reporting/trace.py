"""One request, explained: every field, and the formula of each tier written out with its numbers.

The sums here are done again from the unit prices and token counts on the row, in Decimal, and set beside what
the row says: a reader sees that the number follows, not only that it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from dagster_project.reporting.marts import published
from ingestion.home import Home

PER_MTOK = Decimal("0.000001")
PLACES = Decimal("0.000000000001")

#: Token classes a row can be priced by, with the unit price each is multiplied with.
OUTPUT_CLASSES = (
    ("input_audio_tokens", "input_audio_usd_per_mtok"),
    ("output_text_tokens", "output_usd_per_mtok"),
    ("reasoning_tokens", "output_reasoning_usd_per_mtok"),
    ("output_audio_tokens", "output_audio_usd_per_mtok"),
)
CACHED_CLASSES = (
    ("uncached_input_tokens", "input_usd_per_mtok"),
    ("cache_read_tokens", "cache_read_usd_per_mtok"),
    ("cache_write_5m_tokens", "cache_write_5m_usd_per_mtok"),
    ("cache_write_1h_tokens", "cache_write_1h_usd_per_mtok"),
    *OUTPUT_CLASSES,
)
PROMPT_CLASSES = (
    "uncached_input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
)

#: What the formula shows is not repeated in the list of fields.
TIERS = ("list_cost_usd", "discounted_cost_usd", "cache_optimized_cost_usd")


@dataclass(frozen=True)
class Term:
    """One token class of a formula: tokens × unit price (USD per million) = amount (USD)."""

    token_class: str
    tokens: int
    usd_per_mtok: Decimal

    @property
    def amount_usd(self) -> Decimal:
        """The exact product."""
        return self.tokens * self.usd_per_mtok * PER_MTOK

    def __str__(self) -> str:
        price, amount = plain(self.usd_per_mtok), plain(self.amount_usd)
        return f"{self.tokens:,} {self.token_class} × {price} USD/M = {amount}"


@dataclass(frozen=True)
class Formula:
    """One tier: its terms, the factor on their sum, and the amount the row holds."""

    tier: str
    terms: tuple[Term, ...]
    factor: Decimal
    factor_reason: str
    on_row: Decimal

    @property
    def total(self) -> Decimal:
        """The sum times the factor, rounded once, half away from zero, at 12 decimals."""
        exact = sum((term.amount_usd for term in self.terms), Decimal()) * self.factor
        return exact.quantize(PLACES, ROUND_HALF_UP)

    @property
    def follows(self) -> bool:
        """Whether these terms alone come to the amount on the row."""
        return self.total == self.on_row

    def lines(self) -> Iterator[str]:
        """Yield the formula as a person reads it."""
        yield f"{self.tier}:"
        for term in self.terms:
            yield f"    {term}"
        if not self.terms:
            yield "    no priced tokens"
        if self.factor != 1:
            yield f"    × {plain(self.factor)} ({self.factor_reason})"
        yield f"    = {plain(self.total)} USD"
        if not self.follows:
            yield f"    on the row: {plain(self.on_row)} USD (more classes than these, or ruled free)"


def trace(home: Home, request_id: str) -> list[dict[str, Any]]:
    """Return every published event of a request id, oldest first; empty if there is none.

    Raises:
        NothingPublished: no run has published yet.
    """
    with published(home) as marts:
        found = marts.sql(
            "select * from fct_usage_costs where request_id = $id order by occurred_at, event_id",
            params={"id": request_id},
        )
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def formulas(event: Mapping[str, Any]) -> list[Formula]:
    """Return the three tiers of an event; none if it is unpriced."""
    if event["list_cost_usd"] is None:
        return []
    factor = event["discount_factor"] if event["discount_factor"] is not None else Decimal(1)
    reason = (
        f"rule {event['discount_rule_id']}" if event["discount_rule_id"] else "the factor the gateway states"
    )
    prompt = sum(event[name] or 0 for name in PROMPT_CLASSES)
    plain_terms = (
        *_terms(event, OUTPUT_CLASSES, first=("input_tokens", prompt, event["input_usd_per_mtok"])),
    )
    cached_terms = (*_terms(event, CACHED_CLASSES),)
    return [
        Formula("list_cost_usd", plain_terms, Decimal(1), "", event["list_cost_usd"]),
        Formula("discounted_cost_usd", plain_terms, factor, reason, event["discounted_cost_usd"]),
        Formula("cache_optimized_cost_usd", cached_terms, factor, reason, event["cache_optimized_cost_usd"]),
    ]


def as_text(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield an event as a person reads it: where it came from, every field, the formulas."""
    yield f"{event['source']} {event['request_id']}"
    yield f"delivered as landing/{event['raw_file']}, line {event['raw_line']}"
    for name, value in event.items():
        if name not in ("raw_file", "raw_line", *TIERS):
            yield f"  {name:<30} {readable(value)}"
    if event["list_cost_usd"] is None:
        yield f"not priced: {event['unpriced_reason']}"
    else:
        yield f"price: {event['priced_model']} from {event['price_source']} {event['price_version']}"
    for formula in formulas(event):
        yield from formula.lines()


def as_json(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event with its formulas as plain JSON values; money as text."""
    return {name: _json_value(value) for name, value in event.items()} | {
        "formulas": [
            {
                "tier": formula.tier,
                "terms": [
                    {
                        "token_class": term.token_class,
                        "tokens": term.tokens,
                        "usd_per_mtok": plain(term.usd_per_mtok),
                        "amount_usd": plain(term.amount_usd),
                    }
                    for term in formula.terms
                ],
                "factor": plain(formula.factor),
                "total_usd": plain(formula.total),
                "on_row_usd": plain(formula.on_row),
            }
            for formula in formulas(event)
        ]
    }


def plain(number: Decimal) -> str:
    """Write a number without exponent and without the zeros of its column's width."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def readable(value: Any) -> str:
    """Write one field for a person."""
    if value is None:
        return "–"
    if isinstance(value, Decimal):
        return plain(value)
    return f"{value} UTC" if isinstance(value, datetime) else str(value)


def _terms(
    event: Mapping[str, Any],
    classes: tuple[tuple[str, str], ...],
    first: tuple[str, int, Decimal | None] | None = None,
) -> Iterator[Term]:
    counted = [(name, event[name] or 0, event[price]) for name, price in classes]
    for name, tokens, price in [first, *counted] if first else counted:
        if tokens and price is not None:
            yield Term(name.removesuffix("_tokens"), tokens, price)


def _json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, date | datetime) else value
