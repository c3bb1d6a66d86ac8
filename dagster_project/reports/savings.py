"""Final = (Input + Output) × Discount × Cache factor, for one request.

a row of fct_usage_costs → Savings: the terms of its list cost and two factors, from the amounts on the row → lines of
text, or JSON. The factors are quotients of the three tiers with 18 decimals, as in the published `request_savings`; the
product, rounded to the 12 decimals of money, is the cache-optimized cost. Ruling: docs/decisions/reports.md#reports-8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from dagster_project.dbt_runner.token_classes import token_classes
from dagster_project.reports.bill import by_tokens, plain

_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
_MONEY = Decimal("1e-12")
_FACTOR = Decimal("1e-18")
_SHARE = Decimal("1e-6")
_PER_MTOK = Decimal("0.000001")


@dataclass(frozen=True)
class Savings:
    """What discounts and the cache made of a request's list cost.

    Attributes:
        terms: what the list cost is the sum of, by name, USD: input, output, and what neither explains.
        discount_factor: discounted over list cost.
        cache_factor: cache-optimized over discounted cost; None if the discount left nothing.
        final_usd: cache-optimized cost.
        cache_hit_rate: cache reads over all prompt tokens; None without any.
    """

    terms: Mapping[str, Decimal]
    discount_factor: Decimal
    cache_factor: Decimal | None
    final_usd: Decimal
    cache_hit_rate: Decimal | None

    def text(self) -> Iterator[str]:
        """Yield the equation with its numbers, and the percentages."""
        yield "Final = (Input + Output) × Discount × Cache factor"
        terms = " + ".join(f"{plain(amount)} {name}" for name, amount in self.terms.items())
        cache = "" if self.cache_factor is None else f" × {plain(self.cache_factor)}"
        yield f"  {plain(self.final_usd)} = ({terms}) × {plain(self.discount_factor)}{cache}"
        saved = 1 - self.discount_factor * (Decimal(1) if self.cache_factor is None else self.cache_factor)
        shares = [f"discount {_percent(1 - self.discount_factor)}"]
        if self.cache_factor is not None:
            shares.append(f"cache savings {_percent(1 - self.cache_factor)} of the discounted cost")
        shares.append(f"both {_percent(saved)} of list")
        if self.cache_hit_rate is not None:
            shares.append(f"cache hit rate {_percent(self.cache_hit_rate)}")
        yield f"  {', '.join(shares)}"

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; numbers as text."""
        return {
            "list_usd": {name: plain(amount) for name, amount in self.terms.items()},
            "discount_factor": plain(self.discount_factor),
            "cache_factor": None if self.cache_factor is None else plain(self.cache_factor),
            "final_usd": plain(self.final_usd),
            "cache_hit_rate": None if self.cache_hit_rate is None else plain(self.cache_hit_rate),
        }


def savings(event: Mapping[str, Any]) -> Savings | None:
    """Return the savings of a row of fct_usage_costs; None if it is unpriced, a refund, or listed at nothing."""
    listed = event["list_cost_usd"]
    if listed is None or listed <= 0:
        return None
    discounted, final = event["discounted_cost_usd"], event["cache_optimized_cost_usd"]
    prompt = sum(event.get(entry.tokens) or 0 for entry in token_classes() if entry.side == "input")
    cached = sum(event.get(entry.tokens) or 0 for entry in token_classes() if entry.is_cache_read)
    return Savings(
        _terms(event),
        _quotient(discounted, listed, _FACTOR),
        _quotient(final, discounted, _FACTOR) if discounted > 0 else None,
        final,
        _quotient(Decimal(cached), Decimal(prompt), _SHARE) if prompt > 0 else None,
    )


def _terms(event: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return what the list cost is the sum of; input carries its rounding."""
    service_tier = event.get("service_tier_savings_usd") or Decimal(0)
    sides = {
        side: sum(
            (
                event[entry.tokens] * event[entry.list_price] * _PER_MTOK
                for entry in token_classes()
                if entry.side == side and event.get(entry.tokens) and event.get(entry.list_price) is not None
            ),
            Decimal(0),
        ).quantize(_MONEY, ROUND_HALF_UP)
        if by_tokens(event)
        else Decimal(0)
        for side in ("input", "output")
    }
    other = event["list_cost_usd"] - service_tier - sides["input"] - sides["output"]
    if abs(other) <= _MONEY:
        sides["input"] += other
        other = Decimal(0)
    terms = {**sides, "other": other, "standard service": service_tier}
    return {name: amount for name, amount in terms.items() if amount} or {"input": Decimal(0)}


def _quotient(numerator: Decimal, denominator: Decimal, places: Decimal) -> Decimal:
    return _EXACT.quantize(_EXACT.divide(numerator, denominator), places)


def _percent(share: Decimal) -> str:
    return f"{plain((share * 100).quantize(Decimal('0.01'), ROUND_HALF_UP))} %"
