"""The state of the fake account at a moment: each object as it was, and thirty days of events.

    objects file:  kind ─► [object, ...]                                  visible from its creation on
                           [{"id", "versions": [{"visible_from", "object", "at"}, ...]}]   changes with time
    History(file).at(second) ─► Account: lists newest first, objects by id

A version's `object` is the whole object, or null once it is deleted. `at` is when it happened (for the first
version the creation, else `visible_from`); with `at` before `visible_from` Stripe shows it late. Events follow from the
versions, with Stripe's gaps: there is no event when the metadata of a payment intent or a balance transaction changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

KINDS = (
    "payment_intents",
    "charges",
    "refunds",
    "disputes",
    "invoices",
    "invoice_payments",
    "credit_notes",
    "balance_transactions",
)
EVENTS = "events"
EVENTS_LAST_S = 30 * 86_400

_CREATED = {
    "payment_intents": "payment_intent.created",
    "charges": "charge.pending",
    "refunds": "refund.created",
    "disputes": "charge.dispute.created",
    "invoices": "invoice.created",
    "credit_notes": "credit_note.created",
}
_BECAME = {
    ("payment_intents", "succeeded"): "payment_intent.succeeded",
    ("payment_intents", "canceled"): "payment_intent.canceled",
    ("payment_intents", "processing"): "payment_intent.processing",
    ("payment_intents", "requires_action"): "payment_intent.requires_action",
    ("payment_intents", "requires_payment_method"): "payment_intent.payment_failed",
    ("payment_intents", "requires_capture"): "payment_intent.amount_capturable_updated",
    ("charges", "succeeded"): "charge.succeeded",
    ("charges", "failed"): "charge.failed",
    ("refunds", "failed"): "refund.failed",
    ("disputes", "won"): "charge.dispute.closed",
    ("disputes", "lost"): "charge.dispute.closed",
    ("invoices", "open"): "invoice.finalized",
    ("invoices", "paid"): "invoice.paid",
    ("invoices", "void"): "invoice.voided",
    ("invoices", "uncollectible"): "invoice.marked_uncollectible",
    ("invoice_payments", "paid"): "invoice_payment.paid",
    ("credit_notes", "void"): "credit_note.voided",
}
_UPDATED = {
    "charges": "charge.updated",
    "refunds": "refund.updated",
    "disputes": "charge.dispute.updated",
    "invoices": "invoice.updated",
    "credit_notes": "credit_note.updated",
}
_DELETED = {"invoices": "invoice.deleted"}


@dataclass(frozen=True)
class Version:
    """An object from one moment on; `body` is None once it is deleted. Times are epoch seconds."""

    visible_from: int
    at: int
    body: Object | None


@dataclass(frozen=True)
class Account:
    """What can be read at one moment: by kind, newest first, and by id."""

    lists: dict[str, list[Object]]
    by_id: dict[str, dict[str, Object]]


class History:
    """All that ever happens in an account."""

    def __init__(self, file: dict[str, list[Object]]) -> None:
        self._objects = {kind: [versions(entry) for entry in file.get(kind, [])] for kind in KINDS}
        self._events = sorted(self._event_stream(), key=lambda event: event[1]["created"])
        moments = [one.visible_from for kind in KINDS for all_of in self._objects[kind] for one in all_of]
        self.end = max(moments, default=0)
        self._accounts: dict[int, Account] = {}

    def at(self, clock: int) -> Account:
        """Return the account as readable at a second."""
        if clock not in self._accounts:
            lists = {
                kind: newest_first([body for one in self._objects[kind] if (body := seen(one, clock))])
                for kind in KINDS
            }
            lists[EVENTS] = newest_first(
                [
                    event
                    for visible_from, event in self._events
                    if visible_from <= clock and event["created"] > clock - EVENTS_LAST_S
                ]
            )
            by_id = {kind: {one["id"]: one for one in listed} for kind, listed in lists.items()}
            self._accounts[clock] = Account(lists, by_id)
        return self._accounts[clock]

    def _event_stream(self) -> Iterator[tuple[int, Object]]:
        """Yield (visible from, event) of every change that has an event."""
        for kind, objects in self._objects.items():
            for all_of in objects:
                before: Object | None = None
                for number, version in enumerate(all_of):
                    for name in event_types(kind, before, version.body):
                        about = version.body or before
                        yield version.visible_from, _event(name, number, version.at, about or {})
                    before = version.body or before


def versions(entry: Object) -> list[Version]:
    """Return the versions of one entry of the objects file, oldest first."""
    if "versions" not in entry:
        return [Version(entry["created"], entry["created"], entry)]
    found = []
    for version in entry["versions"]:
        body, visible_from = version["object"], version["visible_from"]
        happened = visible_from if found or body is None else body["created"]
        found.append(Version(visible_from, version.get("at", happened), body))
    return found


def seen(all_of: list[Version], clock: int) -> Object | None:
    """Return an object as it could be read at a second, or None where it could not."""
    visible = [version.body for version in all_of if version.visible_from <= clock]
    return visible[-1] if visible else None


def newest_first(objects: list[Object]) -> list[Object]:
    """Order objects as Stripe lists them, the last added first within a second."""
    numbered = sorted(enumerate(objects), key=lambda pair: (pair[1]["created"], pair[0]), reverse=True)
    return [one for _, one in numbered]


def event_types(kind: str, before: Object | None, after: Object | None) -> list[str]:
    """Return the event types of a change; empty where Stripe sends none."""
    if after is None:
        names = [_DELETED.get(kind)]
    else:
        status = after.get("status")
        turned = before is None or before.get("status") != status
        became = _BECAME.get((kind, status or "")) if turned else None
        first = _CREATED.get(kind) if before is None else None
        refunded = kind == "charges" and before is not None and _refunded(after) > _refunded(before)
        names = [first, became or ("charge.refunded" if refunded else None)]
        if before is not None and names == [None, None]:
            names = [_UPDATED.get(kind)]
    return [name for name in names if name]


def _refunded(charge: Object) -> int:
    return charge.get("amount_refunded") or 0


def _event(name: str, number: int, at: int, about: Object) -> Object:
    """Return an event; its copy of the object is from the time of the change."""
    digest = hashlib.sha256(f"{name}:{number}:{about['id']}".encode()).hexdigest()[:24]
    return {
        "id": f"evt_{digest}",
        "object": "event",
        "api_version": None,
        "created": at,
        "data": {"object": about},
        "livemode": about.get("livemode", False),
        "pending_webhooks": 0,
        "request": None,
        "type": name,
    }
