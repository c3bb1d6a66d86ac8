"""The tenants' invoices, their payments, and the planted differences between them.

    each day:  top-ups that fall due, renewals on the first ─► invoice lines ─► landing/infery/invoices
                                                            └► Stripe objects (as the two should agree)
    every day but the first one top-up's payment goes wrong, and every other day another one's credits; the ledger says
    which status each must end in. Others are paid correctly but unusually (oddities.py); the ledger says which flags
    each must have. Each day one of the rest settles wrongly (settlements.py) or its invoice contradicts itself
    (arithmetic.py)

Refunds and disputes come days after the payment. One after the world's end has not happened: the payment matches, until
a longer world includes it.

Amounts are whole minor units. VAT is part of a gross price, because packs are sold at a round price including tax.

Rulings: docs/decisions/sandbox.md#sandbox-2.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from ingestion.sandbox.billing.invoices import Invoice, line, money
from ingestion.sandbox.billing.ledger import BillingLedger
from ingestion.sandbox.billing.settlements import SETTLEMENTS, STILL_PENDING
from ingestion.sandbox.billing.stripe_history import KINDS
from ingestion.sandbox.billing.stripe_objects import Stripe
from ingestion.sandbox.gateways.files import write_text
from ingestion.sandbox.world.arithmetic import CONTRADICTIONS, spoiled_document, spoiled_line
from ingestion.sandbox.world.ledger import Fault
from ingestion.sandbox.world.oddities import PAID_WITH, Oddity, odd_payments
from ingestion.sandbox.world.randomness import generator
from ingestion.sandbox.world.tenants import Tenants
from ingestion.sandbox.world.traffic import date_of

Kind = TypeVar("Kind")

INVOICES = "landing/infery/invoices"
RENEWAL_PACK = 9_900
MINOR_PER_CREDIT = {"gbp": 1, "usd": 1, "jpy": 2}

TROUBLES = (
    "missing_in_stripe",
    "amount_mismatch",
    "missing_invoice",
    "metadata_conflict_workspace",
    "refunded",
    "metadata_conflict_invoice",
    "payment_failed",
    "in_flight",
    "partially_refunded",
    "disputed",
    "duplicate_charge",
    "currency_mismatch",
    "not_payable",
    "zero_amount",
    "settled_without_payment",
    "livemode_mismatch",
    "matched_with_tolerance",
    "matched_metadata_missing",
    "no_money_moved",
)
CREDIT_TROUBLES = ("under_delivered", "over_delivered", "not_delivered")
"""Faults in the credits of a correctly paid top-up, in turn; the statuses they end in."""

_STATUS = {
    "metadata_conflict_workspace": "metadata_conflict",
    "metadata_conflict_invoice": "metadata_conflict",
}
_DAYS_LATER = {"refunded": 2, "partially_refunded": 3, "disputed": 4}
_STILL_IN_FLIGHT = timedelta(days=30)
_GRACE = timedelta(days=3)
_REFUND_FAILS_AFTER = timedelta(hours=30)
_NAMED_LATER_S = 4 * 3600
_PAID_AFTER_MIDNIGHT = timedelta(minutes=10)
_INTENT_STATUS = {"payment_failed": "requires_payment_method", "in_flight": "processing"}
#: Status of an invoice without payment; the others are paid, or open if a payment was tried.
_UNPAID = {"not_payable": "void", "zero_amount": "paid", "settled_without_payment": "paid"}
_OTHER_CURRENCY = {"gbp": "usd", "usd": "gbp", "jpy": "usd"}


@dataclass
class BillingWriter:
    """Writes the invoices of a world, collects its Stripe objects, and records the truth about both."""

    home: Path
    world: Tenants
    days: int
    seed: int
    stripe: Stripe = field(init=False)
    statuses: Counter[str] = field(default_factory=Counter)
    invoiced: Counter[str] = field(default_factory=Counter)
    invoices: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ledger = BillingLedger()
        self._turns: Counter[str] = Counter()
        self._settlement: dict[int, str] = {}
        self._contradiction: dict[int, tuple[str, str]] = {}
        self._until = datetime.combine(date_of(self.days), datetime.min.time(), UTC)
        self.stripe = Stripe(int(self._until.timestamp()))

    @property
    def faults(self) -> list[Fault]:
        """Everything that was planted."""
        return self._ledger.faults

    def write(self) -> None:
        """Write every day's invoice file; a day without invoices has none."""
        number = 0
        for day in range(self.days):
            due = self._due(day, number + 1)
            number += len(due)
            trouble = self._trouble(day, due)
            odd = odd_payments(self.seed, day, [one for one in due if one.number not in trouble])
            plain = [one for one in due if one.kind == "topup" and one.number not in {**trouble, **odd}]
            taxed = [one for one in plain if one.vat]
            self._settlement = self._in_turn("settlement", SETTLEMENTS, day, plain if day % 2 == 1 else [])
            self._contradiction = self._in_turn(
                "contradiction", CONTRADICTIONS, day, taxed if day % 2 == 0 < day else []
            )
            settled = [
                self._settle(invoice, trouble.get(invoice.number), odd.get(invoice.number)) for invoice in due
            ]
            lines = [listed for listed in settled if listed]
            self._spoil_credits(day, due, lines, trouble)
            self.lines += lines
            if lines:
                name = f"{INVOICES}/dt={date_of(day)}/invoices.ndjson"
                write_text(self.home / name, "".join(json.dumps(listed) + "\n" for listed in lines))

    def sell(self, invoice: Invoice) -> dict[str, Any]:
        """Pay an invoice correctly that is no tenant's; return the invoice's line."""
        return self._settle(invoice, None, None) or {}

    def totals(self) -> dict[str, Any]:
        """Return control totals: objects, items by their right status, minor units by currency."""
        received: Counter[str] = Counter()
        for intent in self.stripe.latest("payment_intents"):
            if not intent["livemode"]:
                received[intent["currency"]] += intent["amount_received"]
        return {
            "invoices": self.invoices,
            "objects": {kind: len(self.stripe.latest(kind)) for kind in KINDS},
            "items_by_status": dict(sorted(self.statuses.items())),
            "invoiced_minor": dict(sorted(self.invoiced.items())),
            "received_minor": dict(sorted(received.items())),
        }

    def _due(self, day: int, number: int) -> list[Invoice]:
        """Return the day's invoices, top-ups first."""
        rng = generator(self.seed, "billing", day)
        midnight = datetime.combine(date_of(day), datetime.min.time(), UTC)
        due = []
        for space in self.world.workspaces:
            topped_up = (day + space.topup_offset) % space.topup_every_days == 0
            for kind, applies in (("topup", topped_up), ("renewal", date_of(day).day == 1)):
                second = int(rng.integers(8 * 3600, 19 * 3600))
                if applies:
                    credits = space.pack if kind == "topup" else RENEWAL_PACK
                    gross = credits * MINOR_PER_CREDIT[space.currency]
                    net = (gross * 10 + 6) // 12 if space.vat_treatment == "standard" else gross
                    issued_at = midnight + timedelta(seconds=second)
                    due.append(Invoice(number + len(due), space, kind, issued_at, credits, net, gross - net))
        return due

    def _trouble(self, day: int, due: list[Invoice]) -> dict[int, str]:
        """Choose the day's invoice that goes wrong, and how."""
        topups = [invoice.number for invoice in due if invoice.kind == "topup" and invoice.number > 1]
        if day == 0 or not topups:
            return {}
        return {int(generator(self.seed, "trouble", day).choice(topups)): TROUBLES[(day - 1) % len(TROUBLES)]}

    def _in_turn(
        self, what: str, kinds: Sequence[Kind], day: int, candidates: Sequence[Invoice]
    ) -> dict[int, Kind]:
        """Choose one of a day's invoices for the next of `kinds`; empty on a day without invoices."""
        if not candidates:
            return {}
        chosen = candidates[int(generator(self.seed, what, day).integers(0, len(candidates)))]
        self._turns[what] += 1
        return {chosen.number: kinds[(self._turns[what] - 1) % len(kinds)]}

    def _spoil_credits(
        self, day: int, due: list[Invoice], lines: list[dict[str, Any]], trouble: dict[int, str]
    ) -> None:
        """Every other day give one correctly paid top-up other credits than its pack has."""
        right = [invoice for invoice in due if invoice.kind == "topup" and invoice.number not in trouble]
        if day % 2 == 1 or not right:
            return
        invoice = right[int(generator(self.seed, "credits", day).integers(0, len(right)))]
        status = CREDIT_TROUBLES[day // 2 % len(CREDIT_TROUBLES)]
        delivered = {"under_delivered": invoice.credits - 100, "over_delivered": invoice.credits + 100}.get(
            status
        )
        [listed] = [listed for listed in lines if listed["invoice_id"] == invoice.invoice_id]
        listed["credits"] = delivered
        self._ledger.note(
            f"credits_{status}",
            invoice,
            invoice.invoice_id,
            expected=str(invoice.credits),
            observed=str(delivered or 0),
        )

    def _settle(self, invoice: Invoice, trouble: str | None, oddity: Oddity | None) -> dict[str, Any] | None:
        """Pay an invoice correctly, unusually or wrongly; return its line, or None if the gateway has lost it."""
        if trouble in _DAYS_LATER and _comes_at(invoice, trouble) >= self._until:
            trouble = None
        odd = oddity.kind if oddity else None
        if odd == "is_cross_period" and _midnight_after(invoice) >= self._until:
            trouble, oddity, odd = "missing_in_stripe", None, None
        if trouble == "zero_amount":
            invoice = replace(invoice, net=0, vat=0)
        if trouble == "settled_without_payment":
            self.stripe.settle_from_balance(
                invoice.key,
                int(invoice.issued_at.timestamp()) - 45,
                invoice.total,
                invoice.vat,
                invoice.workspace.currency,
                f"cus_{invoice.workspace.workspace_id}",
                invoice.promised,
            )
        elif odd == "has_split_payment" and oddity and oddity.other:
            self._pay_at_once(invoice, oddity.other)
        elif trouble not in ("missing_in_stripe", "not_payable", "zero_amount") and odd != PAID_WITH:
            self._pay(invoice, trouble, oddity)
        status = self._status(invoice, trouble)
        self.statuses[status] += 1
        if trouble == "no_money_moved":
            self.statuses["matched"] += 1
        if trouble:
            self._ledger.trouble(invoice, trouble, status)
        self._ledger.flags(invoice, trouble, oddity)
        self._note_verdicts(invoice, trouble)
        if trouble == "missing_invoice":
            return None
        self.invoices += 1
        self.invoiced[invoice.workspace.currency] += invoice.total
        if trouble in _UNPAID:
            return line(invoice, _UNPAID[trouble]) | {"payment_intent": None}
        listed = line(invoice, "open" if trouble in _INTENT_STATUS else "paid")
        if invoice.number in self._contradiction:
            fields = spoiled_line(self._contradiction[invoice.number], invoice.net, invoice.vat)
            for name, value in fields.items():
                listed[name] = money(value, listed["currency"]) if isinstance(value, int) else value
        return listed | ({"payment_intent": None} if odd == PAID_WITH else {})

    def _status(self, invoice: Invoice, trouble: str | None) -> str:
        """Return the status an invoice must end in at the world's end."""
        age = date_of(self.days - 1) - invoice.issued_at.date()
        if trouble == "in_flight" and age > _STILL_IN_FLIGHT:
            return "missing_in_stripe"
        if trouble in ("missing_in_stripe", "payment_failed") and age <= _GRACE:
            return "timing_difference"
        return _STATUS.get(trouble, trouble) if trouble else "matched"

    def _pay(self, invoice: Invoice, trouble: str | None, oddity: Oddity | None) -> None:
        """Add an invoice's Stripe objects."""
        space, created = invoice.workspace, int(invoice.issued_at.timestamp()) - 40
        odd = oddity.kind if oddity else None
        if odd == "is_cross_period":
            created = int((_midnight_after(invoice) + _PAID_AFTER_MIDNIGHT).timestamp())
        promised = {} if trouble == "matched_metadata_missing" else invoice.promised
        metadata = dict(promised)
        if trouble == "metadata_conflict_workspace":
            others = [other.workspace_id for other in self.world.workspaces if other != space]
            metadata["workspace_id"] = others[invoice.number % len(others)]
        if trouble == "metadata_conflict_invoice":
            metadata["infery_invoice_id"] = f"inv_{invoice.number - 1:05d}"
        amount = invoice.total - {"amount_mismatch": invoice.shortfall, "matched_with_tolerance": 1}.get(
            trouble or "", 0
        )
        currency = _OTHER_CURRENCY[space.currency] if trouble == "currency_mismatch" else space.currency
        status = _INTENT_STATUS.get(trouble or "", "succeeded")
        customer = f"cus_{space.workspace_id}"
        named_late = invoice.number % 13 == 5
        known = {} if named_late else metadata
        livemode = trouble == "livemode_mismatch"
        if odd == "has_credit_note":
            amount -= invoice.total // 10
        rest = amount // 2 if odd == "has_multiple_payments" else 0
        if odd == "has_failed_attempts":
            declined = "requires_payment_method"
            self.stripe.pay(
                f"{invoice.key}first", created - 600, amount, currency, customer, metadata, declined
            )
        settlement = self._settlement.get(invoice.number)
        intent = self.stripe.pay(
            invoice.key, created, amount - rest, currency, customer, known, status, livemode, settlement
        )
        self._settle_otherwise(invoice, intent, settlement)
        document = (invoice.key, created - 5, invoice.total, invoice.vat, intent)
        if odd == "has_credit_note":
            self.stripe.bill_less_note(*document, promised)
        elif trouble != "currency_mismatch":
            contradiction = self._contradiction.get(invoice.number, ("", ""))
            changed = spoiled_document(contradiction, invoice.total, invoice.vat)
            self.stripe.bill(*document, promised | self._misnamed(oddity), changed)
        if rest:
            second = self.stripe.pay(f"{invoice.key}rest", created + 30, rest, currency, customer, metadata)
            self.stripe.join(invoice.key, created + 25, invoice.total, second, "rest")
        if trouble == "duplicate_charge":
            self.stripe.pay(f"{invoice.key}again", created + 60, amount, currency, customer, metadata)
        if trouble == "no_money_moved":
            abandoned = {"workspace_id": space.workspace_id}
            self.stripe.pay(
                f"{invoice.key}left",
                created - 600,
                amount,
                currency,
                customer,
                abandoned,
                "requires_payment_method",
            )
        if named_late and metadata:
            self.stripe.name_later(intent, created + _NAMED_LATER_S, metadata)
        if trouble in _DAYS_LATER:
            self._take_back(invoice, intent, trouble)

    def _settle_otherwise(self, invoice: Invoice, intent: dict[str, Any], settlement: str | None) -> None:
        """Add a failed refund, or a balance movement of an unlisted charge, to a correct payment."""
        if settlement == "no_money_moved":
            at = int((invoice.issued_at + _REFUND_FAILS_AFTER).timestamp())
            self.stripe.fail_to_refund(intent, at, invoice.total)
        if settlement == "unknown_object":
            at = intent["created"] + 120
            self.stripe.add_unlisted_movement(invoice.key, at, invoice.total, intent["currency"])

    def _misnamed(self, oddity: Oddity | None) -> dict[str, str]:
        """Return the wrong metadata of an unusually paid Stripe invoice."""
        if oddity and oddity.other and oddity.kind == "is_ambiguous_link":
            return {"infery_invoice_id": oddity.other.invoice_id}
        if oddity and oddity.other and oddity.kind == "has_metadata_disagreement":
            return {"workspace_id": oddity.other.workspace.workspace_id}
        return {}

    def _pay_at_once(self, invoice: Invoice, other: Invoice) -> None:
        """Pay two invoices of a workspace with one intent; only the first and the intent name each other."""
        created = int(max(invoice.issued_at, other.issued_at).timestamp()) - 40
        space = invoice.workspace
        intent = self.stripe.pay(
            invoice.key,
            created,
            invoice.total + other.total,
            space.currency,
            f"cus_{space.workspace_id}",
            invoice.promised,
        )
        for one in (invoice, other):
            self.stripe.bill(one.key, created - 5, one.total, one.vat, intent, one.promised)

    def _take_back(self, invoice: Invoice, intent: dict[str, Any], trouble: str) -> None:
        """Refund or dispute a payment days later; a partial refund has a credit note."""
        at = int(_comes_at(invoice, trouble).timestamp())
        if trouble == "disputed":
            self.stripe.dispute(intent, at)
        elif trouble == "refunded":
            self.stripe.refund(intent, at, invoice.total)
        else:
            quarter = invoice.total // 4
            self.stripe.refund(intent, at, quarter)
            self.stripe.credit(intent, at + 1, quarter, quarter * invoice.vat // invoice.total)

    def _note_verdicts(self, invoice: Invoice, trouble: str | None) -> None:
        """Record what must be found about an invoice's settlement and arithmetic, unless it is still too early."""
        settlement = (
            "livemode_mismatch" if trouble == "livemode_mismatch" else self._settlement.get(invoice.number)
        )
        age = date_of(self.days - 1) - invoice.issued_at.date()
        not_yet = {
            "missing_balance_transaction": age <= STILL_PENDING,
            "no_money_moved": invoice.issued_at + _REFUND_FAILS_AFTER >= self._until,
        }
        if settlement and not not_yet.get(settlement):
            self._ledger.settlement(invoice, settlement)
        if invoice.number in self._contradiction:
            self._ledger.contradiction(invoice, *self._contradiction[invoice.number])


def _midnight_after(invoice: Invoice) -> datetime:
    """Return the end of the day an invoice is issued on."""
    return datetime.combine(invoice.issued_at.date() + timedelta(days=1), datetime.min.time(), UTC)


def _comes_at(invoice: Invoice, trouble: str) -> datetime:
    """Return when a refund or dispute comes."""
    return invoice.issued_at + timedelta(days=_DAYS_LATER[trouble])
