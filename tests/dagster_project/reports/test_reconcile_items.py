"""Items of one status, over a finished night, and over a mart written by hand."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from dagster_project.cli import app
from dagster_project.reports import reconcile, reconcile_items
from dagster_project.reports.next_steps import RECONCILIATIONS
from ingestion.home import Home


def run(home: Home, *arguments: str):
    return CliRunner().invoke(app, ["reconcile", "--home", str(home.root), *arguments])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two unpaid invoices and a payment; the data speaks of days up to the tenth of November."""
    home = Home(tmp_path)
    with duckdb.connect() as marts:
        marts.execute(f"attach '{home.published_database}' as published")
        marts.execute("create schema published.marts")
        marts.execute(
            """
            create table published.marts.recon_invoice_payments as
            select
                item_id, status, 'ws_1' as workspace_id, invoice_id, payment_intent_id, age_days, 'gbp' as currency,
                cast(amount as decimal(22, 4)) as payable_amount, cast(0 as decimal(22, 4)) as received_amount,
                timestamp '2026-11-10' - to_days(age_days) as issued_at, cast(null as timestamp) as payment_created_at
            from (
                values
                    ('inv:1', 'missing_in_stripe', 'inv_1', null, 5, 20),
                    ('inv:2', 'missing_in_stripe', 'inv_2', null, 40, 30),
                    ('pi:3', 'disputed', 'inv_3', 'pi_3', 1, 40)
            ) as rows (item_id, status, invoice_id, payment_intent_id, age_days, amount)
            """
        )
        marts.execute(
            "create table published.marts.fct_invoices as select 'inv_1' as invoice_id,"
            " cast(null as varchar) as receipt_url, 'https://gateway.example/inv_1.pdf' as pdf_url"
        )
    return home


def test_items_have_invoice_payment_amount_age_and_link_the_oldest_first(home: Home) -> None:
    ended = run(home, "--items", "missing_in_stripe", "--json")
    assert ended.exit_code == 3
    [old, young] = json.loads(ended.stdout)
    assert (old["invoice"], old["payment"], old["amount"], old["currency"]) == ("inv_2", None, "30.00", "GBP")
    assert (old["age_days"], old["day"], old["link"]) == (40, "2026-10-01", None)
    assert (young["invoice"], young["link"]) == ("inv_1", "https://gateway.example/inv_1.pdf")
    assert "ask Stripe" in young["next_step"]


@pytest.mark.parametrize(
    ("mode", "address"),
    [
        ("live", "https://dashboard.stripe.com/payments/pi_3"),
        ("test", "https://dashboard.stripe.com/test/payments/pi_3"),
        ("sandbox", None),
    ],
)
def test_a_payment_links_to_stripe_in_the_mode_of_the_books(
    home: Home, mode: str, address: str | None
) -> None:
    home.sources_file.write_text(f"stripe: {{mode: {mode}}}\n")
    [item] = reconcile_items.items(home, "disputed")
    assert item.link == address


def test_a_person_reads_the_items_with_what_to_do(home: Home) -> None:
    text = run(home, "--items", "missing_in_stripe").stdout
    assert "recon_invoice_payments: 2 items missing_in_stripe" in text
    assert "inv:2  30.00 GBP  2026-10-01  40 days old" in text
    assert "workspace ws_1  invoice inv_2" in text
    assert "→ no payment" in text


def test_a_month_limits_the_items(home: Home) -> None:
    [item] = json.loads(run(home, "--items", "missing_in_stripe", "--month", "2026-10", "--json").stdout)
    assert item["invoice"] == "inv_2"


def test_no_item_of_a_status_ends_with_0(home: Home) -> None:
    ended = run(home, "--items", "duplicate_charge")
    assert (ended.exit_code, ended.stdout) == (0, "no item is duplicate_charge\n")


def test_a_status_nobody_has_is_refused_with_those_there_are(home: Home) -> None:
    ended = run(home, "--items", "lost")
    assert ended.exit_code == 2
    assert "missing_in_stripe" in ended.stderr


def test_every_item_that_is_counted_is_listed(finished_night) -> None:
    """For every reconciliation and status that is not a charge; sums agree, too."""
    home = finished_night.home
    for standing in reconcile.reconcile(home):
        if standing.reconciliation == "recon_reported_costs":
            continue
        own = [
            item
            for item in reconcile_items.items(home, standing.status)
            if (item.reconciliation, item.currency) == (standing.reconciliation, standing.currency)
        ]
        assert len(own) == standing.items
        assert sum(item.amount or 0 for item in own) == standing.amount


def test_every_reconciliation_lists_its_items(finished_night) -> None:
    for reconciliation in RECONCILIATIONS:
        for status in (*reconciliation.next_steps, *reconciliation.settled):
            reconcile_items.items(finished_night.home, status)


def test_charges_are_listed_request_by_request(finished_night) -> None:
    [standing, *_] = [
        one
        for one in reconcile.reconcile(finished_night.home)
        if one.reconciliation == "recon_reported_costs" and one.needs_a_person
    ]
    found = reconcile_items.items(finished_night.home, standing.status)
    assert len(found) >= 1
    assert found[0].item


def test_a_failed_call_is_claimed_whole_whatever_its_variance(home: Home) -> None:
    """Two failed calls: 1.74 charged at a variance of 0, and 0.26 of an unknown model; in all 2.00 to claim."""
    with duckdb.connect() as marts:
        marts.execute(f"attach '{home.published_database}' as published")
        marts.execute(
            """
            create table published.marts.fct_usage_costs as
            select
                request_id, 'ws_1' as workspace_id, date '2026-11-03' as event_date,
                'failed_but_charged' as variance_reason, charge as reported_cost_usd, variance as cost_variance_usd
            from (values ('a', 1.74, 0.00), ('b', 0.26, null)) as rows (request_id, charge, variance)
            """
        )
        marts.execute(
            """
            create table published.marts.recon_reported_costs as
            select
                date '2026-11-03' as event_date, 'failed_but_charged' as variance_reason, 2 as requests,
                1.74 as charged_usd, 0.00 as cost_variance_usd, 0.26 as unpriced_charge_usd, 0.00 as unreported_cost_usd
            """
        )
    [standing] = [one for one in reconcile.reconcile(home) if one.status == "failed_but_charged"]
    found = reconcile_items.items(home, "failed_but_charged")
    assert [(item.item, item.amount) for item in found] == [
        ("a", Decimal("1.74")),
        ("b", Decimal("0.26")),
    ]
    assert standing.amount == sum(item.amount or 0 for item in found) == Decimal("2.00")
