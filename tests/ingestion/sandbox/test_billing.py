"""Invoices and payments of a world: arithmetic, Stripe's own field names, and the troubles in the ledger."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
import stripe

from ingestion.sandbox import write_world
from ingestion.sandbox.billing import CREDIT_TROUBLES, TROUBLES
from ingestion.sandbox.billing.settlements import SETTLEMENTS
from ingestion.sandbox.billing.stripe_history import History, versions
from ingestion.sandbox.world.arithmetic import CONTRADICTIONS

from .conftest import World

CLASSES = {
    "payment_intents": stripe.PaymentIntent,
    "charges": stripe.Charge,
    "refunds": stripe.Refund,
    "disputes": stripe.Dispute,
    "invoices": stripe.Invoice,
    "invoice_payments": stripe.InvoicePayment,
    "credit_notes": stripe.CreditNote,
    "balance_transactions": stripe.BalanceTransaction,
}
#: One intent does not say how these were paid.
PARTED = ("flag_has_multiple_payments", "flag_has_split_payment", "flag_has_credit_note")
LEGACY = {
    "payment_intents": {"invoice", "charges"},
    "charges": {"invoice", "order"},
    "invoices": {"payment_intent", "charge", "paid", "paid_out_of_band", "tax", "subscription"},
    "credit_notes": {"refund", "tax_amounts"},
}


@pytest.fixture(scope="module")
def objects(world: World) -> dict[str, list[dict[str, Any]]]:
    """What the loopback server serves at the world's end."""
    history = History(json.loads((world.home / "sandbox/stripe_objects.json").read_text()))
    return history.at(history.end).lists


@pytest.fixture(scope="module")
def invoices(world: World) -> dict[str, dict[str, Any]]:
    """The landed invoices by id."""
    files = sorted((world.home / "landing").glob("*/invoices/dt=*/*.ndjson"))
    rows = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    return {row["invoice_id"]: row for row in rows}


def planted(world: World, prefix: str) -> set[str]:
    """Whom the faults of some kinds are about."""
    return {fault.subject for fault in world.truth.faults if fault.kind.startswith(prefix)}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_field_exists_in_the_sdk(objects: dict[str, list[dict[str, Any]]], kind: str) -> None:
    """Fields that went with earlier versions, such as `Invoice.payment_intent`, are unknown to it."""
    known = set(CLASSES[kind].__annotations__)
    assert objects[kind]
    for one in objects[kind]:
        assert set(one) <= known
        assert one["object"] == CLASSES[kind].OBJECT_NAME


@pytest.mark.parametrize("kind", LEGACY)
def test_fields_of_earlier_versions_are_nowhere(objects: dict[str, list[dict[str, Any]]], kind: str) -> None:
    assert not LEGACY[kind] & set(CLASSES[kind].__annotations__)
    assert not LEGACY[kind] & {name for one in objects[kind] for name in one}


def test_every_status_exists_in_the_sdk(objects: dict[str, list[dict[str, Any]]]) -> None:
    for kind in ("payment_intents", "charges", "disputes", "invoices", "credit_notes"):
        annotation = CLASSES[kind].__annotations__["status"]
        known = set(re.findall(r"'(\w+)'", str(get_args(annotation))))
        assert {one["status"] for one in objects[kind]} <= known


def test_net_and_tax_make_the_total(world: World, invoices: dict[str, dict[str, Any]]) -> None:
    """A fifth of the net within one minor unit where the rate is standard, nothing under reverse charge."""
    contradicting = planted(world, "arithmetic_")
    assert contradicting
    for invoice in invoices.values():
        if f"inv:{invoice['invoice_id']}" in contradicting:
            continue
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
    """Amount received = total, and both names in the metadata are the invoice's own.

    A payment of two parts, for two invoices or less a credit note is covered by the next test.
    """
    faulty = {fault.subject for fault in world.truth.faults if fault.status or fault.kind in PARTED}
    intents = {intent["id"]: intent for intent in objects["payment_intents"]}
    for invoice in invoices.values():
        if invoice["invoice_id"] in faulty:
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
    odd = {f"pi_3SbX{int(invoice[4:]):08d}" for invoice in faulty if invoice.startswith("inv_")}
    odd |= {
        f"pi_3SbX{int(fault.subject[4:]):08d}"
        for fault in world.truth.of_kind("flag_has_failed_attempts")
        if fault.subject.startswith("inv_")
    }
    assert {re.sub("(again|rest|first)$", "", intent) for intent in intents} <= troubled | odd


