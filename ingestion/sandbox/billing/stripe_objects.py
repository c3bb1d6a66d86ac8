"""The Stripe objects of a payment, as the loopback server serves them, with Stripe's field names.

Amounts are whole minor units of the currency. Every key exists in the SDK's classes of the pinned API version, which a
test checks. An object that changes keeps its earlier versions (stripe_history.py). Changes after the world's end have
not happened. What is paid and what goes wrong is decided in `billing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ingestion.sandbox.billing.settlements import spoiled_movement
from ingestion.sandbox.billing.stripe_history import KINDS

Object = dict[str, Any]

AVAILABLE_AFTER_S = 3 * 86_400
_DISPUTE_FEE = {"gbp": 2_000, "usd": 1_500, "jpy": 1_500}


class Stripe:
    """The objects of one account in test mode; nothing is added or changed from second `until` on."""

    def __init__(self, until: int) -> None:
        self._until = until
        self._versions: dict[str, dict[str, list[Object]]] = {kind: {} for kind in KINDS}

    @property
    def objects(self) -> dict[str, list[Object]]:
        """The objects file: by kind, oldest first, with the versions of what has changed."""
        return {
            kind: [_entry(versions) for versions in sorted(known.values(), key=_created)]
            for kind, known in self._versions.items()
        }

    def latest(self, kind: str) -> list[Object]:
        """Return the objects of a kind as they are at the world's end."""
        return [versions[-1]["object"] for versions in self._versions[kind].values()]

    def pay(
        self,
        key: str,
        created: int,
        amount: int,
        currency: str,
        customer: str,
        metadata: dict[str, str],
        status: str = "succeeded",
        livemode: bool = False,
        settlement: str | None = None,
    ) -> Object:
        """Add a payment intent and, if a payment was tried, its charge; return the intent.

        `settlement` is its settlement fault (settlements.py).
        """
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
            "livemode": livemode,
            "metadata": metadata,
            "payment_method_types": ["card"] if tried else ["bacs_debit"],
            "status": status,
        }
        self._add("payment_intents", intent)
        if tried:
            self._charge(charge, intent, paid, settlement)
        return intent

    def name_later(self, intent: Object, at: int, metadata: dict[str, str]) -> None:
        """Write an intent's metadata after it was made; Stripe sends no event for that."""
        self._change("payment_intents", intent["id"], at, metadata=metadata)

    def bill(
        self,
        key: str,
        created: int,
        total: int,
        tax: int,
        intent: Object,
        metadata: dict[str, str],
        changed: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Add the Stripe invoice an intent pays, and the payment that joins the two.

        `changed` are wrong fields of the invoice.
        """
        paid = intent["status"] == "succeeded"
        paid_at = intent["created"] if paid else None
        self._invoice(
            key, created, total, tax, intent["currency"], intent["customer"], metadata, paid_at, changed
        )
        self.join(key, created, total, intent)

    def bill_less_note(
        self, key: str, created: int, total: int, tax: int, intent: Object, metadata: dict[str, str]
    ) -> None:
        """Add a Stripe invoice reduced by a credit note before the intent pays the rest."""
        due = intent["amount"]
        less = {"amount_due": due, "amount_paid": due, "pre_payment_credit_notes_amount": total - due}
        paid_at, customer = intent["created"], intent["customer"]
        self._invoice(key, created, total, tax, intent["currency"], customer, metadata, paid_at, less)
        self.join(key, created, due, intent)
        self._note(key, created + 2, total - due, (total - due) * tax // total, intent, "pre_payment")

    def join(self, key: str, created: int, total: int, intent: Object, part: str = "") -> None:
        """Add the payment that joins a Stripe invoice and an intent; `part` distinguishes several of one invoice.

        An intent that pays several invoices pays each in full.
        """
        paid = intent["status"] == "succeeded"
        paid_at = intent["created"] if paid else None
        self._add(
            "invoice_payments",
            {
                "id": f"inpay_{key}{part}",
                "object": "invoice_payment",
                "amount_paid": min(intent["amount_received"], total) or None,
                "amount_requested": total,
                "created": created,
                "currency": intent["currency"],
                "invoice": f"in_{key}",
                "is_default": True,
                "livemode": False,
                "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
                "status": "paid" if paid else "open",
                "status_transitions": {"canceled_at": None, "paid_at": paid_at},
            },
        )

    def settle_from_balance(
        self,
        key: str,
        created: int,
        total: int,
        tax: int,
        currency: str,
        customer: str,
        metadata: dict[str, str],
    ) -> None:
        """Add a Stripe invoice paid from the customer's credit balance, without a payment."""
        settled = {"amount_due": 0, "amount_paid": 0, "starting_balance": -total}
        self._invoice(key, created, total, tax, currency, customer, metadata, created + 1, settled)

    def refund(self, intent: Object, created: int, amount: int) -> None:
        """Refund some of a paid intent."""
        key = intent["id"][3:]
        moved = self._move(f"txn_R{key}", created, -amount, 0, intent["currency"], f"re_{key}", "refund")
        self._refund(intent, created, amount, "succeeded", moved["id"])
        whole = amount == intent["amount"]
        self._change("charges", intent["latest_charge"], created, amount_refunded=amount, refunded=whole)

    def fail_to_refund(self, intent: Object, created: int, amount: int) -> None:
        """Add a failed refund of a paid intent: the customer's bank refuses, and no money moves."""
        self._refund(intent, created, amount, "failed", None)

    def add_unlisted_movement(self, key: str, created: int, amount: int, currency: str) -> None:
        """Add a balance movement of a charge that is not listed."""
        fee, charge = _fee(amount, currency), f"ch_{key}unseen"
        self._move(f"txn_{key}unseen", created, amount, fee, currency, charge, "charge")

    def credit(self, intent: Object, created: int, amount: int, tax: int) -> None:
        """Add a credit note of a paid invoice for a refund already made; `tax` is part of the amount."""
        key = intent["id"][3:]
        self._note(key, created, amount, tax, intent, "post_payment")
        self._change("invoices", f"in_{key}", created, post_payment_credit_notes_amount=amount)

    def dispute(self, intent: Object, created: int) -> None:
        """Add a dispute of a paid intent, which takes its money back."""
        key, currency = intent["id"][3:], intent["currency"]
        fee, amount = _DISPUTE_FEE[currency], intent["amount"]
        moved = self._move(f"txn_D{key}", created, -amount, fee, currency, f"dp_{key}", "adjustment")
        self._add(
            "disputes",
            {
                "id": f"dp_{key}",
                "object": "dispute",
                "amount": amount,
                "balance_transactions": [moved],
                "charge": intent["latest_charge"],
                "created": created,
                "currency": currency,
                "is_charge_refundable": False,
                "livemode": False,
                "metadata": {},
                "payment_intent": intent["id"],
                "reason": "fraudulent",
                "status": "needs_response",
            },
        )
        self._change("charges", intent["latest_charge"], created, disputed=True)

    def _invoice(
        self,
        key: str,
        created: int,
        total: int,
        tax: int,
        currency: str,
        customer: str,
        metadata: dict[str, str],
        paid_at: int | None,
        changed: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        paid = paid_at is not None
        self._add(
            "invoices",
            {
                "id": f"in_{key}",
                "object": "invoice",
                "amount_due": total,
                "amount_overpaid": 0,
                "amount_paid": total if paid else 0,
                "amount_paid_off_stripe": 0,
                "amount_remaining": 0 if paid else total,
                "billing_reason": "manual",
                "collection_method": "charge_automatically",
                "created": created,
                "currency": currency,
                "customer": customer,
                "due_date": None,
                "ending_balance": 0,
                "hosted_invoice_url": f"https://invoice.example.com/i/{key}",
                "invoice_pdf": f"https://invoice.example.com/i/{key}/pdf",
                "livemode": False,
                "metadata": metadata,
                "number": f"SBX-{key[-8:]}",
                "period_end": created,
                "period_start": created,
                "post_payment_credit_notes_amount": 0,
                "pre_payment_credit_notes_amount": 0,
                "starting_balance": 0,
                "status": "paid" if paid else "open",
                "status_transitions": {
                    "finalized_at": created,
                    "marked_uncollectible_at": None,
                    "paid_at": paid_at,
                    "voided_at": None,
                },
                "subtotal": total - tax,
                "total": total,
                "total_excluding_tax": total - tax,
                "total_taxes": [tax_line(tax, total - tax)],
            }
            | changed,
        )

    def _refund(self, intent: Object, created: int, amount: int, status: str, moved: str | None) -> None:
        self._add(
            "refunds",
            {
                "id": f"re_{intent['id'][3:]}",
                "object": "refund",
                "amount": amount,
                "balance_transaction": moved,
                "charge": intent["latest_charge"],
                "created": created,
                "currency": intent["currency"],
                "metadata": {},
                "payment_intent": intent["id"],
                "reason": "requested_by_customer",
                "status": status,
            },
        )

    def _note(self, key: str, created: int, amount: int, tax: int, intent: Object, kind: str) -> None:
        """Add a credit note of a Stripe invoice; one after the payment names its refund."""
        after = kind == "post_payment"
        self._add(
            "credit_notes",
            {
                "id": f"cn_{key}",
                "object": "credit_note",
                "amount": amount,
                "created": created,
                "currency": intent["currency"],
                "customer": intent["customer"],
                "invoice": f"in_{key}",
                "livemode": False,
                "metadata": {},
                "number": f"SBX-{key[-8:]}-CN-01",
                "out_of_band_amount": None,
                "pdf": f"https://invoice.example.com/c/{key}/pdf",
                "post_payment_amount": amount if after else 0,
                "pre_payment_amount": 0 if after else amount,
                "reason": "order_change",
                "refunds": [{"amount_refunded": amount, "refund": f"re_{key}", "type": "refund"}]
                if after
                else [],
                "status": "issued",
                "subtotal": amount - tax,
                "total": amount,
                "total_excluding_tax": amount - tax,
                "total_taxes": [tax_line(tax, amount - tax)],
                "type": kind,
                "voided_at": None,
            },
        )

    def _charge(self, charge: str, intent: Object, paid: bool, settlement: str | None) -> None:
        """Add the charge of an intent, and its balance movement."""
        created, amount, currency = intent["created"] + 1, intent["amount"], intent["currency"]
        moved = None
        if paid and settlement != "missing_balance_transaction":
            transaction, fee = f"txn_{charge[3:]}", _fee(amount, currency)
            spoiled = spoiled_movement(settlement, amount, fee, currency)
            moved = self._move(transaction, created, amount, fee, currency, charge, "charge", spoiled)["id"]
        self._add(
            "charges",
            {
                "id": charge,
                "object": "charge",
                "amount": amount,
                "amount_captured": amount if paid else 0,
                "amount_refunded": 0,
                "balance_transaction": moved,
                "captured": paid,
                "created": created,
                "currency": currency,
                "customer": intent["customer"],
                "disputed": False,
                "failure_code": None if paid else "card_declined",
                "livemode": intent["livemode"],
                "metadata": intent["metadata"],
                "paid": paid,
                "payment_intent": intent["id"],
                "receipt_url": f"https://invoice.example.com/r/{charge}" if paid else None,
                "refunded": False,
                "status": "succeeded" if paid else "failed",
            },
        )

    def _move(
        self,
        identifier: str,
        created: int,
        amount: int,
        fee: int,
        currency: str,
        source: str,
        kind: str,
        spoiled: Mapping[str, Any] = MappingProxyType({}),
    ) -> Object:
        """Add a balance movement, pending until it is available; `spoiled` are its wrong fields."""
        available_on = created - created % 86_400 + AVAILABLE_AFTER_S
        movement = {
            "id": identifier,
            "object": "balance_transaction",
            "amount": amount,
            "available_on": available_on,
            "created": created,
            "currency": currency,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [{"amount": fee, "currency": currency, "type": "stripe_fee"}] if fee else [],
            "net": amount - fee,
            "reporting_category": "dispute" if kind == "adjustment" else kind,
            "source": source,
            "status": "pending",
            "type": kind,
        } | spoiled
        self._add("balance_transactions", movement)
        self._change("balance_transactions", identifier, available_on, status="available")
        return movement

    def _add(self, kind: str, body: Object) -> None:
        if body["created"] < self._until:
            self._versions[kind][body["id"]] = [{"visible_from": body["created"], "object": body}]

    def _change(self, kind: str, identifier: str, at: int, **fields: Any) -> None:
        if at < self._until:
            versions = self._versions[kind][identifier]
            versions.append({"visible_from": at, "object": versions[-1]["object"] | fields})


def _entry(versions: list[Object]) -> Object:
    """Return an object's entry in the objects file: itself, or its versions once it has changed."""
    first = versions[0]["object"]
    return first if len(versions) == 1 else {"id": first["id"], "versions": versions}


def _created(versions: list[Object]) -> int:
    return versions[0]["object"]["created"]


def _fee(amount: int, currency: str) -> int:
    """Return what Stripe keeps of a charge."""
    return amount * 36 // 1000 if currency == "jpy" else amount * 15 // 1000 + 20


def tax_line(amount: int, taxable: int) -> Object:
    """Return a tax line; no tax is due under reverse charge."""
    return {
        "amount": amount,
        "tax_behavior": "exclusive",
        "taxability_reason": "standard_rated" if amount else "reverse_charge",
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }
