"""What an object becomes in raw/: typed columns, a payload without secrets, a hash of its content."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from ingestion.stripe_api.shape import ObjectKind, canonical
from ingestion.stripe_api.streams import (
    BALANCE_TRANSACTIONS,
    CREDIT_NOTES,
    INVOICE_PAYMENTS,
    INVOICES,
    PAYMENT_INTENTS,
    REFUNDS,
)

from .conftest import intent, invoice, refund

END = datetime(2026, 11, 2)


def row(stream: ObjectKind, found: dict[str, Any]) -> dict[str, Any]:
    """The raw row of an object."""
    return stream.row(found, "stripe", END, "list")


def test_links_that_let_people_act_are_no_content() -> None:
    """Stripe makes them anew from time to time: an invoice is the same whichever it shows."""
    one, other = (invoice(1, 100, hosted_invoice_url=url, invoice_pdf=url) for url in ("a", "b"))
    assert row(INVOICES, one)["content_sha256"] == row(INVOICES, other)["content_sha256"]
    nested = intent(1, 100, charges=[{"receipt_url": "x", "client_secret": "y", "kept": 1}])
    assert "receipt_url" not in canonical(nested)
    assert "secret" not in canonical(nested)
    assert '"kept":1' in canonical(nested)


def test_metadata_may_be_named_anything() -> None:
    """Names that are methods of a dictionary, and names that elsewhere hold secrets."""
    named = {"get": "1", "items": "2", "keys": "3", "pdf": "4", "workspace_id": "ws_01"}
    found = row(PAYMENT_INTENTS, intent(1, 100, metadata=named))
    assert json.loads(found["metadata"]) == named
    assert json.loads(found["payload"])["metadata"] == named
    assert (found["workspace_id"], found["infery_invoice_id"]) == ("ws_01", None)


def test_a_link_is_an_id_whether_or_not_it_is_expanded() -> None:
    for link in ("ch_1", {"id": "ch_1", "object": "charge"}):
        assert row(PAYMENT_INTENTS, intent(1, 100, latest_charge=link))["latest_charge_id"] == "ch_1"
        assert row(REFUNDS, refund(1, 100, charge=link))["charge_id"] == "ch_1"


def test_an_invoice_carries_its_arithmetic() -> None:
    """8.33 and 0.10 of tax: 843 minor units on two lines."""
    taxes = [{"amount": 833}, {"amount": 10}]
    found = row(
        INVOICES,
        invoice(1, 100, total_taxes=taxes, currency="GBP", status_transitions={"paid_at": 200}),
    )
    assert (found["tax"], found["tax_lines"], found["currency"]) == (843, 2, "gbp")
    assert (found["paid_at"], found["voided_at"]) == (datetime(1970, 1, 1, 0, 3, 20), None)
    assert row(INVOICES, invoice(1, 100))["tax"] is None


def test_a_payment_of_an_invoice_names_what_paid_it() -> None:
    base = {"id": "inpay_1", "created": 100, "invoice": "in_1", "status": "paid"}
    paid = row(INVOICE_PAYMENTS, base | {"payment": {"type": "payment_intent", "payment_intent": "pi_1"}})
    assert (paid["invoice_id"], paid["payment_type"]) == ("in_1", "payment_intent")
    assert (paid["payment_intent_id"], paid["charge_id"]) == ("pi_1", None)
    elsewhere = row(
        INVOICE_PAYMENTS, base | {"payment": {"type": "payment_record", "payment_record": "pr_1"}}
    )
    assert (elsewhere["payment_record_id"], elsewhere["payment_intent_id"]) == ("pr_1", None)


def test_an_exchange_rate_keeps_its_digits() -> None:
    found = {"id": "txn_1", "created": 100, "exchange_rate": 1.1733, "fee_details": [{"amount": 2}]}
    assert row(BALANCE_TRANSACTIONS, found)["exchange_rate"] == Decimal("1.1733")
    assert row(BALANCE_TRANSACTIONS, found)["fee_details"] == '[{"amount":2}]'
    assert row(BALANCE_TRANSACTIONS, found)["livemode"] is None


def test_the_refunds_of_a_credit_note_are_kept_as_a_list() -> None:
    found = {"id": "cn_1", "created": 100, "refunds": [{"refund": "re_1", "amount_refunded": 5}]}
    assert json.loads(row(CREDIT_NOTES, found)["refunds"]) == found["refunds"]


def test_a_tombstone_repeats_the_last_version_and_is_deleted() -> None:
    known = row(INVOICES, invoice(1, 100, status="draft"))
    gone = INVOICES.tombstone(known, datetime(2026, 11, 3))
    assert json.loads(gone["payload"]) == {"id": "in_0001", "object": "invoice", "deleted": True}
    assert (gone["origin"], gone["fetched_at"]) == ("tombstone", datetime(2026, 11, 3))
    assert gone["content_sha256"] != known["content_sha256"]
    unchanged = set(known) - {"payload", "origin", "fetched_at", "content_sha256"}
    assert all(gone[name] == known[name] for name in unchanged)
