"""What must be found about invoices and payments: billing's entries in the ledger of faults.

Statuses and flags are those of recon_invoice_payments, settlements those of recon_payment_settlements, contradictions
the reasons of recon_invoice_arithmetic. Amounts are text in the invoice's own currency.
"""

from __future__ import annotations

from typing import Any

from ingestion.sandbox.billing.invoices import Invoice, money
from ingestion.sandbox.world.arithmetic import GATEWAY
from ingestion.sandbox.world.ledger import Fault
from ingestion.sandbox.world.oddities import Oddity, flags_of


class BillingLedger:
    """Collects the faults of a world's billing, in the order they are planted."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._flagged: set[tuple[str, str]] = set()

    def note(
        self,
        kind: str,
        invoice: Invoice,
        subject: str,
        expected: str | None = None,
        observed: str | None = None,
        status: str | None = None,
        **detail: Any,
    ) -> None:
        """Write one fault of an invoice into the ledger."""
        day, workspace = invoice.issued_at.date().isoformat(), invoice.workspace.workspace_id
        content = {"workspace_id": workspace, **detail}
        self.faults.append(Fault(kind, day, subject, expected, observed, status, content))

    def trouble(self, invoice: Invoice, trouble: str, status: str) -> None:
        """Record the fault of a payment, and the status it must end in."""
        currency = invoice.workspace.currency
        observed = {
            "missing_in_stripe": 0,
            "amount_mismatch": invoice.total - invoice.shortfall,
            "payment_failed": 0,
            "in_flight": 0,
            "refunded": 0,
            "partially_refunded": invoice.total - invoice.total // 4,
            "duplicate_charge": 2 * invoice.total,
            "not_payable": 0,
            "settled_without_payment": 0,
            "livemode_mismatch": 0,
            "matched_with_tolerance": invoice.total - 1,
            "no_money_moved": 0,
        }.get(trouble, invoice.total)
        intent = f"pi_{invoice.key}left" if trouble == "no_money_moved" else f"pi_{invoice.key}"
        lost = trouble in ("missing_invoice", "no_money_moved")
        self.note(
            trouble,
            invoice,
            intent if lost else invoice.invoice_id,
            None if lost else money(invoice.total, currency),
            money(observed, currency),
            status,
            currency=currency,
            payment_intent=intent,
        )

    def flags(self, invoice: Invoice, trouble: str | None, oddity: Oddity | None) -> None:
        """Record the flags of an item; an ambiguous link is flagged on both invoices it could mean."""
        subject = {
            "missing_invoice": f"pi_{invoice.key}",
            "no_money_moved": f"pi_{invoice.key}left",
        }.get(trouble or "", invoice.invoice_id)
        flagged = [(flag, subject) for flag in flags_of(trouble or (oddity.kind if oddity else None))]
        if trouble == "metadata_conflict_invoice":
            flagged.append(("is_ambiguous_link", f"inv_{invoice.number - 1:05d}"))
        if oddity and oddity.other and oddity.kind == "is_ambiguous_link":
            flagged.append(("is_ambiguous_link", oddity.other.invoice_id))
        for flag, about in flagged:
            if (flag, about) not in self._flagged:
                self._flagged.add((flag, about))
                self.note(f"flag_{flag}", invoice, about)

    def settlement(self, invoice: Invoice, settlement: str) -> None:
        """Record a settlement fault, on the charge or refund that shows it."""
        charge = f"ch_{invoice.key}"
        about = {"no_money_moved": f"re_{invoice.key}", "unknown_object": f"{charge}unseen"}
        self.note(f"settlement_{settlement}", invoice, about.get(settlement, charge))

    def contradiction(self, invoice: Invoice, document: str, reason: str) -> None:
        """Record a contradiction, on the document that shows it."""
        document_id = invoice.invoice_id if document == GATEWAY else f"in_{invoice.key}"
        self.note(f"arithmetic_{reason}", invoice, f"{document}:{document_id}")
