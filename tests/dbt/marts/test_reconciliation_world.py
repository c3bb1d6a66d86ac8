"""One hand-written world with every case the reconciliation knows, among them the nineteen invoices and their
intents on which the precedence of statuses was verified: found is what was meant, in any order of the rows, and
no branch of the decision is idle.

Unless a case says otherwise an invoice of 50.00 gbp was issued on 2026-10-01; the books end on 2026-10-31.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest

from dagster_project.books.build import build
from dagster_project.dbt_runner.build import BuildResult
from dagster_project.dbt_runner.project import project
from ingestion.home import Home
from tests.dbt.conftest import compiled_sql, idle_branches, status_branches
from tests.dbt.marts.billing_rows import (
    FAILED,
    charge,
    credit_note,
    document,
    intent,
    invoice,
    movement,
    payment,
    returned,
)

BILLING = [
    "+recon_invoice_payments",
    "+fct_invoices",
    "+fct_payments",
    "+int_reconciliation_legs",
    "+recon_status_history",
    "+recon_summary",
    "+recon_period_bridge",
]

WORLD: dict[str, list[dict[str, Any]]] = {
    "invoices": [
        # The verified cases: one for each status, and those that only look like one.
        invoice("v01", payment_intent="pi_v01"),
        invoice("v02"),
        invoice("v03", currency="isk"),
        invoice("v04"),
        invoice("v05"),
        invoice("v06"),
        invoice("v07", payment_intent="pi_gone"),
        invoice("v08", issued_at="2026-10-30 00:00:00"),
        invoice("v09"),
        invoice("v10"),
        invoice("v11"),
        invoice("v12"),
        invoice("v13"),
        invoice("v14"),
        invoice("v15"),
        invoice("v16", total="0.00", net="0.00", vat="0.00"),
        invoice("v17", status="void"),
        invoice("v18"),
        invoice("v19"),
        # In flight for a day longer than anything takes; v10 is for thirty days.
        invoice("aged", issued_at="2026-09-01 00:00:00"),
        # Found through Stripe's own invoice only, or through its metadata only.
        invoice("by_document", stripe_invoice="in_by_document"),
        invoice("by_document_metadata"),
        invoice("by_charge"),
        invoice("disagreeing", payment_intent="pi_disagreeing"),
        # Paid without an intent.
        invoice("too_small", total="0.30", net="0.25", vat="0.05", stripe_invoice="in_too_small"),
        invoice("by_balance", stripe_invoice="in_by_balance", payment_intent="pi_abandoned"),
        invoice("out_of_band", stripe_invoice="in_out_of_band"),
        invoice("out_of_band_too", stripe_invoice="in_out_of_band"),
        invoice("balance_and_intent", stripe_invoice="in_balance_and_intent"),
        invoice("still_open", stripe_invoice="in_still_open"),
        # One intent for two invoices, for three of which Stripe knows two, and with more than they ask for.
        invoice("half_a", stripe_invoice="in_half_a"),
        invoice("half_b", total="20.00", net="20.00", vat="0", stripe_invoice="in_half_b"),
        invoice("third_a", stripe_invoice="in_third_a"),
        invoice("third_b", stripe_invoice="in_third_b"),
        invoice("detached", stripe_invoice="in_detached"),
        invoice("instead", stripe_invoice="in_instead"),
        # Credit notes.
        invoice("credited", stripe_invoice="in_credited"),
        invoice("credited_in_full", stripe_invoice="in_credited_in_full"),
        invoice("credited_after", stripe_invoice="in_credited_after"),
        invoice("credit_voided", stripe_invoice="in_credit_voided"),
        # A refund larger than the month, a payment in the next one, a currency of three decimals.
        invoice("last_month", issued_at="2026-08-31 12:00:00", total="900.00", net="750.00", vat="150.00"),
        invoice("next_month", issued_at="2026-09-30 23:59:59", payment_intent="pi_next_month"),
        invoice("dinar", currency="kwd", total="12.345", net="12.345", vat="0"),
        invoice("last_day", delivered_on="2026-10-31", payment_intent="pi_last_day"),
    ],
    "payment_intents": [
        intent("pi_v01", "v01"),
        intent("pi_v02", workspace_id="ws_1", infery_invoice_id="v02"),
        intent("pi_v03", "v03", currency="isk", amount_received=5001),
        intent("pi_v04", "v04", amount_received=4167),
        intent("pi_v05a", "v05", amount_received=3000),
        intent("pi_v05b", "v05", amount_received=2000),
        intent("pi_v06a", "v06"),
        intent("pi_v06b", "v06"),
        intent("pi_v09", "v09", **FAILED),
        intent("pi_v10", "v10", status="processing", amount_received=0, created_at="2026-10-01 00:00:00"),
        intent("pi_v11", "v11"),
        intent("pi_v12", "v12"),
        intent("pi_v13", "v13"),
        intent("pi_v14", "v14", workspace_id="ws_2"),
        intent("pi_v15", "v15", currency="eur"),
        intent("pi_v18", "v18", livemode=True),
        intent("pi_v19a", "v19", status="canceled", amount_received=0),
        intent("pi_v19b", "v19"),
        intent("pi_stray", "nobody"),
        intent("pi_stray_failed", "nobody", **FAILED),
        intent("pi_nameless", workspace_id=None),
        intent("pi_aged", "aged", status="processing", amount_received=0, created_at="2026-09-30 23:59:59"),
        intent("pi_by_document", workspace_id=None),
        intent("pi_by_document_metadata", workspace_id=None),
        intent("pi_by_charge", workspace_id=None, latest_charge_id="ch_by_charge"),
        intent("pi_disagreeing", "disagreeing", latest_charge_id="ch_disagreeing"),
        intent("pi_abandoned", "by_balance", status="canceled", amount_received=0),
        intent("pi_balance", "balance_and_intent", amount_received=4000),
        intent("pi_both", "half_a", amount=7000, amount_received=7000),
        intent("pi_three", "third_a", amount=12000, amount_received=12500),
        intent("pi_moved", "detached"),
        intent("pi_credited", "credited", amount_received=4000),
        intent("pi_credited_after", "credited_after"),
        intent("pi_credit_voided", "credit_voided"),
        intent("pi_last_month", "last_month", amount_received=90000, created_at="2026-08-31 12:00:00"),
        intent("pi_next_month", "next_month"),
        intent("pi_dinar", "dinar", currency="kwd", amount_received=12345),
        intent("pi_last_day", "last_day"),
        intent("pi_gone_since", "nobody"),
        intent("pi_gone_since", "nobody", origin="tombstone", fetched_at="2026-10-03", content_sha256="2"),
    ],
    "refunds": [
        returned("refund", "re_v11", "pi_v11"),
        returned("refund", "re_v12", "pi_v12", amount=1250),
        returned("refund", "re_v02", "pi_v02", status="failed"),
        returned("refund", "re_both", "pi_both", amount=3501),
        returned("refund", "re_three", "pi_three", amount=1000),
        returned("refund", "re_after", "pi_credited_after", amount=1000),
        returned("refund", "re_large", "pi_last_month", amount=90000, created_at="2026-10-15 00:00:00"),
    ],
    "disputes": [
        returned("dispute", "dp_v13", "pi_v13"),
        returned("dispute", "dp_v01", "pi_v01", status="won"),
    ],
    "stripe_invoices": [
        document("in_by_document"),
        document("in_by_document_metadata", "by_document_metadata"),
        document(
            "in_too_small", total=30, amount_due=0, amount_paid=0, starting_balance=0, ending_balance=30
        ),
        document("in_by_balance", amount_due=0, amount_paid=0, starting_balance=-7000, ending_balance=-2000),
        document("in_out_of_band", amount_paid_off_stripe=5000),
        document("in_balance_and_intent", amount_due=4000, starting_balance=-1000, ending_balance=0),
        document("in_still_open", status="open", amount_paid=0, amount_remaining=5000),
        document("in_credited", "credited", amount_due=4000, pre_payment_credit_notes_amount=1000),
        document("in_credited_in_full", "credited_in_full", amount_due=0, amount_paid=0),
        document("in_credited_after", "credited_after", post_payment_credit_notes_amount=1000),
    ],
    "invoice_payments": [
        payment("inpay_1", "in_by_document", "pi_by_document"),
        payment("inpay_2", "in_by_document_metadata", "pi_by_document_metadata"),
        payment("inpay_3", "in_half_a", "pi_both"),
        payment("inpay_4", "in_half_b", "pi_both", 2000),
        payment("inpay_5", "in_third_a", "pi_three"),
        payment("inpay_6", "in_third_b", "pi_three"),
        payment("inpay_7", "in_third_unknown", "pi_three", 2000),
        payment("inpay_8", "in_detached", "pi_moved", status="canceled"),
        payment("inpay_9", "in_instead", "pi_moved"),
        payment("inpay_10", "in_out_of_band", None, payment_type="payment_record"),
    ],
    "charges": [
        charge("ch_by_charge", "pi_by_charge", workspace_id="ws_1", infery_invoice_id="by_charge"),
        charge("ch_disagreeing", "pi_disagreeing", workspace_id="ws_9", infery_invoice_id="disagreeing"),
    ],
    "credit_notes": [
        credit_note("cn_1", "in_credited", 1000),
        credit_note("cn_2", "in_credited_in_full", 5000),
        credit_note(
            "cn_3",
            "in_credited_after",
            1000,
            type="post_payment",
            pre_payment_amount=0,
            post_payment_amount=1000,
            refunds='[{"amount_refunded":1000,"refund":"re_after","type":"refund"}]',
        ),
        credit_note("cn_4", "in_credit_voided", 1000, status="void"),
        credit_note(
            "cn_5",
            "in_third_b",
            1000,
            type="post_payment",
            pre_payment_amount=0,
            post_payment_amount=1000,
            refunds='[{"amount_refunded":1000,"refund":"re_three","type":"refund"}]',
        ),
    ],
    "balance_transactions": [movement("txn_1", "ch_by_charge", fee=95)],
}

MEANT = {
    "inv:v01": ("matched", None),
    "inv:v02": ("matched", None),
    "inv:v03": ("matched_with_tolerance", None),
    "inv:v04": ("amount_mismatch", "underpaid"),
    "inv:v05": ("matched", None),
    "inv:v06": ("duplicate_charge", None),
    "inv:v07": ("missing_in_stripe", None),
    "inv:v08": ("timing_difference", None),
    "inv:v09": ("payment_failed", None),
    "inv:v10": ("in_flight", None),
    "inv:v11": ("refunded", None),
    "inv:v12": ("partially_refunded", None),
    "inv:v13": ("disputed", None),
    "inv:v14": ("metadata_conflict", "other_workspace"),
    "inv:v15": ("currency_mismatch", None),
    "inv:v16": ("zero_amount", None),
    "inv:v17": ("not_payable", None),
    "inv:v18": ("livemode_mismatch", None),
    "inv:v19": ("matched", None),
    "pi:pi_stray": ("missing_invoice", None),
    "pi:pi_stray_failed": ("no_money_moved", None),
    "pi:pi_nameless": ("missing_invoice", None),
    "inv:aged": ("missing_in_stripe", None),
    "inv:by_document": ("matched_metadata_missing", None),
    "inv:by_document_metadata": ("matched_metadata_missing", None),
    "inv:by_charge": ("matched", None),
    "inv:disagreeing": ("matched", None),
    "inv:too_small": ("settled_without_payment", "below_minimum"),
    "inv:by_balance": ("settled_without_payment", "customer_balance"),
    "inv:out_of_band": ("settled_without_payment", "out_of_band"),
    "inv:out_of_band_too": ("missing_in_stripe", None),
    "inv:balance_and_intent": ("matched", None),
    "inv:still_open": ("missing_in_stripe", None),
    "inv:half_a": ("partially_refunded", None),
    "inv:half_b": ("partially_refunded", None),
    "inv:third_a": ("amount_mismatch", "overpaid"),
    "inv:third_b": ("partially_refunded", None),
    "pi:pi_three": ("missing_invoice", None),
    "inv:detached": ("missing_in_stripe", None),
    "inv:instead": ("metadata_conflict", "other_invoice"),
    "inv:credited": ("matched", None),
    "inv:credited_in_full": ("zero_amount", None),
    "inv:credited_after": ("partially_refunded", None),
    "inv:credit_voided": ("matched", None),
    "inv:last_month": ("refunded", None),
    "inv:next_month": ("matched", None),
    "inv:dinar": ("matched", None),
    "inv:last_day": ("matched", None),
}
CURRENCIES = {"isk": (2, 1), "kwd": (3, 0)}


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, raw_files: Callable[[Home], Any]
) -> tuple[Home, BuildResult]:
    """The world, built."""
    home = Home(tmp_path_factory.mktemp("world"))
    raw_files(home).billing(**WORLD, currencies=CURRENCIES)
    return home, build(home, project(), BILLING)


@pytest.fixture(scope="module")
def books(world: tuple[Home, BuildResult]) -> Iterator[duckdb.DuckDBPyConnection]:
    home, _ = world
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        session.sql("set schema = 'marts'")
        yield session


def statuses(session: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str | None]]:
    found = session.sql("select item_id, status, status_reason from marts.recon_invoice_payments").fetchall()
    return {item_id: (status, reason) for item_id, status, reason in found}


def part(books: duckdb.DuckDBPyConnection, item_id: str, columns: str) -> tuple[Any, ...]:
    [row] = books.sql(
        f"select {columns} from recon_invoice_payments where item_id = $id", params={"id": item_id}
    ).fetchall()
    return row


def test_found_is_what_was_meant_and_every_invariant_holds(
    world: tuple[Home, BuildResult], books: duckdb.DuckDBPyConnection
) -> None:
    _, result = world
    assert not result.broken, result.explain()
    assert {
        node.name for node in result.nodes if node.name.startswith("assert_") and not node.passed
    } == set()
    assert statuses(books) == MEANT


def test_the_world_shows_every_status(world: tuple[Home, BuildResult]) -> None:
    branches = status_branches(compiled_sql(world[1], "recon_invoice_payments"))
    named = {re.search(r"then '(\w+)'", branch)[1] for branch in branches}
    assert len(branches) == 19
    assert {status for status, _ in MEANT.values()} == {*named, "matched"}


def test_neither_the_order_of_the_rows_nor_an_unrelated_row_changes_an_item(
    home: Home, raw_files: Callable[[Home], Any], books: duckdb.DuckDBPyConnection
) -> None:
    """The same rows shuffled, with a paid invoice of an unknown workspace: every other item is the same."""
    mixed = {name: random.Random(7).sample(rows, len(rows)) for name, rows in WORLD.items()}
    mixed["invoices"].append(invoice("stranger", workspace_id="ws_7", delivered_on="2026-10-31"))
    mixed["payment_intents"].append(intent("pi_stranger", "stranger", workspace_id="ws_7"))
    raw_files(home).billing(**mixed, currencies=CURRENCIES)
    result = build(home, project(), BILLING)
    assert not result.broken, result.explain()
    query = "select * from marts.recon_invoice_payments where item_id <> 'inv:stranger' order by item_id"
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        assert session.sql(query).fetchall() == books.sql(query).fetchall()
        assert statuses(session)["inv:stranger"] == ("matched", None)


def test_no_branch_of_the_decision_is_idle(world: tuple[Home, BuildResult]) -> None:
    assert idle_branches(*world, "recon_invoice_payments") == []


@pytest.mark.parametrize(
    ("item_id", "received", "refunded"),
    [
        ("inv:half_a", 5000, 2500),
        ("inv:half_b", 2000, 1001),
        ("inv:third_a", 5500, 0),
        ("inv:third_b", 5000, 1000),
        ("pi:pi_three", 2000, 0),
    ],
)
def test_an_intent_of_several_invoices_is_split_by_what_it_paid_of_each(
    books: duckdb.DuckDBPyConnection, item_id: str, received: int, refunded: int
) -> None:
    """70.00 = 50.00 + 20.00; of 35.01 refunded 50/70, rounded down, are 25.00, and the rest 10.01.

    125.00 received, which Stripe splits 50.00 + 50.00 + 20.00, the last for an unknown invoice: 5.00 too much go to the
    invoice the intent names; the refund is the one of the credit note.
    """
    assert part(books, item_id, "received_minor, refunded_minor, has_split_payment") == (
        received,
        refunded,
        True,
    )
    [(parts,)] = books.sql(
        "select item_count from fct_payments where payment_intent_id = 'pi_both'"
    ).fetchall()
    assert parts == 2


@pytest.mark.parametrize(
    ("item_id", "credited", "settled", "payable"),
    [
        ("inv:credited", 1000, 0, 4000),
        ("inv:credited_in_full", 5000, 0, 0),
        ("inv:credited_after", 0, 0, 5000),
        ("inv:balance_and_intent", 0, 1000, 4000),
        ("inv:by_balance", 0, 5000, 0),
        ("inv:too_small", 0, 30, 0),
    ],
)
def test_credit_notes_and_balances_lower_what_is_payable(
    books: duckdb.DuckDBPyConnection, item_id: str, credited: int, settled: int, payable: int
) -> None:
    """50.00 less a note of 10.00 is 40.00; so is 50.00 of which the balance paid 10.00."""
    found = part(books, item_id, "credited_minor, settled_otherwise_minor, payable_minor")
    assert found == (credited, settled, payable)


@pytest.mark.parametrize(
    ("item_id", "methods"),
    [
        ("inv:v01", "payment_intent,metadata"),
        ("inv:by_document", "stripe_invoice"),
        ("inv:by_charge", "metadata"),
        ("inv:by_document_metadata", "metadata"),
        ("inv:half_b", "stripe_invoice"),
    ],
)
def test_an_item_names_its_match_methods(
    books: duckdb.DuckDBPyConnection, item_id: str, methods: str
) -> None:
    assert part(books, item_id, "match_methods") == (methods,)


def test_metadata_that_disagrees_is_flagged_and_the_intent_used(books: duckdb.DuckDBPyConnection) -> None:
    assert part(books, "inv:disagreeing", "has_metadata_disagreement") == (True,)
    assert part(books, "inv:by_charge", "has_metadata_disagreement") == (False,)


def test_a_payment_of_another_month_matches_with_a_flag(books: duckdb.DuckDBPyConnection) -> None:
    assert part(books, "inv:next_month", "is_cross_period") == (True,)
    assert part(books, "inv:v01", "is_cross_period") == (False,)


def test_an_object_that_is_gone_is_no_item(books: duckdb.DuckDBPyConnection) -> None:
    assert books.sql("select 1 from fct_payments where payment_intent_id = 'pi_gone_since'").fetchall() == []


def test_a_month_is_bridged_from_its_invoices_to_its_money(books: duckdb.DuckDBPyConnection) -> None:
    """August: 900.00 invoiced and paid. October: 900.00 refunded, more than all that month's sterling payments."""
    found = books.sql(
        """
        select period_month::varchar, invoiced_minor, refunded_minor, received_minor
        from recon_period_bridge
        where currency = 'gbp' and period_month in ('2026-08-01', '2026-10-01')
        order by 1
        """
    ).fetchall()
    [august, october] = found
    assert august == ("2026-08-01", 90000, 0, 90000)
    assert october[2] == -(5000 + 1250 + 3501 + 1000 + 1000 + 90000)


