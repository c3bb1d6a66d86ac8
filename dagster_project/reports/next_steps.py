"""What to do about each status of each reconciliation; a status without a step needs no action.

A test compares these with the statuses of the marts, so that none is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dagster_project.dbt_runner.variance_causes import variance_reasons
from ingestion.duck import literal


@dataclass(frozen=True)
class Reconciliation:
    """One mart, how its items are counted and valued, and what to do about their statuses.

    `status`, `items`, `amount`, `currency` and `day` are SQL over the mart's columns; `settled` names the statuses that
    need no action.
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
        "livemode_mismatch": "a test payment in live books or the reverse: set the mode in sources.yml,"
        " or use separate keys",
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
        "net_mismatch": "net is not gross less fee: read the balance transaction again",
        "unknown_object": "the balance moved for an object that was not fetched: run `tollbook run` again, then look up"
        " its id",
    },
    settled=frozenset({"settled", "pending", "currency_converted", "no_money_moved", "livemode_mismatch"}),
)

INVOICE_ARITHMETIC = Reconciliation(
    mart="recon_invoice_arithmetic",
    title="Invoices and their own numbers",
    amount="total_amount",
    currency="currency",
    day="cast(issued_at as date)",
    next_steps={
        "inconsistent": "the numbers contradict each other: see `reasons`, and have the invoice corrected",
        "warning": "something is missing for the check: see `reasons`, and ask the issuer of the invoices",
    },
    settled=frozenset({"consistent"}),
)

USAGE_API = Reconciliation(
    mart="recon_usage_api",
    title="Usage APIs and the logs",
    amount="api_cost_usd",
    currency="'usd'",
    day="event_date",
    next_steps={
        "missing_log": "the API counts calls the logs lack: deliver that day's log again, then look for the gap",
        "duplicate_log": "the logs hold calls the API does not count: look for a file delivered twice",
        "token_mismatch": "same calls, other tokens: compare a request of that day with the gateway's own page",
        "cost_mismatch": "same tokens, other cost: see recon_reported_costs for that day, then the price list",
    },
    settled=frozenset({"match", "rounding", "not_reported"}),
)

COPIES = Reconciliation(
    mart="recon_copies",
    title="Copies of one call",
    status="field",
    amount="case when field = 'reported_cost_usd' then cast(other_value as decimal(18, 12)) - cast(kept_value as"
    " decimal(18, 12)) else 0 end",
    currency="'usd'",
    day="event_date",
    next_steps={
        "model": "the response names another model than the export: the books follow the response; ask the gateway",
        "input_tokens": "see both lines, and ask the gateway which count it bills",
        "output_tokens": "see both lines, and ask the gateway which count it bills",
        "cache_read_tokens": "see both lines, and ask the gateway which count it bills",
        "credits_used": "the books count the export: compare with the wallet, then ask the gateway",
        "quota_used": "the books count the later delivery: compare with the balance, then ask the gateway",
        "reported_cost_usd": "see both lines, and ask the gateway what it charged",
    },
    settled=frozenset(),
)

CREDIT_GRANTS = Reconciliation(
    mart="recon_credit_grants",
    title="Invoices and the credits delivered",
    amount="coalesce(promised_micro, delivered_micro) * 0.000001",
    currency="unit",
    day="cast(promised_at as date)",
    next_steps={
        "not_delivered": "paid and not credited: have the gateway credit the wallet",
        "over_delivered": "more credits than were bought: correct the wallet, or book a promotion in credit_grants",
        "under_delivered": "fewer credits than were bought: have the gateway credit the rest",
        "delivered_twice": "one payment was credited twice: take the second back",
        "delivered_without_invoice": "credits without an invoice: find it, or book a promotion in credit_grants",
    },
    settled=frozenset({"matched", "not_comparable"}),
    amount_type="decimal(38, 6)",
)

CREDIT_BURN = Reconciliation(
    mart="recon_credit_burn",
    title="Usage and the credits it drew",
    amount="logged_micro * 0.000001",
    currency="'credits'",
    day="event_date",
    next_steps={
        "not_posted": "the ledger lacks usage the logs have: run `tollbook run` again; in a closed month, calls without"
        " a wallet now belong to another one, and the open month corrects it",
        "missing_in_logs": "the gateway drew credits for calls the logs lack: deliver that day's log again",
        "missing_in_usage_api": "the logs hold usage the gateway does not count: look for a file delivered twice",
    },
    settled=frozenset({"matched", "not_reported"}),
    amount_type="decimal(38, 6)",
)

CREDIT_BALANCES = Reconciliation(
    mart="recon_credit_balances",
    title="The ledger and the balances read by hand",
    amount="reported_micro * 0.000001",
    currency="'credits'",
    day="balance_on",
    next_steps={
        "ledger_above": "the gateway shows less: look for usage the logs lack, or an expiry credit_packs lacks",
        "ledger_below": "the gateway shows more: book the grants the ledger lacks in credit_grants.csv",
        "not_in_books": "that wallet is unknown: compare its name in credit_balances.csv with dim_workspaces",
    },
    settled=frozenset({"matched"}),
    amount_type="decimal(38, 6)",
)

#: Variance reasons of which all that was charged is claimed back.
CLAIMED = tuple(known.reason for known in variance_reasons() if known.claims_charge)

REPORTED_COSTS = Reconciliation(
    mart="recon_reported_costs",
    title="Reported and recomputed costs",
    status="variance_reason",
    items="sum(requests)",
    amount=(
        "case variance_reason"
        # claim_usd, which the marts of earlier versions lack.
        f"{''.join(f' when {literal(reason)} then charged_usd + unpriced_charge_usd' for reason in CLAIMED)}"
        " when 'unpriced' then unpriced_charge_usd when 'missing_report' then unreported_cost_usd"
        " when 'gateway_unpriced' then cost_variance_usd - unreported_cost_usd"
        " else cost_variance_usd end"
    ),
    currency="'usd'",
    day="event_date",
    next_steps={
        known.reason: f"{known.summary}: {known.what_to_do}"
        for known in variance_reasons()
        if not known.is_settled
    },
    settled=frozenset(known.reason for known in variance_reasons() if known.is_settled),
    amount_type="decimal(38, 12)",
)

RECONCILIATIONS = (
    REPORTED_COSTS,
    INVOICE_PAYMENTS,
    PAYMENT_SETTLEMENTS,
    INVOICE_ARITHMETIC,
    USAGE_API,
    COPIES,
    CREDIT_GRANTS,
    CREDIT_BURN,
    CREDIT_BALANCES,
)
