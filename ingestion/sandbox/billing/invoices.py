"""An invoice of the gateway before any fault, and its line in the billing history.

Amounts are whole minor units here and become text with the currency's decimals in the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ingestion.sandbox.world.tenants import Workspace

DECIMALS = {"gbp": 2, "usd": 2, "jpy": 0}


@dataclass(frozen=True)
class Invoice:
    """One invoice before anything goes wrong; `net`, `vat` and `total` are minor units."""

    number: int
    workspace: Workspace
    kind: str
    issued_at: datetime
    credits: int
    net: int
    vat: int

    @property
    def invoice_id(self) -> str:
        """The gateway's own id."""
        return f"inv_{self.number:05d}"

    @property
    def key(self) -> str:
        """The common part of its Stripe ids."""
        return f"3SbX{self.number:08d}"

    @property
    def total(self) -> int:
        """The amount to pay, minor units."""
        return self.net + self.vat

    @property
    def promised(self) -> dict[str, str]:
        """The metadata the gateway puts on every Stripe object."""
        return {"workspace_id": self.workspace.workspace_id, "infery_invoice_id": self.invoice_id}

    @property
    def shortfall(self) -> int:
        """The missing amount if it is underpaid, minor units: its VAT, or a tenth where none is due."""
        return self.vat or self.total // 10


def money(minor: int, currency: str) -> str:
    """Write minor units as the currency is written: 5000 gbp is `50.00`, 5000 jpy is `5000`."""
    places = DECIMALS[currency]
    if places == 0:
        return str(minor)
    return f"{minor // 10**places}.{minor % 10**places:0{places}d}"


def line(invoice: Invoice, status: str) -> dict[str, Any]:
    """Return an invoice as the gateway's billing history lists it."""
    space, currency = invoice.workspace, invoice.workspace.currency
    renewal = invoice.kind == "renewal"
    begins = invoice.issued_at.replace(hour=0, minute=0, second=0)
    ends = (begins + timedelta(days=31)).replace(day=1)
    return {
        "invoice_id": invoice.invoice_id,
        "workspace_id": space.workspace_id,
        "kind": invoice.kind,
        "issued_at": _time(invoice.issued_at),
        "period_start": _time(begins) if renewal else None,
        "period_end": _time(ends) if renewal else None,
        "currency": currency,
        "net": money(invoice.net, currency),
        "vat_rate": "0.20" if space.vat_treatment == "standard" else "0.00",
        "vat": money(invoice.vat, currency),
        "total": money(invoice.total, currency),
        "vat_treatment": space.vat_treatment,
        "credits": invoice.credits,
        "pack": f"pack_{invoice.credits}" if not renewal else "plan_scale",
        "payment_intent": f"pi_{invoice.key}",
        "stripe_invoice": f"in_{invoice.key}",
        "pdf_url": f"https://billing.example.com/{invoice.invoice_id}.pdf",
        "receipt_url": f"https://billing.example.com/{invoice.invoice_id}/receipt",
        "billing_contact": f"billing@{space.workspace_id.replace('_', '')}.example.com",
        "status": status,
    }


def _time(moment: datetime) -> str:
    """Write a time as RFC 3339 in UTC with milliseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
