"""Correct payments that settle wrongly: the statuses of recon_payment_settlements.

    odd days    one top-up in turn: its charge moves the balance by another amount, in another currency, or not
                at all; or a refund fails, or the balance moves for a charge that no list shows

Stripe pays out in the currency of the account's bank: other currencies are converted at Stripe's rate.

Rulings: docs/decisions/sandbox.md#sandbox-2.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

SETTLEMENTS = (
    "currency_converted",
    "amount_mismatch",
    "missing_balance_transaction",
    "net_mismatch",
    "no_money_moved",
    "unknown_object",
)
"""Settlement faults of one top-up, in turn; the statuses they end in."""

STILL_PENDING = timedelta(days=3)
"""How long a charge may be missing in the balance before it counts as missing."""

_SETTLES_IN = {"gbp": ("usd", "1.2643"), "usd": ("gbp", "0.7909"), "jpy": ("usd", "0.0067")}
_MINOR_PER_MAJOR = {"gbp": 100, "usd": 100, "jpy": 1}
_SHORT_BY = 7


def spoiled_movement(settlement: str | None, amount: int, fee: int, currency: str) -> dict[str, Any]:
    """Return the wrong fields of a charge's balance movement; minor units."""
    if settlement == "amount_mismatch":
        return {"amount": amount - _SHORT_BY, "net": amount - _SHORT_BY - fee}
    if settlement == "net_mismatch":
        return {"net": amount - fee - 1}
    if settlement != "currency_converted":
        return {}
    settled, rate = _SETTLES_IN[currency]
    gross, kept = (_converted(minor, currency, settled, rate) for minor in (amount, fee))
    return {
        "amount": gross,
        "currency": settled,
        "exchange_rate": float(rate),
        "fee": kept,
        "fee_details": [{"amount": kept, "currency": settled, "type": "stripe_fee"}],
        "net": gross - kept,
    }


def _converted(minor: int, currency: str, settled: str, rate: str) -> int:
    """Convert minor units: 1000 jpy at 0.0067 are 6.70 usd, so 670."""
    major = Decimal(minor) / _MINOR_PER_MAJOR[currency] * Decimal(rate)
    return int((major * _MINOR_PER_MAJOR[settled]).quantize(Decimal(1), ROUND_HALF_UP))
