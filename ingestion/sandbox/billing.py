"""What the tenants are invoiced, what they pay, and where the two disagree.

    each day:  top-ups that fall due, renewals on the first ─► invoice lines ─► landing/infery/invoices
                                                            └► Stripe objects (as the two should agree)
    every day but the first the payment of one top-up goes wrong, in turn, and every other day the credits of
    another; the ledger says which status each must end in
    others are paid as they should be, but oddly (oddities.py); the ledger says which flags each must have
    of the rest the money of one settles wrongly (settlements.py), or the invoice of one contradicts itself
    (arithmetic.py), a day

Refunds and disputes come days after the payment. One that would come after the world's end has not come: the
payment matches, until a longer world says otherwise.

Amounts are whole minor units here and become text with the currency's decimals in the invoice line. VAT is
taken out of a gross price, as packs are sold at a round price including tax.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from ingestion.sandbox.arithmetic import CONTRADICTIONS, GATEWAY, spoiled_document, spoiled_line
from ingestion.sandbox.files import write_text
from ingestion.sandbox.ledger import Fault
from ingestion.sandbox.oddities import PAID_WITH, Oddity, flags_of, odd_payments
from ingestion.sandbox.randomness import generator
from ingestion.sandbox.settlements import SETTLEMENTS, STILL_PENDING
from ingestion.sandbox.stripe_history import KINDS
from ingestion.sandbox.stripe_objects import Stripe
from ingestion.sandbox.tenants import Tenants, Workspace
from ingestion.sandbox.traffic import date_of

Kind = TypeVar("Kind")

INVOICES = "landing/infery/invoices"
RENEWAL_PACK = 9_900
MINOR_PER_CREDIT = {"gbp": 1, "usd": 1, "jpy": 2}
DECIMALS = {"gbp": 2, "usd": 2, "jpy": 0}

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
"""What goes wrong with the credits of a top-up that is paid as it should be, in turn; the statuses they end in."""

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
#: What an invoice that nobody pays is called; the others are paid, or open where a payment was tried.
_UNPAID = {"not_payable": "void", "zero_amount": "paid", "settled_without_payment": "paid"}
_OTHER_CURRENCY = {"gbp": "usd", "usd": "gbp", "jpy": "usd"}


@dataclass(frozen=True)
class Invoice:
    """One invoice before it goes wrong; `net`, `vat` and `total` are minor units."""

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
        """The part its Stripe ids have in common."""
        return f"3SbX{self.number:08d}"

    @property
    def total(self) -> int:
        """What is to be paid, minor units."""
        return self.net + self.vat


@dataclass
class BillingWriter:
    """Writes the invoices of a world, gathers its Stripe objects, and remembers what is true about both."""

    home: Path
    world: Tenants
    days: int
    seed: int
    stripe: Stripe = field(init=False)
    faults: list[Fault] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    invoiced: Counter[str] = field(default_factory=Counter)
    invoices: int = 0

    def __post_init__(self) -> None:
        self._flagged: set[tuple[str, str]] = set()
        self._turns: Counter[str] = Counter()
        self._settlement: dict[int, str] = {}
        self._contradiction: dict[int, tuple[str, str]] = {}
        self._until = datetime.combine(date_of(self.days), datetime.min.time(), UTC)
        self.stripe = Stripe(int(self._until.timestamp()))

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
            lines = [line for line in settled if line]
            self._spoil_credits(day, due, lines, trouble)
            if lines:
                name = f"{INVOICES}/dt={date_of(day)}/invoices.ndjson"
                write_text(self.home / name, "".join(json.dumps(line) + "\n" for line in lines))

    def sell(self, invoice: Invoice) -> dict[str, Any]:
        """Have something paid as it should be that no tenant buys; return the invoice's line."""
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
        """Choose one of a day's invoices for what comes next of `kinds`; a day without any has none."""
        if not candidates:
            return {}
        chosen = candidates[int(generator(self.seed, what, day).integers(0, len(candidates)))]
        self._turns[what] += 1
        return {chosen.number: kinds[(self._turns[what] - 1) % len(kinds)]}

    def _spoil_credits(
        self, day: int, due: list[Invoice], lines: list[dict[str, Any]], trouble: dict[int, str]
    ) -> None:
        """Every other day let one top-up whose payment is right bring other credits than its pack has."""
        right = [invoice for invoice in due if invoice.kind == "topup" and invoice.number not in trouble]
        if day % 2 == 1 or not right:
            return
        invoice = right[int(generator(self.seed, "credits", day).integers(0, len(right)))]
        status = CREDIT_TROUBLES[day // 2 % len(CREDIT_TROUBLES)]
        delivered = {"under_delivered": invoice.credits - 100, "over_delivered": invoice.credits + 100}.get(
            status
        )
        [line] = [line for line in lines if line["invoice_id"] == invoice.invoice_id]
        line["credits"] = delivered
        self.faults.append(
            Fault(
                kind=f"credits_{status}",
                day=invoice.issued_at.date().isoformat(),
                subject=invoice.invoice_id,
                expected=str(invoice.credits),
                observed=str(delivered or 0),
                detail={"workspace_id": invoice.workspace.workspace_id},
            )
        )

    def _settle(self, invoice: Invoice, trouble: str | None, oddity: Oddity | None) -> dict[str, Any] | None:
        """Pay an invoice, well, oddly or badly; return its line, or None where the gateway has lost it."""
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
                _promised(invoice),
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
            self._note(invoice, trouble, status)
        self._note_flags(invoice, trouble, oddity)
        self._note_verdicts(invoice, trouble)
        if trouble == "missing_invoice":
            return None
        self.invoices += 1
        self.invoiced[invoice.workspace.currency] += invoice.total
        if trouble in _UNPAID:
            return _line(invoice, _UNPAID[trouble]) | {"payment_intent": None}
        line = _line(invoice, "open" if trouble in _INTENT_STATUS else "paid")
        if invoice.number in self._contradiction:
            line |= _spoiled(invoice, self._contradiction[invoice.number])
        return line | ({"payment_intent": None} if odd == PAID_WITH else {})

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
        promised = {} if trouble == "matched_metadata_missing" else _promised(invoice)
        told = dict(promised)
        if trouble == "metadata_conflict_workspace":
            others = [other.workspace_id for other in self.world.workspaces if other != space]
            told["workspace_id"] = others[invoice.number % len(others)]
        if trouble == "metadata_conflict_invoice":
            told["infery_invoice_id"] = f"inv_{invoice.number - 1:05d}"
        amount = invoice.total - {"amount_mismatch": _shortfall(invoice), "matched_with_tolerance": 1}.get(
            trouble or "", 0
        )
        currency = _OTHER_CURRENCY[space.currency] if trouble == "currency_mismatch" else space.currency
        status = _INTENT_STATUS.get(trouble or "", "succeeded")
        customer = f"cus_{space.workspace_id}"
        named_late = invoice.number % 13 == 5
        known = {} if named_late else told
        livemode = trouble == "livemode_mismatch"
        if odd == "has_credit_note":
            amount -= invoice.total // 10
        rest = amount // 2 if odd == "has_multiple_payments" else 0
        if odd == "has_failed_attempts":
            declined = "requires_payment_method"
            self.stripe.pay(f"{invoice.key}first", created - 600, amount, currency, customer, told, declined)
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
            second = self.stripe.pay(f"{invoice.key}rest", created + 30, rest, currency, customer, told)
            self.stripe.join(invoice.key, created + 25, invoice.total, second, "rest")
        if trouble == "duplicate_charge":
            self.stripe.pay(f"{invoice.key}again", created + 60, amount, currency, customer, told)
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
        if named_late and told:
            self.stripe.name_later(intent, created + _NAMED_LATER_S, told)
        if trouble in _DAYS_LATER:
            self._take_back(invoice, intent, trouble)

    def _settle_otherwise(self, invoice: Invoice, intent: dict[str, Any], settlement: str | None) -> None:
        """Let a refund fail, or the balance move for a charge nobody lists, beside a payment that is right."""
        if settlement == "no_money_moved":
            at = int((invoice.issued_at + _REFUND_FAILS_AFTER).timestamp())
            self.stripe.fail_to_refund(intent, at, invoice.total)
        if settlement == "unknown_object":
            at = intent["created"] + 120
            self.stripe.move_for_nobody(invoice.key, at, invoice.total, intent["currency"])

    def _misnamed(self, oddity: Oddity | None) -> dict[str, str]:
        """Return what the metadata of an oddly paid Stripe invoice says wrongly."""
        if oddity and oddity.other and oddity.kind == "is_ambiguous_link":
            return {"infery_invoice_id": oddity.other.invoice_id}
        if oddity and oddity.other and oddity.kind == "has_metadata_disagreement":
            return {"workspace_id": oddity.other.workspace.workspace_id}
        return {}

    def _pay_at_once(self, invoice: Invoice, other: Invoice) -> None:
        """Pay two invoices of a workspace with one intent; it names the first, and the first alone names it."""
        created = int(max(invoice.issued_at, other.issued_at).timestamp()) - 40
        space = invoice.workspace
        intent = self.stripe.pay(
            invoice.key,
            created,
            invoice.total + other.total,
            space.currency,
            f"cus_{space.workspace_id}",
            _promised(invoice),
        )
        for one in (invoice, other):
            self.stripe.bill(one.key, created - 5, one.total, one.vat, intent, _promised(one))

    def _take_back(self, invoice: Invoice, intent: dict[str, Any], trouble: str) -> None:
        """Take money back that was paid, days later; a partial refund comes with its credit note."""
        at = int(_comes_at(invoice, trouble).timestamp())
        if trouble == "disputed":
            self.stripe.dispute(intent, at)
        elif trouble == "refunded":
            self.stripe.refund(intent, at, invoice.total)
        else:
            quarter = invoice.total // 4
            self.stripe.refund(intent, at, quarter)
            self.stripe.credit(intent, at + 1, quarter, quarter * invoice.vat // invoice.total)

    def _note(self, invoice: Invoice, trouble: str, status: str) -> None:
        """Write a billing fault into the ledger; amounts are in the invoice's currency."""
        currency = invoice.workspace.currency
        observed = {
            "missing_in_stripe": 0,
            "amount_mismatch": invoice.total - _shortfall(invoice),
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
        intent = {"no_money_moved": f"pi_{invoice.key}left"}.get(trouble, f"pi_{invoice.key}")
        lost = trouble in ("missing_invoice", "no_money_moved")
        self.faults.append(
            Fault(
                kind=trouble,
                day=invoice.issued_at.date().isoformat(),
                subject=intent if lost else invoice.invoice_id,
                expected=None if lost else _money(invoice.total, currency),
                observed=_money(observed, currency),
                status=status,
                detail={
                    "currency": currency,
                    "workspace_id": invoice.workspace.workspace_id,
                    "payment_intent": intent,
                },
            )
        )

    def _note_flags(self, invoice: Invoice, trouble: str | None, oddity: Oddity | None) -> None:
        """Write the flags of an item into the ledger; a doubtful link is doubtful for both it could lead to."""
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
            if (flag, about) in self._flagged:
                continue
            self._flagged.add((flag, about))
            self.faults.append(
                Fault(
                    kind=f"flag_{flag}",
                    day=invoice.issued_at.date().isoformat(),
                    subject=about,
                    detail={"workspace_id": invoice.workspace.workspace_id},
                )
            )

    def _note_verdicts(self, invoice: Invoice, trouble: str | None) -> None:
        """Write what must be found about an invoice's settlement, and about its own numbers, into the ledger."""
        settlement = self._settlement.get(invoice.number)
        if trouble == "livemode_mismatch":
            settlement = trouble
        until = date_of(self.days - 1)
        refused_at = invoice.issued_at + _REFUND_FAILS_AFTER
        not_yet = {
            "missing_balance_transaction": until - invoice.issued_at.date() <= STILL_PENDING,
            "no_money_moved": refused_at >= self._until,
        }
        prefix, suffix = {"no_money_moved": ("re_", ""), "unknown_object": ("ch_", "unseen")}.get(
            settlement or "", ("ch_", "")
        )
        verdicts = []
        if settlement and not not_yet.get(settlement):
            verdicts.append((f"settlement_{settlement}", f"{prefix}{invoice.key}{suffix}"))
        if invoice.number in self._contradiction:
            document, reason = self._contradiction[invoice.number]
            document_id = invoice.invoice_id if document == GATEWAY else f"in_{invoice.key}"
            verdicts.append((f"arithmetic_{reason}", f"{document}:{document_id}"))
        for kind, subject in verdicts:
            self.faults.append(
                Fault(
                    kind=kind,
                    day=invoice.issued_at.date().isoformat(),
                    subject=subject,
                    detail={"workspace_id": invoice.workspace.workspace_id},
                )
            )


def _spoiled(invoice: Invoice, contradiction: tuple[str, str]) -> dict[str, Any]:
    """Return what an invoice's line says wrongly, amounts as text."""
    fields = spoiled_line(contradiction, invoice.net, invoice.vat)
    currency = invoice.workspace.currency
    return {
        name: _money(value, currency) if name in ("net", "vat") else value for name, value in fields.items()
    }


def _promised(invoice: Invoice) -> dict[str, str]:
    """Return the metadata the gateway promises on everything it has Stripe make."""
    return {"workspace_id": invoice.workspace.workspace_id, "infery_invoice_id": invoice.invoice_id}


def _shortfall(invoice: Invoice) -> int:
    """Return what an underpaid invoice lacks: its VAT, or a tenth where none is due."""
    return invoice.vat or invoice.total // 10


def _midnight_after(invoice: Invoice) -> datetime:
    """Return the end of the day an invoice is issued on."""
    return datetime.combine(invoice.issued_at.date() + timedelta(days=1), datetime.min.time(), UTC)


def _comes_at(invoice: Invoice, trouble: str) -> datetime:
    """Return when a refund or dispute comes."""
    return invoice.issued_at + timedelta(days=_DAYS_LATER[trouble])


def _money(minor: int, currency: str) -> str:
    """Write minor units as the currency is written: 5000 gbp is `50.00`, 5000 jpy is `5000`."""
    places = DECIMALS[currency]
    if places == 0:
        return str(minor)
    return f"{minor // 10**places}.{minor % 10**places:0{places}d}"


def _line(invoice: Invoice, status: str) -> dict[str, Any]:
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
        "net": _money(invoice.net, currency),
        "vat_rate": "0.20" if space.vat_treatment == "standard" else "0.00",
        "vat": _money(invoice.vat, currency),
        "total": _money(invoice.total, currency),
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
