"""Payments that match but are unusual: the flags of recon_invoice_payments.

    odd days           one top-up in turn: tried twice, paid in two parts, its Stripe invoice names another workspace,
                       or a credit note takes a tenth off before it is paid
    end of a month     one top-up is paid after midnight, in the next
    first of a month   a top-up and the renewal of its workspace are paid at once

Faults of a payment (`billing`) raise flags too; `flags_of` returns both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from ingestion.sandbox.world.randomness import generator
from ingestion.sandbox.world.traffic import date_of

if TYPE_CHECKING:
    from ingestion.sandbox.billing.invoices import Invoice

ODDITIES = (
    "has_failed_attempts",
    "has_multiple_payments",
    "has_metadata_disagreement",
    "is_ambiguous_link",
    "has_credit_note",
)
"""The oddity of one top-up on odd days, in turn."""

_MISNAMED = ("has_metadata_disagreement", "is_ambiguous_link")
"""Those that need another invoice to name."""

PAID_WITH = "paid_with"
"""The second invoice of a payment that pays two."""

_FLAGS = {
    "is_ambiguous_link": ("is_ambiguous_link", "has_metadata_disagreement"),
    PAID_WITH: ("has_split_payment",),
    "metadata_conflict_workspace": ("has_metadata_disagreement",),
    "metadata_conflict_invoice": ("is_ambiguous_link", "has_metadata_disagreement"),
    "payment_failed": ("has_failed_attempts",),
    "no_money_moved": ("has_failed_attempts",),
    "duplicate_charge": ("has_multiple_payments",),
    "matched_metadata_missing": ("is_metadata_missing",),
    "refunded": ("has_refund",),
    "partially_refunded": ("has_refund",),
    "disputed": ("has_dispute",),
}
_OF_THEIR_OWN = (*ODDITIES, "is_cross_period", "has_split_payment")


@dataclass(frozen=True)
class Oddity:
    """The oddity of an invoice's payment, and the other invoice involved."""

    kind: str
    other: Invoice | None = None


def odd_payments(seed: int, day: int, right: Sequence[Invoice]) -> dict[int, Oddity]:
    """Choose the oddities of a day's payments by invoice number, among the correct ones."""
    topups = [invoice for invoice in right if invoice.kind == "topup"]
    today = date_of(day)
    if today.day == 1:
        return _paid_at_once(topups, right)
    if day == 0 or not topups:
        return {}
    first, *others = (topups[i] for i in generator(seed, "oddity", day).permutation(len(topups)))
    if ends_month(today):
        return {first.number: Oddity("is_cross_period")}
    kind = ODDITIES[day // 2 % len(ODDITIES)]
    if day % 2 == 0 or (kind in _MISNAMED and not others):
        return {}
    return {first.number: Oddity(kind, others[0] if others else None)}


def ends_month(day: date) -> bool:
    """Return whether a day is the last of its month."""
    return (day + timedelta(days=1)).day == 1


def flags_of(kind: str | None) -> tuple[str, ...]:
    """Return the flags an invoice has for an oddity or a trouble."""
    if kind in _FLAGS:
        return _FLAGS[kind]
    return (kind,) if kind in _OF_THEIR_OWN else ()


def _paid_at_once(topups: Sequence[Invoice], right: Sequence[Invoice]) -> dict[int, Oddity]:
    """Join the first top-up whose workspace has a renewal too with that renewal."""
    for topup in topups:
        for renewal in right:
            if renewal.kind == "renewal" and renewal.workspace == topup.workspace:
                return {
                    topup.number: Oddity("has_split_payment", renewal),
                    renewal.number: Oddity(PAID_WITH, topup),
                }
    return {}