def test_odd_payments_bring_what_is_owed(
    world: World, objects: dict[str, list[dict[str, Any]]], invoices: dict[str, dict[str, Any]]
) -> None:
    """Two parts make one total, one payment makes two totals; what came after midnight is of the next month.

    A tenth that a credit note took off and the rest that was paid make the total.
    """
    intents = {intent["id"]: intent for intent in objects["payment_intents"]}
    notes = {note["invoice"]: note for note in objects["credit_notes"] if note["type"] == "pre_payment"}
    assert len(notes) == len(world.truth.of_kind("flag_has_credit_note")) > 0
    for fault in world.truth.of_kind("flag_has_credit_note"):
        invoice = invoices[fault.subject]
        note = notes[invoice["stripe_invoice"]]
        assert note["amount"] == minor(invoice) // 10
        assert note["amount"] + intents[invoice["payment_intent"]]["amount_received"] == minor(invoice)
    parts = 0
    for fault in world.truth.of_kind("flag_has_multiple_payments"):
        invoice = invoices[fault.subject]
        rest = intents.get(f"{invoice['payment_intent']}rest")
        if rest is not None:
            received = intents[invoice["payment_intent"]]["amount_received"] + rest["amount_received"]
            assert received == minor(invoice)
            parts += 1
    joint: dict[str, int] = {}
    paid_by = {one["invoice"]: one["payment"]["payment_intent"] for one in objects["invoice_payments"]}
    for fault in world.truth.of_kind("flag_has_split_payment"):
        invoice = invoices[fault.subject]
        intent = paid_by[invoice["stripe_invoice"]]
        joint[intent] = joint.get(intent, 0) + minor(invoice)
    late = [invoices[fault.subject] for fault in world.truth.of_kind("flag_is_cross_period")]
    assert parts
    assert joint
    assert late
    assert {name: intents[name]["amount_received"] for name in joint} == joint
    for invoice in late:
        paid_at = datetime.fromtimestamp(intents[invoice["payment_intent"]]["created"], UTC)
        assert paid_at.month != datetime.fromisoformat(invoice["issued_at"]).month


def minor(invoice: dict[str, Any]) -> int:
    """An invoice's total in minor units."""
    return int(Decimal(invoice["total"]).scaleb(0 if invoice["currency"] == "jpy" else 2))


def test_a_payment_after_the_last_midnight_has_not_come(tmp_path: Path) -> None:
    """Day 28 is 31 August: a world of 29 days misses the payment, one of 30 has it in September."""
    short, long = (write_world(tmp_path / str(days), days, 5, 7) for days in (29, 30))
    [crossing] = long.of_kind("flag_is_cross_period")
    assert short.of_kind("flag_is_cross_period") == []
    assert crossing.subject in {fault.subject for fault in short.of_kind("missing_in_stripe")}
    assert crossing.subject not in {fault.subject for fault in long.of_kind("missing_in_stripe")}


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
        assert (intent is None) == (
            fault.kind in ("missing_in_stripe", "not_payable", "zero_amount", "settled_without_payment")
        )
        assert (fault.subject not in invoices) == (fault.kind in ("missing_invoice", "no_money_moved"))
        if fault.kind == "duplicate_charge":
            assert intents[f"{intent['id']}again"]["amount"] == intent["amount"]
        if fault.kind == "currency_mismatch":
            assert intent["currency"] != invoices[fault.subject]["currency"]
        if fault.kind in ("amount_mismatch", "matched_with_tolerance"):
            assert Decimal(fault.observed) < Decimal(fault.expected)
        if fault.kind.startswith("metadata_conflict"):
            owner = invoices[fault.subject]
            metadata = intent["metadata"]
            right = metadata["workspace_id"] == owner["workspace_id"]
            assert right == (fault.kind == "metadata_conflict_invoice")
            assert right != (metadata["infery_invoice_id"] == owner["invoice_id"])


def test_the_items_of_the_truth_are_invoices_and_lost_payments(
    world: World, invoices: dict[str, dict[str, Any]]
) -> None:
    """Items = invoices + payments without an invoice, each with exactly one status."""
    lost = len(world.truth.of_kind("missing_invoice")) + len(world.truth.of_kind("no_money_moved"))
    assert sum(world.truth.billing["items_by_status"].values()) == len(invoices) + lost
    assert world.truth.billing["invoices"] == len(invoices)


def test_every_movement_of_the_balance_has_its_source_and_its_net_but_the_planted(
    world: World, objects: dict[str, list[dict[str, Any]]]
) -> None:
    """Net = amount - fee; one movement for each charge that went through, each refund and each dispute."""
    moved = {one["source"]: one for one in objects["balance_transactions"]}
    assert len(moved) == len(objects["balance_transactions"])
    asked = {one["id"]: one["amount_captured"] for one in objects["charges"] if one["status"] == "succeeded"}
    asked |= {one["id"]: -one["amount"] for kind in ("refunds", "disputes") for one in objects[kind]}
    assert asked
    wrong = {one["source"] for one in moved.values() if one["net"] != one["amount"] - one["fee"]}
    wrong |= {one for one in moved.keys() | asked.keys() if one not in moved or one not in asked}
    wrong |= {one for one in moved.keys() & asked.keys() if moved[one]["amount"] != asked[one]}
    assert wrong == planted(world, "settlement_") - planted(world, "settlement_livemode_mismatch")
    assert all(
        one["balance_transaction"] is None for one in objects["charges"] if one["status"] != "succeeded"
    )


