"""Invoices and Stripe objects through the billing models: one world, built once, an invoice for each case.

Unless a case says otherwise an invoice of 50.00 gbp was issued on 2026-10-01; the books end on 2026-10-31.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest

from dagster_project.books.build import build
from dagster_project.dbt_runner.build import BuildResult
from dagster_project.dbt_runner.project import project
from ingestion.home import Home
from tests.dbt.marts.billing_rows import FAILED, intent, invoice, returned

BILLING = ["+recon_invoice_payments", "+fct_invoices", "+fct_payments", "+int_reconciliation_legs"]


INVOICES = [
    invoice("inv_matched", payment_intent="pi_matched"),
    invoice("inv_by_metadata"),
    invoice("inv_named_only", payment_intent="pi_named_only"),
    invoice("inv_two_partials"),
    invoice("inv_duplicate"),
    invoice("inv_retried"),
    invoice("inv_missing", payment_intent="pi_gone"),
    invoice("inv_settled", stripe_invoice="in_1"),
    invoice("inv_void", status="void"),
    invoice("inv_zero", total="0.00", net="0.00", vat="0.00"),
    invoice("inv_recent", issued_at="2026-10-28 00:00:00", payment_intent="pi_gone"),
    invoice("inv_past_grace", issued_at="2026-10-27 23:59:59", payment_intent="pi_gone"),
    invoice("inv_failed"),
    invoice("inv_in_flight"),
    invoice("inv_short"),
    invoice("inv_one_off"),
    invoice("inv_other_workspace"),
    invoice("inv_conflict", payment_intent="pi_conflict"),
    invoice("inv_named_by_conflict"),
    invoice("inv_other_currency", payment_intent="pi_eur"),
    invoice("inv_refunded"),
    invoice("inv_partly_refunded"),
    invoice("inv_refund_failed"),
    invoice("inv_refund_by_charge"),
    invoice("inv_disputed"),
    invoice("inv_dispute_won"),
    invoice("inv_live"),
    invoice("inv_next_month", issued_at="2026-09-30 23:59:59", payment_intent="pi_next_month"),
    invoice("inv_shared_a", payment_intent="pi_shared"),
    invoice("inv_shared_b", payment_intent="pi_shared"),
    invoice("inv_yen", currency="JPY", total="10000", net="10000", vat="0"),
    invoice("inv_dinar", currency="kwd", total="12.345", net="12.345", vat="0"),
    invoice("inv_delivered_twice", status="open", total="99.00"),
    invoice("inv_delivered_twice", delivered_on="2026-10-31"),
    invoice("inv_matched", source="infery_too", delivered_on="2026-10-01", status="open"),
]
PAYMENT_INTENTS = [
    intent("pi_matched", "inv_matched"),
    intent("pi_by_metadata", "inv_by_metadata"),
    intent("pi_named_only", workspace_id=None),
    intent("pi_part_1", "inv_two_partials", amount=3000, amount_received=3000),
    intent("pi_part_2", "inv_two_partials", amount=2000, amount_received=2000),
    intent("pi_double_1", "inv_duplicate"),
    intent("pi_double_2", "inv_duplicate"),
    intent("pi_try_1", "inv_retried", **FAILED),
    intent("pi_try_2", "inv_retried"),
    intent("pi_failed", "inv_failed", **FAILED),
    intent("pi_in_flight", "inv_in_flight", status="processing", amount_received=0),
    intent("pi_short", "inv_short", amount_received=4167),
    intent("pi_one_off", "inv_one_off", currency="gbp", amount_received=4999),
    intent("pi_other_workspace", "inv_other_workspace", workspace_id="ws_2"),
    intent("pi_conflict", "inv_named_by_conflict"),
    intent("pi_eur", "inv_other_currency", currency="eur"),
    intent("pi_refunded", "inv_refunded"),
    intent("pi_partly_refunded", "inv_partly_refunded"),
    intent("pi_refund_failed", "inv_refund_failed"),
    intent("pi_refund_by_charge", "inv_refund_by_charge", latest_charge_id="ch_1"),
    intent("pi_disputed", "inv_disputed"),
    intent("pi_dispute_won", "inv_dispute_won"),
    intent("pi_live", "inv_live", livemode=True),
    intent("pi_next_month"),
    intent("pi_shared"),
    intent("pi_yen", "inv_yen", currency="jpy", amount=10000, amount_received=10000),
    intent("pi_dinar", "inv_dinar", currency="kwd", amount=12345, amount_received=12345),
    intent("pi_delivered_twice", "inv_delivered_twice", **FAILED),
    intent("pi_delivered_twice", "inv_delivered_twice", fetched_at="2026-10-03", content_sha256="0"),
    intent("pi_alone", "inv_unknown"),
    intent("pi_alone_failed", "inv_unknown", **FAILED),
]
REFUNDS = [
    returned("refund", "re_all", "pi_refunded"),
    returned("refund", "re_part", "pi_partly_refunded", amount=1250),
    returned("refund", "re_failed", "pi_refund_failed", status="failed"),
    returned("refund", "re_pending", "pi_refund_failed", status="pending"),
    returned("refund", "re_charge", None, charge_id="ch_1"),
]
DISPUTES = [
    returned("dispute", "dp_open", "pi_disputed"),
    returned("dispute", "dp_won", "pi_dispute_won", status="won"),
    returned("dispute", "dp_closed", "pi_dispute_won", status="warning_closed"),
    returned("dispute", "dp_prevented", "pi_dispute_won", status="prevented"),
]


@pytest.fixture(scope="module")
def billed(
    tmp_path_factory: pytest.TempPathFactory, raw_files: Callable[[Home], Any]
) -> tuple[Home, BuildResult]:
    """The world above, built."""
    home = Home(tmp_path_factory.mktemp("billed"))
    raw_files(home).billing(
        invoices=INVOICES,
        payment_intents=PAYMENT_INTENTS,
        refunds=REFUNDS,
        disputes=DISPUTES,
    )
    return home, build(home, project(), BILLING)


@pytest.fixture(scope="module")
def books(billed: tuple[Home, BuildResult]) -> Iterator[duckdb.DuckDBPyConnection]:
    home, _ = billed
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        yield session


def one(books: duckdb.DuckDBPyConnection, table: str, key: str, value: str) -> dict[str, Any]:
    found = books.sql(f"select * from marts.{table} where {key} = $value", params={"value": value})
    [row] = found.fetchall()
    return dict(zip(found.columns, row, strict=True))


def item(books: duckdb.DuckDBPyConnection, item_id: str) -> dict[str, Any]:
    return one(books, "recon_invoice_payments", "item_id", item_id)


def test_every_model_builds_and_every_invariant_holds(billed: tuple[Home, BuildResult]) -> None:
    _, result = billed
    assert not result.broken, result.explain()
    invariants = {node.name for node in result.nodes if node.name.startswith("assert_")}
    assert len(invariants) >= 9


@pytest.mark.parametrize(
    ("item_id", "status", "reason"),
    [
        ("inv:inv_matched", "matched", None),
        ("inv:inv_by_metadata", "matched", None),
        ("inv:inv_named_only", "matched_metadata_missing", None),
        ("inv:inv_two_partials", "matched", None),
        ("inv:inv_duplicate", "duplicate_charge", None),
        ("inv:inv_retried", "matched", None),
        ("inv:inv_missing", "missing_in_stripe", None),
        ("inv:inv_settled", "settled_without_payment", None),
        ("inv:inv_void", "not_payable", None),
        ("inv:inv_zero", "zero_amount", None),
        ("inv:inv_recent", "timing_difference", None),
        ("inv:inv_past_grace", "missing_in_stripe", None),
        ("inv:inv_failed", "payment_failed", None),
        ("inv:inv_in_flight", "in_flight", None),
        ("inv:inv_short", "amount_mismatch", "underpaid"),
        ("inv:inv_one_off", "amount_mismatch", "underpaid"),
        ("inv:inv_other_workspace", "metadata_conflict", "other_workspace"),
        ("inv:inv_conflict", "metadata_conflict", "other_invoice"),
        ("inv:inv_named_by_conflict", "missing_in_stripe", None),
        ("inv:inv_other_currency", "currency_mismatch", None),
        ("inv:inv_refunded", "refunded", None),
        ("inv:inv_partly_refunded", "partially_refunded", None),
        ("inv:inv_refund_failed", "matched", None),
        ("inv:inv_refund_by_charge", "refunded", None),
        ("inv:inv_disputed", "disputed", None),
        ("inv:inv_dispute_won", "matched", None),
        ("inv:inv_live", "livemode_mismatch", None),
        ("inv:inv_next_month", "matched_metadata_missing", None),
        ("inv:inv_shared_a", "matched_metadata_missing", None),
        ("inv:inv_shared_b", "missing_in_stripe", None),
        ("inv:inv_yen", "matched", None),
        ("inv:inv_dinar", "matched", None),
        ("inv:inv_delivered_twice", "matched", None),
        ("pi:pi_alone", "missing_invoice", None),
        ("pi:pi_alone_failed", "no_money_moved", None),
    ],
)
def test_an_item_ends_in_its_status(
    books: duckdb.DuckDBPyConnection, item_id: str, status: str, reason: str | None
) -> None:
    found = item(books, item_id)
    assert (found["status"], found["status_reason"]) == (status, reason)


def test_there_is_no_item_beside_the_invoices_and_the_payments_without_one(
    books: duckdb.DuckDBPyConnection,
) -> None:
    [(items,)] = books.sql("select count(*) from marts.recon_invoice_payments").fetchall()
    assert items == len({row["invoice_id"] for row in INVOICES}) + len(["pi_alone", "pi_alone_failed"])


def test_the_last_delivery_of_an_invoice_wins(books: duckdb.DuckDBPyConnection) -> None:
    found = one(books, "fct_invoices", "invoice_id", "inv_delivered_twice")
    assert (found["invoice_status"], found["total_minor"], found["delivery_count"]) == ("paid", 5000, 2)


def test_an_invoice_of_two_sources_is_a_finding(billed: tuple[Home, BuildResult]) -> None:
    _, result = billed
    [node] = [node for node in result.nodes if node.name == "assert_no_two_sources_deliver_an_invoice"]
    assert (node.is_finding, node.status, node.failures) == (True, "warn", 1)


def test_the_last_fetched_version_of_a_payment_wins(books: duckdb.DuckDBPyConnection) -> None:
    found = one(books, "fct_payments", "payment_intent_id", "pi_delivered_twice")
    assert (found["payment_status"], found["received_minor"]) == ("succeeded", 5000)


@pytest.mark.parametrize(
    ("invoice_id", "minor", "major"),
    [("inv_matched", 5000, "50.0000"), ("inv_yen", 10000, "10000.0000"), ("inv_dinar", 12345, "12.3450")],
)
def test_a_currency_has_its_own_decimals(
    books: duckdb.DuckDBPyConnection, invoice_id: str, minor: int, major: str
) -> None:
    """50.00 gbp is 5000 pence, 10000 jpy has no smaller unit, 12.345 kwd is 12345 fils."""
    found = item(books, f"inv:{invoice_id}")
    assert (found["payable_minor"], found["received_minor"]) == (minor, minor)
    assert (str(found["payable_amount"]), str(found["received_amount"])) == (major, major)


def test_currencies_are_never_netted(books: duckdb.DuckDBPyConnection) -> None:
    found = item(books, "inv:inv_other_currency")
    assert (found["currency"], found["payable_minor"]) == ("gbp", 5000)
    assert (found["paid_currency"], found["received_minor"]) == ("eur", 5000)
    assert found["difference_minor"] is None


def test_a_payment_in_the_other_mode_is_not_money(books: duckdb.DuckDBPyConnection) -> None:
    found = one(books, "fct_payments", "payment_intent_id", "pi_live")
    assert (found["amount_received_minor"], found["received_minor"]) == (5000, 0)


def test_a_payment_is_net_of_what_went_back(books: duckdb.DuckDBPyConnection) -> None:
    """5000 received, a quarter refunded: 5000 − 1250 = 3750."""
    found = one(books, "fct_payments", "payment_intent_id", "pi_partly_refunded")
    assert (found["refunded_minor"], found["net_minor"]) == (1250, 3750)


def test_an_intent_two_invoices_name_pays_the_lower_one_and_flags_both(
    books: duckdb.DuckDBPyConnection,
) -> None:
    assert one(books, "fct_payments", "payment_intent_id", "pi_shared")["invoice_id"] == "inv_shared_a"
    assert item(books, "inv:inv_shared_a")["is_ambiguous_link"]
    assert item(books, "inv:inv_shared_b")["is_ambiguous_link"]


def test_the_intent_an_invoice_names_is_stronger_than_its_metadata(
    books: duckdb.DuckDBPyConnection,
) -> None:
    found = one(books, "fct_payments", "payment_intent_id", "pi_conflict")
    assert (found["invoice_id"], found["match_methods"]) == ("inv_conflict", "payment_intent")


@pytest.mark.parametrize(
    ("item_id", "flag"),
    [
        ("inv:inv_next_month", "is_cross_period"),
        ("inv:inv_named_only", "is_metadata_missing"),
        ("inv:inv_two_partials", "has_multiple_payments"),
        ("inv:inv_retried", "has_failed_attempts"),
        ("inv:inv_partly_refunded", "has_refund"),
        ("inv:inv_disputed", "has_dispute"),
    ],
)
def test_a_flag_is_up_where_it_belongs_and_down_on_a_plain_match(
    books: duckdb.DuckDBPyConnection, item_id: str, flag: str
) -> None:
    assert item(books, item_id)[flag]
    assert not item(books, "inv:inv_matched")[flag]


def test_an_age_counts_from_the_last_day_of_the_books_not_from_the_clock(
    books: duckdb.DuckDBPyConnection,
) -> None:
    """Issued on 1 October, the last delivery came on 31 October: 30 days."""
    assert item(books, "inv:inv_missing")["age_days"] == 30


def test_settings_of_the_home_decide_grace_tolerance_and_mode(
    home: Home, raw_files: Callable[[Home], Any]
) -> None:
    raw_files(home).billing(
        invoices=[
            invoice("inv_late", payment_intent="pi_gone"),
            invoice("inv_one_off"),
            invoice("inv_test"),
            invoice("inv_last", issued_at="2026-10-11 00:00:00"),
        ],
        payment_intents=[
            intent("pi_one_off", "inv_one_off", amount_received=4999, livemode=True),
            intent("pi_test", "inv_test"),
            intent("pi_last", "inv_last", livemode=False),
        ],
        currencies={"gbp": (2, 1)},
        settings={"invoice_grace_days": 10, "stripe_livemode": 1},
    )
    assert not build(home, project(), BILLING).broken
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        assert item(session, "inv:inv_late")["status"] == "timing_difference"
        assert item(session, "inv:inv_one_off")["status"] == "matched_with_tolerance"
        assert item(session, "inv:inv_test")["status"] == "livemode_mismatch"


def test_a_home_without_billing_has_empty_books(home: Home, raw_files: Callable[[Home], Any]) -> None:
    raw_files(home).billing()
    result = build(home, project(), BILLING)
    assert not result.broken, result.explain()
    assert result.rows["recon_invoice_payments"] == 0
