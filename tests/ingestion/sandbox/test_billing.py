"""Invoices and payments of a world: arithmetic, Stripe's own field names, and the troubles in the ledger."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, get_args

import pytest
import stripe

from ingestion.sandbox.billing import TROUBLES
from ingestion.sandbox.stripe_history import History

from .conftest import World

CLASSES = {
    "payment_intents": stripe.PaymentIntent,
    "charges": stripe.Charge,
    "refunds": stripe.Refund,
    "disputes": stripe.Dispute,
    "invoices": stripe.Invoice,
    "invoice_payments": stripe.InvoicePayment,
}


@pytest.fixture(scope="module")
def objects(world: World) -> dict[str, list[dict[str, Any]]]:
    """What the loopback server serves at the world's end."""
    history = History(json.loads((world.home / "sandbox/stripe_objects.json").read_text()))
    return history.at(history.end).lists


@pytest.fixture(scope="module")
def invoices(world: World) -> dict[str, dict[str, Any]]:
    """The landed invoices by id."""
    files = sorted((world.home / "landing/infery/invoices").glob("dt=*/*.ndjson"))
    rows = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    return {row["invoice_id"]: row for row in rows}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_field_is_one_the_sdk_knows(objects: dict[str, list[dict[str, Any]]], kind: str) -> None:
    """Fields that went with earlier versions, such as `Invoice.payment_intent`, are unknown to it."""
    known = set(CLASSES[kind].__annotations__)
    assert objects[kind]
    for one in objects[kind]:
        assert set(one) <= known
        assert one["object"] == CLASSES[kind].OBJECT_NAME


def test_every_status_is_one_the_sdk_knows(objects: dict[str, list[dict[str, Any]]]) -> None:
    for kind in ("payment_intents", "disputes", "invoices"):
        annotation = CLASSES[kind].__annotations__["status"]
        known = set(re.findall(r"'(\w+)'", str(get_args(annotation))))
        assert {one["status"] for one in objects[kind]} <= known


def test_net_and_tax_make_the_total(invoices: dict[str, dict[str, Any]]) -> None:
    """A fifth of the net within one minor unit where the rate is standard, nothing under reverse charge."""
    for invoice in invoices.values():
        net, vat, total = (Decimal(invoice[name]) for name in ("net", "vat", "total"))
        assert net + vat == total
        unit = Decimal(1) if invoice["currency"] == "jpy" else Decimal("0.01")
        assert abs(vat - net * Decimal(invoice["vat_rate"])) <= unit
        assert (invoice["vat_treatment"] == "reverse_charge") == (vat == 0)


def test_three_currencies_are_used(invoices: dict[str, dict[str, Any]]) -> None:
    assert {invoice["currency"] for invoice in invoices.values()} == {"gbp", "usd", "jpy"}


def test_what_is_not_in_the_ledger_matches(
    world: World, objects: dict[str, list[dict[str, Any]]], invoices: dict[str, dict[str, Any]]
) -> None:
    """Amount received = total, and both names in the metadata are the invoice's own."""
    planted = {fault.subject for fault in world.truth.faults if fault.status}
    intents = {intent["id"]: intent for intent in objects["payment_intents"]}
    for invoice in invoices.values():
        if invoice["invoice_id"] in planted:
            continue
        intent = intents.pop(invoice["payment_intent"])
        places = 0 if invoice["currency"] == "jpy" else 2
        assert intent["amount_received"] == int(Decimal(invoice["total"]).scaleb(places))
        assert intent["currency"] == invoice["currency"]
        assert intent["metadata"] == {
            "workspace_id": invoice["workspace_id"],
            "infery_invoice_id": invoice["invoice_id"],
        }
    troubled = {fault.detail["payment_intent"] for fault in world.truth.faults if fault.status}
    assert set(intents) <= troubled


def test_every_trouble_happens_within_a_month(world: World) -> None:
    assert {fault.kind for fault in world.truth.faults} >= set(TROUBLES)


def test_each_trouble_is_visible_in_the_objects(
    world: World, objects: dict[str, list[dict[str, Any]]], invoices: dict[str, dict[str, Any]]
) -> None:
    intents = {intent["id"]: intent for intent in objects["payment_intents"]}
    for fault in world.truth.faults:
        if not fault.status:
            continue
        intent = intents.get(fault.detail["payment_intent"])
        assert (intent is None) == (fault.kind == "missing_in_stripe")
        assert (fault.subject not in invoices) == (fault.kind == "missing_invoice")
        if fault.kind == "amount_mismatch":
            assert Decimal(fault.observed) < Decimal(fault.expected)
        if fault.kind.startswith("metadata_conflict"):
            owner = invoices[fault.subject]
            told = intent["metadata"]
            right = told["workspace_id"] == owner["workspace_id"]
            assert right == (fault.kind == "metadata_conflict_invoice")
            assert right != (told["infery_invoice_id"] == owner["invoice_id"])


def test_the_items_of_the_truth_are_invoices_and_lost_payments(
    world: World, invoices: dict[str, dict[str, Any]]
) -> None:
    """Items = invoices + payments without an invoice, each with exactly one status."""
    lost = len(world.truth.of_kind("missing_invoice"))
    assert sum(world.truth.billing["items_by_status"].values()) == len(invoices) + lost
    assert world.truth.billing["invoices"] == len(invoices)