def test_every_settlement_and_contradiction_is_planted_within_weeks(world: World) -> None:
    kinds = {fault.kind for fault in world.truth.faults}
    assert kinds >= {f"settlement_{kind}" for kind in SETTLEMENTS}
    assert kinds >= {f"arithmetic_{reason}" for _, reason in CONTRADICTIONS}


def test_links_lead_to_objects_that_are_there(objects: dict[str, list[dict[str, Any]]]) -> None:
    ids = {one["id"] for kind in objects.values() for one in kind}
    for kind, names in {
        "payment_intents": ["latest_charge"],
        "charges": ["payment_intent", "balance_transaction"],
        "refunds": ["payment_intent", "charge", "balance_transaction"],
        "disputes": ["payment_intent", "charge"],
        "invoice_payments": ["invoice"],
        "credit_notes": ["invoice"],
    }.items():
        assert {one[name] for one in objects[kind] for name in names} - {None} <= ids
    assert {one["payment"]["payment_intent"] for one in objects["invoice_payments"]} <= ids


def test_stripe_invoices_add_up_but_the_planted(
    world: World, objects: dict[str, list[dict[str, Any]]]
) -> None:
    """Total = subtotal + tax; what is due = paid + remaining; a late credit note names the refund that paid it."""
    contradicting = planted(world, "arithmetic_")
    for one in objects["invoices"]:
        if f"in:{one['id']}" in contradicting:
            continue
        assert one["total"] == one["subtotal"] + sum(tax["amount"] for tax in one["total_taxes"])
        credited = one["pre_payment_credit_notes_amount"] + one["ending_balance"] - one["starting_balance"]
        assert one["amount_due"] == one["total"] - credited
        assert one["amount_due"] == one["amount_paid"] + one["amount_remaining"] - one["amount_overpaid"]
    refunds = {one["id"]: one["amount"] for one in objects["refunds"]}
    for note in objects["credit_notes"]:
        assert note["total"] == note["subtotal"] + sum(tax["amount"] for tax in note["total_taxes"])
        assert sum(refunds[one["refund"]] for one in note["refunds"]) == note["post_payment_amount"]


def test_money_goes_back_days_after_it_came(world: World, objects: dict[str, list[dict[str, Any]]]) -> None:
    """Until then the charge does not show it, and the truth of a sandbox that ends then is matched."""
    history = History(json.loads((world.home / "sandbox/stripe_objects.json").read_text()))
    charges = {one["id"]: one for one in objects["charges"]}
    for refund in objects["refunds"]:
        if refund["status"] == "failed":
            continue
        assert refund["created"] - charges[refund["charge"]]["created"] >= 2 * 86_400 - 60
        before = history.at(refund["created"] - 1)
        assert before.by_id["charges"][refund["charge"]]["amount_refunded"] == 0
        assert charges[refund["charge"]]["amount_refunded"] == refund["amount"]
        assert refund["id"] not in before.by_id["refunds"]
    for dispute in objects["disputes"]:
        assert history.at(dispute["created"] - 1).by_id["charges"][dispute["charge"]]["disputed"] is False
        assert charges[dispute["charge"]]["disputed"] is True


def test_a_refund_after_the_last_day_has_not_come(tmp_path: Path) -> None:
    """Day 5 plants a refund that comes on day 7: a world of 7 days holds a match, one of 8 a refund."""
    short, long = (write_world(tmp_path / str(days), days, 5, 7) for days in (7, 8))
    assert "refunded" not in short.billing["items_by_status"]
    assert not short.of_kind("refunded")
    assert long.billing["items_by_status"]["refunded"] == len(long.of_kind("refunded")) == 1


def test_some_metadata_is_written_hours_after_the_payment(world: World) -> None:
    entries = json.loads((world.home / "sandbox/stripe_objects.json").read_text())["payment_intents"]
    late = [versions(entry) for entry in entries if "versions" in entry]
    assert late
    for first, second in late:
        assert first.body is not None
        assert second.body is not None
        assert first.body["metadata"] == {}
        assert set(second.body["metadata"]) == {"workspace_id", "infery_invoice_id"}
        assert second.visible_from - first.visible_from == 4 * 3600


def test_only_planted_top_ups_bring_other_credits_than_their_pack(
    world: World, invoices: dict[str, dict[str, Any]]
) -> None:
    """Every kind at least once in a month; the pack list in config/ promises what the packs are called."""
    lines = (world.home / "config/credit_packs.csv").read_text().splitlines()[1:]
    promised = {line.split(",")[1]: int(line.split(",")[2]) for line in lines}
    wrong = {
        number
        for number, invoice in invoices.items()
        if invoice["credits"] != promised.get(invoice["pack"], invoice["credits"])
    }
    planted = {kind: world.truth.of_kind(f"credits_{kind}") for kind in CREDIT_TROUBLES}
    assert all(planted.values())
    assert wrong == {fault.subject for faults in planted.values() for fault in faults}
