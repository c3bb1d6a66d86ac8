"""What is read from Stripe: per kind of object its raw table, its columns, and its final statuses.

To add a kind, add an entry here. A kind without events in Stripe, such as balance transactions, changes without notice:
its list reaches further back instead.
"""

from __future__ import annotations

from datetime import timedelta

from ingestion.stripe_api.shape import (
    OUR_METADATA,
    Columns,
    ObjectKind,
    as_json,
    counted,
    flag,
    lower,
    minor,
    moment,
    rate,
    reference,
    summed,
    text,
)

_AMOUNT: Columns = {"amount": minor("amount")}
_STATE: Columns = {"currency": lower("currency"), "status": text("status")}
_TAKEN_BACK: Columns = {
    **_AMOUNT,
    "payment_intent_id": reference("payment_intent"),
    "charge_id": reference("charge"),
    **_STATE,
}

PAYMENT_INTENTS = ObjectKind(
    name="payment_intents",
    object_name="payment_intent",
    table="stripe_payment_intents",
    id_column="payment_intent_id",
    final=frozenset({"succeeded", "canceled"}),
    columns={
        **_AMOUNT,
        "amount_received": minor("amount_received"),
        **_STATE,
        "customer_id": reference("customer"),
        "latest_charge_id": reference("latest_charge"),
        **OUR_METADATA,
    },
)

INVOICES = ObjectKind(
    name="invoices",
    object_name="invoice",
    table="stripe_invoices",
    id_column="invoice_id",
    final=frozenset({"paid", "void", "uncollectible"}),
    may_vanish=frozenset({"draft"}),
    columns={
        **_STATE,
        "number": text("number"),
        "customer_id": reference("customer"),
        "billing_reason": text("billing_reason"),
        "collection_method": text("collection_method"),
        "subtotal": minor("subtotal"),
        "total_excluding_tax": minor("total_excluding_tax"),
        "tax": summed("total_taxes"),
        "tax_lines": counted("total_taxes"),
        "total": minor("total"),
        "amount_due": minor("amount_due"),
        "amount_paid": minor("amount_paid"),
        "amount_paid_off_stripe": minor("amount_paid_off_stripe"),
        "amount_remaining": minor("amount_remaining"),
        "amount_overpaid": minor("amount_overpaid"),
        "starting_balance": minor("starting_balance"),
        "ending_balance": minor("ending_balance"),
        "pre_payment_credit_notes_amount": minor("pre_payment_credit_notes_amount"),
        "post_payment_credit_notes_amount": minor("post_payment_credit_notes_amount"),
        "period_start": moment("period_start"),
        "period_end": moment("period_end"),
        "due_at": moment("due_date"),
        "finalized_at": moment("status_transitions.finalized_at"),
        "paid_at": moment("status_transitions.paid_at"),
        "voided_at": moment("status_transitions.voided_at"),
        "marked_uncollectible_at": moment("status_transitions.marked_uncollectible_at"),
        **OUR_METADATA,
    },
)

INVOICE_PAYMENTS = ObjectKind(
    name="invoice_payments",
    object_name="invoice_payment",
    table="stripe_invoice_payments",
    id_column="invoice_payment_id",
    final=frozenset({"paid", "canceled"}),
    columns={
        "invoice_id": reference("invoice"),
        "payment_type": text("payment.type"),
        "payment_intent_id": reference("payment.payment_intent"),
        "charge_id": reference("payment.charge"),
        "payment_record_id": reference("payment.payment_record"),
        "amount_requested": minor("amount_requested"),
        "amount_paid": minor("amount_paid"),
        **_STATE,
        "is_default": flag("is_default"),
        "paid_at": moment("status_transitions.paid_at"),
        "canceled_at": moment("status_transitions.canceled_at"),
    },
)

CHARGES = ObjectKind(
    name="charges",
    object_name="charge",
    table="stripe_charges",
    id_column="charge_id",
    final=frozenset({"succeeded", "failed"}),
    columns={
        **_AMOUNT,
        "amount_captured": minor("amount_captured"),
        "amount_refunded": minor("amount_refunded"),
        **_STATE,
        "payment_intent_id": reference("payment_intent"),
        "customer_id": reference("customer"),
        "balance_transaction_id": reference("balance_transaction"),
        "is_paid": flag("paid"),
        "is_captured": flag("captured"),
        "is_refunded": flag("refunded"),
        "is_disputed": flag("disputed"),
        "failure_code": text("failure_code"),
        **OUR_METADATA,
    },
)

REFUNDS = ObjectKind(
    name="refunds",
    object_name="refund",
    table="stripe_refunds",
    id_column="refund_id",
    final=frozenset({"succeeded", "failed", "canceled"}),
    columns=_TAKEN_BACK,
    later={
        "reason": text("reason"),
        "balance_transaction_id": reference("balance_transaction"),
        **OUR_METADATA,
    },
)

DISPUTES = ObjectKind(
    name="disputes",
    object_name="dispute",
    table="stripe_disputes",
    id_column="dispute_id",
    final=frozenset({"won", "lost", "warning_closed", "prevented"}),
    columns=_TAKEN_BACK,
    later={"reason": text("reason"), **OUR_METADATA},
)

CREDIT_NOTES = ObjectKind(
    name="credit_notes",
    object_name="credit_note",
    table="stripe_credit_notes",
    id_column="credit_note_id",
    final=frozenset({"issued", "void"}),
    columns={
        "invoice_id": reference("invoice"),
        "customer_id": reference("customer"),
        "type": text("type"),
        **_STATE,
        "reason": text("reason"),
        **_AMOUNT,
        "subtotal": minor("subtotal"),
        "total_excluding_tax": minor("total_excluding_tax"),
        "tax": summed("total_taxes"),
        "total": minor("total"),
        "pre_payment_amount": minor("pre_payment_amount"),
        "post_payment_amount": minor("post_payment_amount"),
        "out_of_band_amount": minor("out_of_band_amount"),
        "refunds": as_json("refunds"),
        "voided_at": moment("voided_at"),
        **OUR_METADATA,
    },
)

BALANCE_TRANSACTIONS = ObjectKind(
    name="balance_transactions",
    object_name="balance_transaction",
    table="stripe_balance_transactions",
    id_column="balance_transaction_id",
    final=frozenset({"available"}),
    overlap=timedelta(days=10),
    columns={
        "type": text("type"),
        "reporting_category": text("reporting_category"),
        "source_id": reference("source"),
        **_AMOUNT,
        "fee": minor("fee"),
        "net": minor("net"),
        **_STATE,
        "available_on": moment("available_on"),
        "exchange_rate": rate("exchange_rate"),
        "fee_details": as_json("fee_details"),
    },
)

STREAMS = (
    PAYMENT_INTENTS,
    INVOICES,
    INVOICE_PAYMENTS,
    CHARGES,
    REFUNDS,
    DISPUTES,
    CREDIT_NOTES,
    BALANCE_TRANSACTIONS,
)
