"""Payments beside the movements of the Stripe balance, and invoices beside their own numbers: one world, built once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest

from dagster_project.books.build import build
from dagster_project.dbt_runner.build import BuildResult
from dagster_project.dbt_runner.project import project
from ingestion.home import Home
from ingestion.raw_tables import tables
from tests.dbt.conftest import idle_branches
from tests.dbt.marts.billing_rows import charge, document, intent, invoice, movement, returned
from tests.dbt.marts.conftest import write_parquet

MODELS = ["+recon_payment_settlements", "+recon_invoice_arithmetic", "+fct_payments"]
SEVEN_LINES = ",".join('{"amount":33}' for _ in range(7))

#: Columns that came after tables had been written; a file of before lacks them.
LATER = ("reason", "balance_transaction_id", "workspace_id", "infery_invoice_id", "metadata")

PAYMENTS = [
    "plain",
    "early",
    "fresh",
    "lost",
    "short",
    "net",
    "eur",
    "eur_off",
    "yen",
    "refunded",
    "disputed",
    "won",
]
CHARGES = [
    *(
        charge(f"ch_{name}", f"pi_{name}")
        for name in PAYMENTS
        if name not in ("fresh", "eur", "eur_off", "yen")
    ),
    charge("ch_fresh", "pi_fresh", created_at="2026-10-30 00:00:00"),
    charge("ch_eur", "pi_eur", currency="eur", amount_captured=1000),
    charge("ch_eur_off", "pi_eur_off", currency="eur", amount_captured=1000),
    charge("ch_yen", "pi_yen", currency="jpy", amount_captured=1000),
    charge("ch_live", "pi_live_charged", livemode=True),
    charge("ch_failed", "pi_plain", status="failed", amount_captured=0),
]
MOVEMENTS = [
    movement("txn_plain", "ch_plain", fee=95),
    movement("txn_early", "ch_early", fee=95, status="pending"),
    movement("txn_short", "ch_short", 4999, 95),
    movement("txn_net", "ch_net", fee=95, net=4904),
    movement("txn_eur", "ch_eur", 870, 33, exchange_rate="0.8695"),
    movement("txn_eur_off", "ch_eur_off", 900, 33, exchange_rate="0.8695"),
    movement("txn_yen", "ch_yen", 531, 33, exchange_rate="0.0053125"),
    movement("txn_refunded", "ch_refunded", fee=95),
    movement("txn_refund", "re_part", -1250, type="refund"),
    movement("txn_disputed", "ch_disputed", fee=95),
    movement("txn_dispute", "dp_open", -5000, 2000, type="adjustment"),
    movement("txn_won", "ch_won", fee=95),
    movement("txn_withdrawn", "dp_won", -5000, 2000, type="adjustment"),
    movement("txn_returned", "dp_won", 5000, -2000, type="adjustment"),
    movement("txn_by_intent", "ch_by_intent", fee=95),
    movement("txn_unknown", "ch_unknown", 700, 30),
    movement("txn_live", "ch_live", fee=95),
    movement("txn_live_back", "re_live", -5000, type="refund"),
    movement("txn_payout", "po_1", -9000, type="payout"),
    movement("txn_payout_early", "po_2", -9000, type="payout", status="pending"),
    movement("txn_payout_net", "po_3", -9000, 25, net=-9000, type="payout"),
]
INVOICES = [
    invoice("a_plain", payment_intent="pi_plain", stripe_invoice="in_plain"),
    invoice("a_total", total="50.01"),
    invoice("a_one_off", net="41.66", vat="8.34"),
    invoice("a_two_off", net="41.65", vat="8.35"),
    invoice("a_lines", net="2.31", vat="0.49", total="2.80", stripe_invoice="in_lines"),
    invoice("a_reverse", net="50.00", vat="0.00", vat_rate="0.00", vat_treatment="reverse_charge"),
    invoice("a_reverse_taxed", vat_treatment="reverse_charge"),
    invoice("a_exempt_taxed", vat_treatment="exempt"),
    invoice("a_reduced", net="47.62", vat="2.38", vat_rate="0.05"),
    invoice("a_untreated", vat_treatment=None),
    invoice("a_rateless", vat_rate=None),
    invoice(
        "a_numberless",
        net="50.00",
        vat="0.00",
        vat_rate="0.00",
        vat_treatment="reverse_charge",
        stripe_invoice="in_no_tax_id",
    ),
    invoice("a_dearer", stripe_invoice="in_dearer"),
    invoice("a_yen", currency="jpy", net="8334", vat="1666", total="10000"),
    invoice("a_dinar", currency="kwd", net="10.288", vat="2.057", total="12.345"),
]
DOCUMENTS = [
    document("in_plain", payload='{"lines":{"has_more":false,"data":[{"amount":4000},{"amount":167}]}}'),
    document("in_lines", subtotal=231, total_excluding_tax=231, tax=49, tax_lines=7, total=280, amount_due=280,
             amount_paid=280, payload=f'{{"lines":{{"has_more":false,"data":[{SEVEN_LINES}]}}}}'),
    document("in_no_tax_id", total_excluding_tax=5000, subtotal=5000, tax=0, payload='{"customer_tax_ids":[]}'),
    document("in_dearer", total=5100, total_excluding_tax=4267, amount_due=5100, amount_paid=5100),
    document("in_line_lost", payload='{"lines":{"has_more":false,"data":[{"amount":4000}]}}'),
    document("in_page_of_lines", payload='{"lines":{"has_more":true,"data":[{"amount":4000}]}}'),
    document("in_untotalled", total_excluding_tax=4000),
    document("in_overpaid", amount_paid=6000, amount_overpaid=1000),
    document("in_half_paid", status="open", amount_paid=2000, amount_remaining=3000),
    document("in_unaccounted", amount_paid=2000, amount_remaining=2000),
    document("in_credited", amount_due=4000, amount_paid=4000, pre_payment_credit_notes_amount=1000),
    document("in_credit_lost", amount_due=4000, amount_paid=4000),
    document("in_reverse_taxed", payload='{"total_taxes":[{"amount":833,"taxability_reason":"reverse_charge"}]}'),
]  # fmt: skip


@pytest.fixture(scope="module")
def settled(
    tmp_path_factory: pytest.TempPathFactory, raw_files: Callable[[Home], Any]
) -> tuple[Home, BuildResult]:
    home = Home(tmp_path_factory.mktemp("settled"))
    raw_files(home).billing(
        invoices=INVOICES,
        payment_intents=[
            *(intent(f"pi_{name}") for name in PAYMENTS),
            intent("pi_by_intent", latest_charge_id="ch_by_intent"),
            intent("pi_live", livemode=True),
            intent("pi_live_charged", livemode=True),
            intent("pi_last_day", status="canceled", amount_received=0, created_at="2026-10-31 00:00:00"),
        ],
        charges=CHARGES,
        refunds=[
            returned("refund", "re_part", "pi_refunded", amount=1250),
            returned("refund", "re_live", "pi_live_charged"),
            returned("refund", "re_failed", "pi_refunded", amount=100, status="failed"),
        ],
        disputes=[
            returned("dispute", "dp_open", "pi_disputed"),
            returned("dispute", "dp_won", "pi_won", status="won"),
            returned("dispute", "dp_asked", "pi_plain", status="warning_needs_response"),
        ],
        stripe_invoices=DOCUMENTS,
        balance_transactions=MOVEMENTS,
    )
    older = [column for column in tables()["stripe_refunds"] if column[0] not in LATER]
    failed = returned("refund", "re_old", "pi_lost", status="failed")
    write_parquet(home.raw / "stripe_refunds" / "dt=2026-09-01" / "old.parquet", older, [failed])
    result = build(home, project(), MODELS)
    assert not result.broken, result.explain()
    return home, result


@pytest.fixture(scope="module")
def books(settled: tuple[Home, BuildResult]) -> Iterator[duckdb.DuckDBPyConnection]:
    home, _ = settled
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        session.sql("set schema = 'marts'")
        yield session


def test_every_movement_of_money_ends_in_its_status(books: duckdb.DuckDBPyConnection) -> None:
    """10.00 eur at 0.8695 are 8.695, so 8.70 gbp; 1000 jpy at 0.0053125 are 5.3125, so 5.31 gbp."""
    found = books.sql("select object_id, status from recon_payment_settlements").fetchall()
    assert dict(found) == {
        "ch_plain": "settled",
        "ch_early": "pending",
        "ch_fresh": "pending",
        "ch_lost": "missing_balance_transaction",
        "ch_short": "amount_mismatch",
        "ch_net": "net_mismatch",
        "ch_eur": "currency_converted",
        "ch_eur_off": "amount_mismatch",
        "ch_yen": "currency_converted",
        "ch_refunded": "settled",
        "ch_disputed": "settled",
        "ch_won": "settled",
        "ch_by_intent": "settled",
        "ch_unknown": "unknown_object",
        "re_part": "settled",
        "re_failed": "no_money_moved",
        "re_old": "no_money_moved",
        "dp_open": "settled",
        "dp_won": "settled",
        "dp_asked": "no_money_moved",
        "po_1": "settled",
        "po_2": "pending",
        "po_3": "net_mismatch",
        "pi_live": "livemode_mismatch",
        "ch_live": "livemode_mismatch",
        "re_live": "livemode_mismatch",
    }


def test_no_branch_of_the_decision_is_idle(settled: tuple[Home, BuildResult]) -> None:
    assert idle_branches(*settled, "int_payment_settlements") == []


@pytest.mark.parametrize(
    ("payment_intent_id", "fee", "net"),
    [
        ("pi_plain", 95, 4905),
        ("pi_refunded", 95, 3655),
        ("pi_disputed", 2095, -2095),
        ("pi_lost", None, None),
        ("pi_live_charged", None, None),
    ],
)
def test_a_payment_has_the_fee_of_stripe_and_the_net(
    books: duckdb.DuckDBPyConnection, payment_intent_id: str, fee: int | None, net: int | None
) -> None:
    """50.00 − 0.95 = 49.05; less a refund of 12.50 it is 36.55; a dispute takes all of it and 20.00 more.

    A live payment moved the live balance, not that of the test mode the account is in.
    """
    [found] = books.sql(
        "select fee_minor, settled_net_minor from fct_payments where payment_intent_id = $id",
        params={"id": payment_intent_id},
    ).fetchall()
    assert found == (fee, net)


def test_a_refund_of_the_other_mode_takes_nothing_back(books: duckdb.DuckDBPyConnection) -> None:
    """Nothing came in the other mode, so nothing went back: 0 received, 0 refunded."""
    found = books.sql(
        "select received_minor, refunded_minor from fct_payments where payment_intent_id = 'pi_live_charged'"
    ).fetchall()
    assert found == [(0, 0)]


@pytest.mark.parametrize(
    ("document_id", "status", "reasons"),
    [
        ("inv:a_plain", "consistent", None),
        ("inv:a_total", "inconsistent", "total_is_not_net_plus_tax"),
        ("inv:a_one_off", "consistent", None),
        ("inv:a_two_off", "inconsistent", "tax_is_not_rate_times_net"),
        ("inv:a_lines", "consistent", None),
        ("inv:a_reverse", "consistent", None),
        ("inv:a_reverse_taxed", "inconsistent", "reverse_charge_with_tax"),
        ("inv:a_exempt_taxed", "inconsistent", "untaxed_with_tax"),
        ("inv:a_reduced", "inconsistent", "rate_is_not_the_standard_rate"),
        ("inv:a_untreated", "warning", "treatment_missing"),
        ("inv:a_rateless", "warning", "rate_missing"),
        ("inv:a_numberless", "warning", "tax_id_missing"),
        ("inv:a_dearer", "inconsistent", "total_differs_from_stripe"),
        ("inv:a_yen", "consistent", None),
        ("inv:a_dinar", "consistent", None),
        ("in:in_plain", "consistent", None),
        ("in:in_line_lost", "inconsistent", "lines_are_not_the_subtotal"),
        ("in:in_page_of_lines", "consistent", None),
        ("in:in_untotalled", "inconsistent", "total_is_not_net_plus_tax"),
        ("in:in_overpaid", "consistent", None),
        ("in:in_half_paid", "consistent", None),
        ("in:in_unaccounted", "inconsistent", "amount_due_is_not_paid_plus_remaining"),
        ("in:in_credited", "consistent", None),
        ("in:in_credit_lost", "inconsistent", "amount_due_is_not_total_less_credits"),
        ("in:in_reverse_taxed", "inconsistent", "reverse_charge_with_tax"),
    ],
)
def test_an_invoice_agrees_with_itself_or_names_the_difference(
    books: duckdb.DuckDBPyConnection, document_id: str, status: str, reasons: str | None
) -> None:
    """41.66 × 20 % = 8.33, a penny from 8.34; 41.65 × 20 % = 8.33, two from 8.35; seven lines of 0.33 may be 0.49."""
    [found] = books.sql(
        "select status, reasons from recon_invoice_arithmetic where document_id = $id",
        params={"id": document_id},
    ).fetchall()
    assert found == (status, reasons)
