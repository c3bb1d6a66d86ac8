"""The suite of the daily rollup; warehouse.py computes its columns from fct_usage_daily."""

from __future__ import annotations

from dagster_project.quality.suites import Expectation, Suite

USAGE_ROLLUP = Suite(
    name="usage_rollup",
    version=1,
    subject="an event day of a source in fct_usage_daily, without adjustments",
    holds_back="the publication",
    expectations=(
        Expectation("rows_count_requests", "fewest_requests", "Fewest requests of a row.", least=1),
        Expectation("tokens_are_not_negative", "fewest_tokens", "Smallest token count of a row.", least=0),
        Expectation(
            "calls_have_a_key",
            "keyless_share",
            "Share of API calls without a key; null where no call of the day has one.",
            most=0.2,
            is_blocking=False,
        ),
        Expectation(
            "a_day_costs_at_least_nothing",
            "cents",
            "List cost of the day in whole cents; a single row may be a refund.",
            least=0,
            is_blocking=False,
        ),
    ),
)
