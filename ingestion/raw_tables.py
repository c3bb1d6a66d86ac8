"""The exact columns of every raw table, so that dbt can read all of them in a home that has received nothing
yet.
"""

from __future__ import annotations

from ingestion.connectors import CONNECTORS

Columns = list[tuple[str, str]]


def _stripe(kind: str, own: str, later: str = "") -> Columns:
    """Return the columns of one kind of Stripe object; those in `later` came after tables had been written.

    A name alone is text; `name:TYPE` is another type.
    """
    head = (
        f"source {kind}_id content_sha256 fetched_at:TIMESTAMP origin livemode:BOOLEAN created_at:TIMESTAMP"
    )
    names = f"{head} {own} payload {later}".split()
    return [(name, kind or "VARCHAR") for name, _, kind in (entry.partition(":") for entry in names)]


_OUR_METADATA = "workspace_id infery_invoice_id metadata"
_TAKEN_BACK = "amount:BIGINT payment_intent_id charge_id currency status"

#: Versions of Stripe objects, append-only by (id, content). Amounts are minor units.
STRIPE_TABLES: dict[str, Columns] = {
    "stripe_payment_intents": _stripe(
        "payment_intent",
        "amount:BIGINT amount_received:BIGINT currency status customer_id latest_charge_id " + _OUR_METADATA,
    ),
    "stripe_invoices": _stripe(
        "invoice",
        "currency status number customer_id billing_reason collection_method "
        "subtotal:BIGINT total_excluding_tax:BIGINT tax:BIGINT tax_lines:BIGINT total:BIGINT "
        "amount_due:BIGINT amount_paid:BIGINT amount_paid_off_stripe:BIGINT amount_remaining:BIGINT "
        "amount_overpaid:BIGINT starting_balance:BIGINT ending_balance:BIGINT "
        "pre_payment_credit_notes_amount:BIGINT post_payment_credit_notes_amount:BIGINT "
        "period_start:TIMESTAMP period_end:TIMESTAMP due_at:TIMESTAMP finalized_at:TIMESTAMP "
        "paid_at:TIMESTAMP voided_at:TIMESTAMP marked_uncollectible_at:TIMESTAMP " + _OUR_METADATA,
    ),
    "stripe_invoice_payments": _stripe(
        "invoice_payment",
        "invoice_id payment_type payment_intent_id charge_id payment_record_id "
        "amount_requested:BIGINT amount_paid:BIGINT currency status is_default:BOOLEAN "
        "paid_at:TIMESTAMP canceled_at:TIMESTAMP",
    ),
    "stripe_charges": _stripe(
        "charge",
        "amount:BIGINT amount_captured:BIGINT amount_refunded:BIGINT currency status "
        "payment_intent_id customer_id balance_transaction_id "
        "is_paid:BOOLEAN is_captured:BOOLEAN is_refunded:BOOLEAN is_disputed:BOOLEAN failure_code "
        + _OUR_METADATA,
    ),
    "stripe_refunds": _stripe("refund", _TAKEN_BACK, "reason balance_transaction_id " + _OUR_METADATA),
    "stripe_disputes": _stripe("dispute", _TAKEN_BACK, "reason " + _OUR_METADATA),
    "stripe_credit_notes": _stripe(
        "credit_note",
        "invoice_id customer_id type currency status reason "
        "amount:BIGINT subtotal:BIGINT total_excluding_tax:BIGINT tax:BIGINT total:BIGINT "
        "pre_payment_amount:BIGINT post_payment_amount:BIGINT out_of_band_amount:BIGINT "
        "refunds voided_at:TIMESTAMP " + _OUR_METADATA,
    ),
    "stripe_balance_transactions": _stripe(
        "balance_transaction",
        "type reporting_category source_id amount:BIGINT fee:BIGINT net:BIGINT currency status "
        "available_on:TIMESTAMP exchange_rate:DECIMAL(18,9) fee_details",
    ),
}

#: Lines that did not become rows.
REJECT_COLUMNS: Columns = [
    ("source", "VARCHAR"),
    ("stream", "VARCHAR"),
    ("delivered_on", "DATE"),
    ("raw_file", "VARCHAR"),
    ("raw_line", "BIGINT"),
    ("reason", "VARCHAR"),
    ("detail", "VARCHAR"),
    ("excerpt", "VARCHAR"),
]


def tables() -> dict[str, Columns]:
    """Return (column, type) of every raw table filled from landing files or Stripe, in order."""
    streams = [stream for connector in CONNECTORS.values() for stream in connector.streams]
    return {stream.table: stream.table_columns() for stream in streams} | STRIPE_TABLES
