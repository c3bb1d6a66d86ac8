"""What each status of each reconciliation asks a person to do; a status without a step explains itself.

A test holds these against the statuses the marts can have, so that a new one cannot go unexplained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Reconciliation:
    """One mart, how its items are counted and valued, and what their statuses ask for.

    `status`, `items`, `amount`, `currency` and `day` are SQL over the mart's columns; `settled` names the statuses that
    ask for nothing.
    """

    mart: str
    title: str
    amount: str
    currency: str
    day: str
    next_steps: Mapping[str, str]
    settled: frozenset[str]
    status: str = "status"
    items: str = "count(*)"
    amount_type: str = "decimal(38, 2)"


INVOICE_PAYMENTS = Reconciliation(
    mart="recon_invoice_payments",
    title="Invoices and payments",
    amount="coalesce(nullif(payable_amount, 0), received_amount, 0)",
    currency="currency",
    day="cast(coalesce(issued_at, payment_created_at) as date)",
    next_steps={
        "livemode_mismatch": "a test payment stands against a live book or the reverse: set the mode in sources.yml,"
        " or keep that key apart",
        "missing_invoice": "money without an invoice: find its workspace in Stripe, then issue the invoice or"
        " refund",
        "currency_mismatch": "the payment came in another currency: settle it by hand, amounts are not netted",
        "metadata_conflict": "the payment names another workspace or invoice: correct its metadata in Stripe",
        "duplicate_charge": "paid more than once: refund the second payment",
        "disputed": "the customer disputes it: answer in Stripe before its deadline",
        "payment_failed": "every attempt failed: ask the customer for another payment method",
        "missing_in_stripe": "no payment after the days of grace: ask Stripe, then the customer",
        "amount_mismatch": "paid another amount: collect what is short, refund or credit what is over",
    },
    settled=frozenset(
        {
            "not_payable",
            "no_money_moved",
            "zero_amount",
            "settled_without_payment",
            "refunded",
            "partially_refunded",
            "in_flight",
            "timing_difference",
            "matched_with_tolerance",
            "matched_metadata_missing",
            "matched",
        }
    ),
)

PAYMENT_SETTLEMENTS = Reconciliation(
    mart="recon_payment_settlements",
    title="Payments and the Stripe balance",
    amount="amount",
    currency="coalesce(currency, settled_currency)",
    day="cast(created_at as date)",
    next_steps={
        "missing_balance_transaction": "money moved that the balance does not show: read Stripe again, then ask Stripe",
        "amount_mismatch": "the balance moved by another amount: compare the charge with its balance transaction",
        "net_mismatch": "what is left is not gross less fee: read the balance transaction again",
        "unknown_object": "the balance moved for something never fetched: run the night again, then look it up by id",
    },
    settled=frozenset({"settled", "pending", "currency_converted", "no_money_moved"}),
)

INVOICE_ARITHMETIC = Reconciliation(
    mart="recon_invoice_arithmetic",
    title="Invoices and their own numbers",
    amount="total_amount",
    currency="currency",
    day="cast(issued_at as date)",
    next_steps={
        "inconsistent": "the numbers contradict each other: see `reasons`, and have the invoice corrected",
        "warning": "something is missing to tell: see `reasons`, and ask whoever issues the invoices",
    },
    settled=frozenset({"consistent"}),
)

RECONCILIATIONS = (INVOICE_PAYMENTS, PAYMENT_SETTLEMENTS, INVOICE_ARITHMETIC)
