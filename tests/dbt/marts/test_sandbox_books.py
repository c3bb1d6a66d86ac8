"""The sandbox's invoices and payments, landed, synced and built: what was planted is what is found."""

from __future__ import annotations

from collections import Counter

import pytest

from dagster_project import dbt_build
from dagster_project.dbt_project import project
from dagster_project.payments import sync_payments
from ingestion.home import Home
from ingestion.sandbox import write_world
from ingestion.sources import load
from tests.dbt.conftest import ingest, rows

BILLING = ["+recon_invoice_payments", "+fct_invoices", "+fct_payments", "+int_reconciliation_legs"]
FLAGS = {
    "has_dispute", "has_failed_attempts", "has_metadata_disagreement", "has_multiple_payments", "has_refund",
    "has_split_payment", "is_ambiguous_link", "is_cross_period", "is_metadata_missing",
}  # fmt: skip
"""All but has_credit_note: the sandbox credits nothing before it is paid."""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_planted_status_and_flag_is_found_and_no_other(seed: int, home: Home) -> None:
    """Five weeks plant each trouble and each flag at least once, and none so late that it is still within grace."""
    truth = write_world(home.root, days=35, requests_per_day=40, seed=seed)
    ingest(home)
    sync_payments(home, load(home).stripe)
    result = dbt_build.build(home, project(), BILLING)
    assert not result.broken, result.explain()
    found = rows(
        home, "select coalesce(invoice_id, payment_intent_id), status from marts.recon_invoice_payments"
    )
    assert Counter(status for _, status in found) == truth.billing["items_by_status"]
    planted = {fault.subject: fault.status for fault in truth.faults if fault.status}
    assert {subject: status for subject, status in found if status != "matched"} == planted
    flags = rows(
        home,
        """
        select flag, coalesce(invoice_id, payment_intent_id)
        from (
            unpivot marts.recon_invoice_payments on columns('^(is|has)_') into name flag value is_set
        )
        where is_set
        """,
    )
    assert sorted(flags) == sorted(
        (fault.kind.removeprefix("flag_"), fault.subject)
        for fault in truth.faults
        if fault.kind.startswith("flag_")
    )
    assert {flag for flag, _ in flags} == FLAGS
    for measure, column in (("invoiced_minor", "total_minor"), ("received_minor", "received_minor")):
        table = "fct_invoices" if measure == "invoiced_minor" else "fct_payments"
        sums = rows(home, f"select currency, sum({column})::bigint from marts.{table} group by currency")
        assert dict(sums) == truth.billing[measure]
