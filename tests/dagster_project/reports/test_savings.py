"""Final = (Input + Output) × Discount × Cache factor, on rows written by hand and on random ones."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.reports.savings import savings
from tests.dagster_project.reports.test_trace import ROW

MILLION = Decimal(1_000_000)
#: Money as it is stored: whole picodollars of less than 100,000 USD.
MONEY = st.integers(min_value=1, max_value=10**17).map(lambda pico: Decimal(pico).scaleb(-12))


def product(terms: Mapping[str, Decimal], discount: Decimal, cache: Decimal) -> Decimal:
    with localcontext(prec=60):
        return (sum(terms.values(), Decimal(0)) * discount * cache).quantize(Decimal("1e-12"))


def row(listed: Decimal, discounted: Decimal, final: Decimal, **changes: Any) -> dict[str, Any]:
    tiers = {
        "list_cost_usd": listed,
        "discounted_cost_usd": discounted,
        "cache_optimized_cost_usd": final,
    }
    return ROW | tiers | changes


def test_input_and_output_times_both_factors_are_the_final_cost() -> None:
    """(10,000 x 3 + 500 x 15) / 1e6 = 0.03 + 0.0075; 0.03375 / 0.0375 = 0.9; 0.019845 / 0.03375 = 0.588."""
    saved = savings(ROW)
    assert saved is not None
    assert saved.terms == {"input": Decimal("0.03"), "output": Decimal("0.0075")}
    assert (saved.discount_factor, saved.cache_factor) == (Decimal("0.9"), Decimal("0.588"))
    assert saved.cache_hit_rate == Decimal("0.6")


@given(listed=MONEY, discount=st.integers(1, 1_000_000), cache=st.integers(0, 2_000_000))
def test_the_product_rounded_as_money_is_the_final_cost(listed: Decimal, discount: int, cache: int) -> None:
    """Both factors are quotients rounded at 18 decimals; list, discounted and final are rounded at 12."""
    with localcontext(prec=60):
        discounted = (listed * discount / MILLION).quantize(Decimal("1e-12"))
        final = (discounted * cache / MILLION).quantize(Decimal("1e-12"))
    saved = savings(row(listed, discounted, final))
    assert saved is not None
    assert sum(saved.terms.values()) == listed
    if saved.cache_factor is None:
        assert final == 0
    else:
        assert product(saved.terms, saved.discount_factor, saved.cache_factor) == final


def test_what_no_token_explains_and_another_service_tier_are_terms_of_their_own() -> None:
    """Input 0.03, output 0.0075, a web search at 0.01; standard service would list 0.02 more: 0.0675."""
    saved = savings(
        row(
            Decimal("0.0675"),
            Decimal("0.04275"),
            Decimal("0.04275"),
            service_tier_savings_usd=Decimal("0.02"),
        )
    )
    assert saved is not None
    assert saved.terms == {
        "input": Decimal("0.03"),
        "output": Decimal("0.0075"),
        "other": Decimal("0.01"),
        "standard service": Decimal("0.02"),
    }
    assert saved.cache_factor == 1


@pytest.mark.parametrize("listed", [None, Decimal(0), Decimal("-0.01")])
def test_what_is_unpriced_free_or_given_back_has_no_factors(listed: Decimal | None) -> None:
    assert savings(row(listed, listed, listed)) is None  # type: ignore[arg-type]


def test_a_discount_that_leaves_nothing_leaves_no_cache_factor() -> None:
    saved = savings(row(Decimal("0.0375"), Decimal(0), Decimal(0)))
    assert saved is not None
    assert (saved.discount_factor, saved.cache_factor) == (0, None)
    assert list(saved.text())[1] == "  0 = (0.03 input + 0.0075 output) × 0"
