"""How a payment looks in Stripe: the objects the loopback server serves, with Stripe's own field names.

Amounts are whole minor units of the currency. Every key is one the SDK's classes know in the pinned API
version, which a test holds them to. What is paid, and what goes wrong, is billing.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]

FAILED_STATUSES = ("requires_payment_method", "canceled")


@dataclass
class Stripe:
    """The objects of one account in test mode, by kind, oldest first."""

    objects: dict[str, list[Object]] = field(
        default_factory=lambda: {
            kind: []
            for kind in ("payment_intents", "charges", "refunds", "disputes", "invoices", "invoice_payments")
        }
    )

    def pay(
        self,
        key: str,
        created: int,
        amount: int,
        currency: str,
        customer: str,
        metadata: dict[str, str],
        status: str = "succeeded",
    ) -> Object:
        """Add a payment intent and, where somebody tried to pay, its charge; return the intent."""
        paid, tried = status == "succeeded", status != "processing"
        charge = f"ch_{key}"
        intent = {
            "id": f"pi_{key}",
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_received": amount if paid else 0,
            "canceled_at": None,
            "capture_method": "automatic",
            "client_secret": f"pi_{key}_secret_sandbox",
            "confirmation_method": "automatic",
            "created": created,
            "currency": currency,
            "customer": customer,
            "description": "Credit pack",
            "last_payment_error": {"type": "card_error", "code": "card_declined"}
            if tried and not paid
            else None,
            "latest_charge": charge if tried else None,
            "livemode": False,
            "metadata": metadata,
            "payment_method_types": ["card"] if tried else ["bacs_debit"],
            "status": status,
        }
        self.objects["payment_intents"].append(intent)
        if tried:
            self.objects["charges"].append(
                {
                    "id": charge,
                    "object": "charge",
                    "amount": amount,
                    "amount_captured": amount if paid else 0,
                    "amount_refunded": 0,
                    "captured": paid,
                    "created": created + 1,
                    "currency": currency,
                    "customer": customer,
                    "disputed": False,
                    "failure_code": None if paid else "card_declined",
                    "livemode": False,
                    "metadata": metadata,
                    "paid": paid,
                    "payment_intent": intent["id"],
                    "refunded": False,
                    "status": "succeeded" if paid else "failed",
                }
            )
        return intent

    def bill(
        self, key: str, created: int, total: int, tax: int, intent: Object, metadata: dict[str, str]
    ) -> None:
        """Add the Stripe invoice an intent pays, and the payment that joins the two."""
        paid = intent["status"] == "succeeded"
        self.objects["invoices"].append(
            {
                "id": f"in_{key}",
                "object": "invoice",
                "amount_due": total,
                "amount_overpaid": 0,
                "amount_paid": total if paid else 0,
                "amount_remaining": 0 if paid else total,
                "billing_reason": "manual",
                "collection_method": "charge_automatically",
                "created": created,
                "currency": intent["currency"],
                "customer": intent["customer"],
                "livemode": False,
                "metadata": metadata,
                "status": "paid" if paid else "open",
                "subtotal": total - tax,
                "total": total,
                "total_excluding_tax": total - tax,
            }
        )
        self.objects["invoice_payments"].append(
            {
                "id": f"inpay_{key}",
                "object": "invoice_payment",
                "amount_paid": intent["amount_received"] or None,
                "amount_requested": total,
                "created": created,
                "currency": intent["currency"],
                "invoice": f"in_{key}",
                "is_default": True,
                "livemode": False,
                "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
                "status": "paid" if paid else "open",
            }
        )

    def refund(self, intent: Object, created: int, amount: int) -> None:
        """Give some of a paid intent back."""
        self.objects["refunds"].append(
            {
                "id": f"re_{intent['id'][3:]}",
                "object": "refund",
                "amount": amount,
                "charge": intent["latest_charge"],
                "created": created,
                "currency": intent["currency"],
                "metadata": {},
                "payment_intent": intent["id"],
                "reason": "requested_by_customer",
                "status": "succeeded",
            }
        )
        charge = self._charge(intent)
        charge["amount_refunded"], charge["refunded"] = amount, amount == charge["amount"]

    def dispute(self, intent: Object, created: int) -> None:
        """Let the customer's bank take a paid intent into question."""
        self.objects["disputes"].append(
            {
                "id": f"dp_{intent['id'][3:]}",
                "object": "dispute",
                "amount": intent["amount"],
                "charge": intent["latest_charge"],
                "created": created,
                "currency": intent["currency"],
                "livemode": False,
                "metadata": {},
                "payment_intent": intent["id"],
                "reason": "fraudulent",
                "status": "needs_response",
            }
        )
        self._charge(intent)["disputed"] = True

    def _charge(self, intent: Object) -> Object:
        """Return the charge an intent last made."""
        charges = reversed(self.objects["charges"])
        return next(charge for charge in charges if charge["id"] == intent["latest_charge"])
