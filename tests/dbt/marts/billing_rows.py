"""Rows of the billing tables as ingestion writes them, by what differs from the usual: an invoice of 50.00 gbp, issued
on 2026-10-01 and paid by one intent of its own.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def invoice(invoice_id: str, **changed: Any) -> Row:
    usual = {
        "invoice_id": invoice_id,
        "workspace_id": "ws_1",
        "kind": "topup",
        "status": "paid",
        "issued_at": "2026-10-01 10:00:00",
        "delivered_on": "2026-10-02",
        "currency": "gbp",
        "net": "41.67",
        "vat": "8.33",
        "vat_rate": "0.20",
        "total": "50.00",
        "vat_treatment": "standard",
        "credits": 5000,
    }
    return usual | changed


def intent(payment_intent_id: str, invoice_id: str | None = None, **changed: Any) -> Row:
    usual = {
        "payment_intent_id": payment_intent_id,
        "source": "stripe",
        "content_sha256": "1",
        "fetched_at": "2026-10-02 00:00:00",
        "livemode": False,
        "created_at": "2026-10-01 09:59:00",
        "status": "succeeded",
        "amount": 5000,
        "amount_received": 5000,
        "currency": "gbp",
        "workspace_id": "ws_1",
        "infery_invoice_id": invoice_id,
    }
    return usual | changed


def returned(kind: str, number: str, payment_intent_id: str | None, **changed: Any) -> Row:
    usual = {
        f"{kind}_id": number,
        "source": "stripe",
        "content_sha256": "1",
        "fetched_at": "2026-10-02 00:00:00",
        "payment_intent_id": payment_intent_id,
        "amount": 5000,
        "currency": "gbp",
        "status": "succeeded" if kind == "refund" else "needs_response",
        "created_at": "2026-10-02 00:00:00",
    }
    return usual | changed


FAILED = {"status": "requires_payment_method", "amount_received": 0}


def fetched(kind: str, number: str, **said: Any) -> Row:
    """A version of a Stripe object as the sync of 2 October saw it."""
    usual = {
        f"{kind}_id": number,
        "source": "stripe",
        "content_sha256": "1",
        "fetched_at": "2026-10-02 00:00:00",
        "origin": "list",
        "livemode": False,
        "created_at": "2026-10-01 09:58:00",
        "currency": "gbp",
    }
    return usual | said


def document(number: str, invoice_id: str | None = None, **changed: Any) -> Row:
    """A paid Stripe invoice of 50.00 gbp, 8.33 of it VAT, that names the gateway's invoice."""
    usual = {
        "status": "paid",
        "subtotal": 4167,
        "total_excluding_tax": 4167,
        "tax": 833,
        "tax_lines": 1,
        "total": 5000,
        "amount_due": 5000,
        "amount_paid": 5000,
        "amount_paid_off_stripe": 0,
        "amount_remaining": 0,
        "amount_overpaid": 0,
        "starting_balance": 0,
        "ending_balance": 0,
        "workspace_id": "ws_1" if invoice_id else None,
        "infery_invoice_id": invoice_id,
    }
    return fetched("invoice", number, **usual | changed)


def payment(
    number: str, invoice_id: str, payment_intent_id: str | None, amount: int = 5000, **changed: Any
) -> Row:
    """What an intent paid of a Stripe invoice."""
    usual = {
        "invoice_id": invoice_id,
        "payment_intent_id": payment_intent_id,
        "payment_type": "payment_intent",
        "amount_requested": amount,
        "amount_paid": amount,
        "status": "paid",
    }
    return fetched("invoice_payment", number, **usual | changed)


def charge(number: str, payment_intent_id: str, **changed: Any) -> Row:
    """The attempt that took an intent's money."""
    usual = {
        "payment_intent_id": payment_intent_id,
        "amount": 5000,
        "amount_captured": 5000,
        "amount_refunded": 0,
        "status": "succeeded",
        "is_paid": True,
        "is_captured": True,
    }
    return fetched("charge", number, **usual | changed)


def credit_note(number: str, invoice_id: str, amount: int, **changed: Any) -> Row:
    """A credit note of a Stripe invoice, from before it was paid."""
    usual = {
        "invoice_id": invoice_id,
        "type": "pre_payment",
        "status": "issued",
        "amount": amount,
        "total": amount,
        "pre_payment_amount": amount,
        "post_payment_amount": 0,
    }
    return fetched("credit_note", number, **usual | changed)


def movement(number: str, object_id: str, amount: int = 5000, fee: int = 0, **changed: Any) -> Row:
    """A movement of the Stripe balance, available."""
    usual = {
        "source_id": object_id,
        "type": "charge",
        "reporting_category": "charge",
        "amount": amount,
        "fee": fee,
        "net": amount - fee,
        "status": "available",
    }
    return fetched("balance_transaction", number, **usual | {"livemode": None} | changed)
