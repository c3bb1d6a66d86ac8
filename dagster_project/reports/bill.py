"""The bill of one request: tokens × price per class, discount, total.

a row of fct_usage_costs → Bill (computed again in Decimal, from the tokens and unit prices on the row) → lines of text,
or JSON. An amount that no token class explains (a price per call, a request fee) has its own line. A bill says whether
its lines add up to the row's amounts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from dagster_project.dbt_runner.token_classes import token_classes

PER_MTOK = Decimal("0.000001")
PLACES = Decimal("0.000000000001")

#: Disjoint classes in the order of a bill: label, column of tokens (or searches), column of the price per million.
CLASSES = (
    *((entry.label, entry.tokens, entry.price) for entry in token_classes()),
    ("web searches", "web_searches", "web_searches_usd_per_mtok"),
)
OTHER = "not by these tokens"


@dataclass(frozen=True)
class Line:
    """One line: tokens × unit price (USD per million) = amount (USD); a charge without tokens has neither."""

    label: str
    tokens: int | None
    usd_per_mtok: Decimal | None
    amount_usd: Decimal


@dataclass(frozen=True)
class Bill:
    """What a request should have cost; `follows` is whether the lines add up to the amounts on the row."""

    lines: tuple[Line, ...]
    factor: Decimal
    own_price_usd: Decimal
    list_usd: Decimal
    discounted_usd: Decimal
    total_usd: Decimal
    follows: bool

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; money as text."""
        return {
            "lines": [
                {
                    "label": line.label,
                    "tokens": line.tokens,
                    "usd_per_mtok": None if line.usd_per_mtok is None else plain(line.usd_per_mtok),
                    "amount_usd": plain(line.amount_usd),
                }
                for line in self.lines
            ],
            "at_own_prices_usd": plain(self.own_price_usd),
            "discount_factor": plain(self.factor),
            "total_usd": plain(self.total_usd),
            "follows": self.follows,
        }

    def text(self, factor_reason: str) -> Iterator[str]:
        """Yield the bill and its comparison with the list cost."""
        yield _columns("the bill", "tokens", "USD/million", "USD")
        for line in self.lines:
            tokens = "" if line.tokens is None else f"{line.tokens:,}"
            price = "" if line.usd_per_mtok is None else plain(line.usd_per_mtok)
            yield _columns(f"  {line.label}", tokens, price, plain(line.amount_usd))
        if not self.lines:
            yield "  nothing was used"
        yield _columns("  every class at its own price", "", "", plain(self.own_price_usd))
        yield _columns(
            f"  × {plain(self.factor)}, {factor_reason}", "", "", plain(self.total_usd - self.own_price_usd)
        )
        yield _columns("  cache-optimized cost", "", "", plain(self.total_usd))
        if not self.follows:
            yield "  these lines do not add up to the amounts on the row; the row is what the books hold"
        yield ""
        yield _columns("against list", "", "", "USD")
        yield _columns("  list cost, every prompt token as input", "", "", plain(self.list_usd))
        yield _columns("  less discount savings", "", "", plain(self.discounted_usd - self.list_usd))
        yield _columns("  discounted cost", "", "", plain(self.discounted_usd))
        yield _columns("  less cache savings", "", "", plain(self.total_usd - self.discounted_usd))
        yield _columns("  cache-optimized cost", "", "", plain(self.total_usd))


def bill(event: Mapping[str, Any]) -> Bill | None:
    """Return the bill of a row of fct_usage_costs; None if it is unpriced."""
    if event["list_cost_usd"] is None:
        return None
    factor = event["discount_factor"] if event["discount_factor"] is not None else Decimal(1)
    lines = [
        Line(label, event[tokens], event[price], event[tokens] * event[price] * PER_MTOK)
        for label, tokens, price in CLASSES
        if event.get(tokens) and event.get(price) is not None and by_tokens(event)
    ]
    own_price, total = event["cache_list_cost_usd"], event["cache_optimized_cost_usd"]
    counted = sum((line.amount_usd for line in lines), Decimal())
    if abs(own_price - counted) >= PLACES:
        lines.append(Line(OTHER, None, None, own_price - counted))
        counted = own_price
    free = event["billing_mode"] == "free"
    follows = free or (counted * factor).quantize(PLACES, ROUND_HALF_UP) == total
    return Bill(
        tuple(lines), factor, own_price, event["list_cost_usd"], event["discounted_cost_usd"], total, follows
    )


def by_tokens(event: Mapping[str, Any]) -> bool:
    """Whether the charge is by tokens; a price per call, a refund and an adjustment have no unit prices."""
    return event["billing_mode"] not in ("per_call", "tiered_expr") and event["event_type"] == "llm_call"


def plain(number: Decimal) -> str:
    """Write a number without exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _columns(label: str, tokens: str, price: str, amount: str) -> str:
    return f"{label:<46} {tokens:>12} {price:>12} {amount:>18}".rstrip()
