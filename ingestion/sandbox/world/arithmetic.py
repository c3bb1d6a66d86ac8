"""Correctly paid invoices whose own numbers contradict each other.

    even days    one top-up in turn: the gateway's line or Stripe's invoice has an impossible net, tax, rate or
                 treatment, or lacks what the check needs

The amount to pay does not change, so the payment still matches. A reason of recon_invoice_arithmetic that both
documents can have is listed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ingestion.sandbox.billing.stripe_objects import tax_line

Fields = dict[str, Any]

GATEWAY, STRIPE = "inv", "in"
"""The document; prefix of its id in recon_invoice_arithmetic."""

_OFF_BY = 5


def _net_and_vat(net: int, vat: int) -> Fields:
    return {"net": net, "vat": vat}


#: Wrong fields of a line, from its net and its VAT in minor units; the caller makes amounts text.
_LINES: Mapping[str, Callable[[int, int], Fields]] = {
    "total_is_not_net_plus_tax": lambda net, vat: _net_and_vat(net - 1, vat),
    "tax_is_not_rate_times_net": lambda net, vat: _net_and_vat(net - _OFF_BY, vat + _OFF_BY),
    "rate_is_not_the_standard_rate": lambda net, vat: _at_five_percent(net + vat),
    "reverse_charge_with_tax": lambda net, vat: {"vat_treatment": "reverse_charge"},
    "untaxed_with_tax": lambda net, vat: {"vat_treatment": "exempt"},
    "total_differs_from_stripe": lambda net, vat: {},
    "treatment_missing": lambda net, vat: {"vat_treatment": None},
    "treatment_unknown": lambda net, vat: {"vat_treatment": "margin_scheme"},
    "rate_missing": lambda net, vat: {"vat_rate": None},
    "tax_id_missing": lambda net, vat: {
        **_net_and_vat(net + vat, 0), "vat_rate": "0.00", "vat_treatment": "reverse_charge"
    },
}  # fmt: skip

#: Wrong fields of Stripe's invoice, from its total and its tax in minor units, by the document that shows it.
_DOCUMENTS: Mapping[tuple[str, str], Callable[[int, int], Fields]] = {
    (GATEWAY, "total_differs_from_stripe"): lambda total, tax: _of_total(total + 100, tax),
    (GATEWAY, "tax_id_missing"): lambda total, tax: {**_of_total(total, 0), "customer_tax_ids": []},
    (STRIPE, "lines_are_not_the_subtotal"): lambda total, tax: {
        "lines": {"data": [{"amount": total - tax - 1}], "has_more": False}
    },
    (STRIPE, "total_is_not_net_plus_tax"): lambda total, tax: {"total_excluding_tax": total - tax - 1},
    (STRIPE, "amount_due_is_not_total_less_credits"): lambda total, tax: {
        "amount_due": total - 1, "amount_paid": total - 1
    },
    (STRIPE, "amount_due_is_not_paid_plus_remaining"): lambda total, tax: {"amount_remaining": 1},
    (STRIPE, "reverse_charge_with_tax"): lambda total, tax: {
        "total_taxes": [{**tax_line(tax, total - tax), "taxability_reason": "reverse_charge"}]
    },
}  # fmt: skip

CONTRADICTIONS = (
    *((GATEWAY, reason) for reason in _LINES),
    *((document, reason) for document, reason in _DOCUMENTS if document == STRIPE),
)
"""The contradiction of one top-up, in turn: the document, and the expected reason."""


def spoiled_line(contradiction: tuple[str, str], net: int, vat: int) -> Fields:
    """Return the wrong fields of a gateway's line."""
    document, reason = contradiction
    return _LINES[reason](net, vat) if document == GATEWAY else {}


def spoiled_document(contradiction: tuple[str, str], total: int, tax: int) -> Fields:
    """Return the wrong fields of Stripe's invoice."""
    spoil = _DOCUMENTS.get(contradiction)
    return spoil(total, tax) if spoil else {}


def _of_total(total: int, tax: int) -> Fields:
    """Return the fields of a paid Stripe invoice of another total."""
    return {
        "amount_due": total,
        "amount_paid": total,
        "subtotal": total - tax,
        "total": total,
        "total_excluding_tax": total - tax,
        "total_taxes": [tax_line(tax, total - tax)],
    }


def _at_five_percent(total: int) -> Fields:
    net = (total * 100 + 52) // 105
    return {**_net_and_vat(net, total - net), "vat_rate": "0.05"}
