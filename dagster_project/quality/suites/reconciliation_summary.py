"""The suite of the reconciliation of invoices and payments; warehouse.py computes its columns from recon_summary.

That every status is a known one is a dbt test of recon_invoice_payments.
"""

from __future__ import annotations

from dagster_project.quality.suites import Expectation, Suite

RECONCILIATION_SUMMARY = Suite(
    name="reconciliation_summary",
    version=1,
    subject="a month of recon_summary; its day is the first of the month",
    holds_back="the publication",
    expectations=(
        Expectation("rows_count_items", "fewest_items", "Fewest items of a row.", least=1),
        Expectation(
            "money_moves_one_way",
            "fewest_minor",
            "Smallest of the received, refunded and disputed sums of a row, in minor units.",
            least=0,
        ),
        Expectation(
            "items_have_an_age",
            "least_age_days",
            "Lowest age in days; below 0 an item is younger than the billing data.",
            least=0,
            is_blocking=False,
        ),
        Expectation(
            "most_items_are_settled",
            "unmatched_share",
            "Share of items whose status does not begin with matched; null below 20 items.",
            most=0.5,
            is_blocking=False,
        ),
    ),
)
