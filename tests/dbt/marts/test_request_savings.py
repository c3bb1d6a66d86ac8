"""The published view request_savings: factors and shares of random requests, of refunds and of what has no price."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal, localcontext

import duckdb
import pytest

from dagster_project.books.publishing import queries
from dagster_project.dbt_runner.token_classes import token_classes

PICO, PPM = Decimal("1e-12"), Decimal("1e-6")
MONEY = (
    "list_cost_usd",
    "discounted_cost_usd",
    "cache_optimized_cost_usd",
    "discount_savings_usd",
    "cache_savings_usd",
)
TOKENS = tuple(entry.tokens for entry in token_classes() if entry.is_cache_read)
#: Case B of costs: 6,000 of 10,000 prompt tokens were read; a refund; an unpriced call; a model without a price.
CASES = (
    ("mixed", "0.0375", "0.03375", "0.019845", 10_000, 6_000),
    ("refund", "-0.5", "-0.5", "-0.5", 0, 0),
    ("unpriced", None, None, None, 100, 0),
    ("free", "0", "0", "0", 100, 0),
)


def random_requests() -> Iterator[tuple[str, str, str, str, int, int]]:
    """A thousand calls of up to 100,000 USD, of few and of many digits; the cache may cost more than it saves."""
    dice = random.Random("savings")
    with localcontext(prec=60):
        for number in range(1000):
            listed = Decimal(dice.randrange(1, 10 ** dice.randrange(1, 18))) * PICO
            discounted = (listed * dice.randrange(1, 1_000_001) * PPM).quantize(PICO)
            final = (discounted * dice.randrange(0, 2_000_001) * PPM).quantize(PICO)
            prompt = dice.randrange(1, 10**6)
            yield (
                f"random {number}",
                f"{listed:f}",
                f"{discounted:f}",
                f"{final:f}",
                prompt,
                dice.randrange(prompt),
            )


@pytest.fixture(scope="module")
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        columns = ", ".join(
            [
                "request_id varchar",
                *(f"{name} decimal(18, 12)" for name in MONEY),
                "input_tokens bigint",
                *(f"{name} bigint" for name in TOKENS),
            ]
        )
        connection.execute(f"create table fct_usage_costs ({columns})")
        connection.executemany(
            "insert into fct_usage_costs by name select $1 as request_id, $2::decimal(18, 12) as list_cost_usd,"
            " $3::decimal(18, 12) as discounted_cost_usd, $4::decimal(18, 12) as cache_optimized_cost_usd,"
            " $2::decimal(18, 12) - $3::decimal(18, 12) as discount_savings_usd,"
            " $3::decimal(18, 12) - $4::decimal(18, 12) as cache_savings_usd,"
            f" $5::bigint as input_tokens, $6::bigint as {TOKENS[0]}",
            [*CASES, *random_requests()],
        )
        [view] = [query for query in queries() if "create view request_savings" in query]
        connection.execute(view)
        yield connection


def ask(marts: duckdb.DuckDBPyConnection, columns: str, request_id: str) -> tuple:
    [found] = marts.execute(
        f"select {columns} from request_savings where request_id = $1", [request_id]
    ).fetchall()
    return found


def test_a_request_has_its_discount_savings_hit_rate_and_factors(marts: duckdb.DuckDBPyConnection) -> None:
    """0.00375 / 0.0375 = 10 %; 0.013905 / 0.03375 = 41.2 %; 0.017655 / 0.0375 = 47.08 %; 6,000 / 10,000 = 60 %."""
    found = ask(
        marts,
        "discount_share, cache_savings_share, total_savings_share, total_savings_usd, cache_hit_rate,"
        " effective_discount_factor, cache_factor",
        "mixed",
    )
    assert found == tuple(map(Decimal, ("0.1", "0.412", "0.4708", "0.017655", "0.6", "0.9", "0.588")))


def test_list_times_both_factors_rounded_as_money_is_the_final_cost(marts: duckdb.DuckDBPyConnection) -> None:
    """(Input + Output) x Discount x Cache factor, each factor a quotient with 18 decimals."""
    found = marts.sql(
        "select list_cost_usd, effective_discount_factor, cache_factor, cache_optimized_cost_usd from request_savings"
        " where starts_with(request_id, 'random') and discounted_cost_usd > 0"
    ).fetchall()
    assert len(found) > 900
    with localcontext(prec=60):
        assert [row for row in found if (row[0] * row[1] * row[2]).quantize(PICO) != row[3]] == []


@pytest.mark.parametrize("request_id", ["refund", "unpriced", "free"])
def test_a_request_without_a_list_cost_has_no_factor(
    marts: duckdb.DuckDBPyConnection, request_id: str
) -> None:
    assert (
        ask(marts, "effective_discount_factor, cache_factor, total_savings_share", request_id) == (None,) * 3
    )