def test_what_was_paid_in_another_month_is_in_both_bridges(books: duckdb.DuckDBPyConnection) -> None:
    """50.00 of September were paid in October; 50.00 more of September never came, after a month in flight."""
    found = books.sql(
        """
        select period_month::varchar, paid_in_other_months_minor, paid_for_other_months_minor, unpaid_minor
        from recon_period_bridge
        where currency = 'gbp' and period_month = '2026-09-01'
        """
    ).fetchall()
    assert found == [("2026-09-01", -5000, 0, -5000)]
    [(october,)] = books.sql(
        """
        select paid_for_other_months_minor from recon_period_bridge
        where currency = 'gbp' and period_month = '2026-10-01'
        """
    ).fetchall()
    assert october == 5000


def test_currencies_have_bridges_of_their_own(books: duckdb.DuckDBPyConnection) -> None:
    """12.345 kwd invoiced and paid; 50.00 eur came for an invoice in gbp, which they do not pay."""
    found = books.sql(
        """
        select currency, invoiced_minor, without_invoice_minor, received_minor from recon_period_bridge
        where currency in ('kwd', 'eur')
        order by 1
        """
    ).fetchall()
    assert found == [("eur", 0, 5000, 5000), ("kwd", 12345, 0, 12345)]


def test_the_summary_counts_items_and_money_by_status(books: duckdb.DuckDBPyConnection) -> None:
    found = books.sql(
        """
        select item_count, payable_minor, received_minor, payable_amount from recon_summary
        where status = 'duplicate_charge'
        """
    ).fetchall()
    assert [(*row[:3], str(row[3])) for row in found] == [(1, 5000, 10000, "50.0000")]
