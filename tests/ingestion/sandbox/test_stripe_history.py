"""The fake account as of a moment: versions, what is shown late, and the events Stripe would send."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pytest
import stripe

from ingestion.sandbox.billing import stripe_history
from ingestion.sandbox.billing.stripe_history import EVENTS_LAST_S, History, event_types

from .conftest import World

DAY = 86_400


def entry(*versions: tuple[int, dict[str, Any] | None], first_at: int = 100) -> dict[str, Any]:
    """An invoice with versions from given seconds on."""
    expected = []
    for at, fields in versions:
        body = None if fields is None else {"id": "in_1", "object": "invoice", "created": first_at} | fields
        expected.append({"visible_from": at, "object": body})
    return {"id": "in_1", "versions": expected}


def status(history: History, clock: int) -> str | None:
    """The status of the one invoice at a second."""
    found = history.at(clock).by_id["invoices"].get("in_1")
    return found["status"] if found else None


def test_an_object_is_what_it_was_at_the_moment() -> None:
    file = {"invoices": [entry((100, {"status": "draft"}), (200, {"status": "open"}), (300, None))]}
    history = History(file)
    assert [status(history, clock) for clock in (99, 100, 199, 200, 299, 300)] == [
        None, "draft", "draft", "open", "open", None,
    ]  # fmt: skip
    assert history.end == 300


def test_an_object_without_versions_is_there_from_its_creation() -> None:
    history = History({"charges": [{"id": "ch_1", "object": "charge", "created": 100}]})
    assert [len(history.at(clock).lists["charges"]) for clock in (99, 100)] == [0, 1]


def test_what_is_shown_late_is_listed_where_it_belongs_and_its_event_comes_late_too() -> None:
    """Created at 100, to be seen from 160 on: list and event give 100 as its time."""
    history = History({"invoices": [entry((160, {"status": "open"}))]})
    assert history.at(159).lists["invoices"] == history.at(159).lists["events"] == []
    assert history.at(160).lists["invoices"][0]["created"] == 100
    assert {event["created"] for event in history.at(160).lists["events"]} == {100}


def test_events_are_forgotten_after_thirty_days() -> None:
    history = History({"invoices": [entry((100, {"status": "draft"}), (100 + DAY, {"status": "open"}))]})
    kept = [len(history.at(100 + EVENTS_LAST_S + more).lists["events"]) for more in (-1, 0, DAY - 1, DAY)]
    assert kept == [2, 1, 1, 0]


def test_events_come_newest_first_and_hold_the_object_of_their_time() -> None:
    file = {"invoices": [entry((100, {"status": "draft"}), (200, {"status": "open"}), (300, None))]}
    events = History(file).at(400).lists["events"]
    assert [event["type"] for event in events] == ["invoice.deleted", "invoice.finalized", "invoice.created"]
    assert [event["data"]["object"]["status"] for event in events] == ["open", "open", "draft"]
    assert len({event["id"] for event in events}) == 3


@pytest.mark.parametrize(
    ("kind", "before", "after", "expected"),
    [
        (
            "payment_intents",
            None,
            {"status": "succeeded"},
            ["payment_intent.created", "payment_intent.succeeded"],
        ),
        ("payment_intents", {"status": "succeeded"}, {"status": "succeeded", "metadata": {"a": "b"}}, []),
        ("payment_intents", {"status": "succeeded"}, None, []),
        ("balance_transactions", {"status": "pending"}, {"status": "available"}, []),
        (
            "charges",
            {"status": "succeeded"},
            {"status": "succeeded", "amount_refunded": 5},
            ["charge.refunded"],
        ),
        ("charges", {"status": "succeeded"}, {"status": "succeeded", "disputed": True}, ["charge.updated"]),
        ("disputes", {"status": "needs_response"}, {"status": "under_review"}, ["charge.dispute.updated"]),
        ("disputes", {"status": "under_review"}, {"status": "lost"}, ["charge.dispute.closed"]),
        ("invoice_payments", None, {"status": "open"}, []),
        ("invoice_payments", {"status": "open"}, {"status": "paid"}, ["invoice_payment.paid"]),
        ("credit_notes", {"status": "issued"}, {"status": "void"}, ["credit_note.voided"]),
        ("invoices", {"status": "draft"}, None, ["invoice.deleted"]),
    ],
)
def test_stripe_reports_some_changes_and_not_others(
    kind: str, before: dict[str, Any] | None, after: dict[str, Any] | None, expected: list[str]
) -> None:
    assert event_types(kind, before, after) == expected


def test_every_type_of_event_exists_in_the_sdk() -> None:
    known = set(re.findall(r"'([\w.]+)'", str(get_args(stripe.Event.__annotations__["type"]))))
    tables = (
        stripe_history._CREATED,
        stripe_history._BECAME,
        stripe_history._UPDATED,
        stripe_history._DELETED,
    )
    assert {name for table in tables for name in table.values()} <= known
    assert "payment_intent.updated" not in known


def test_every_field_of_an_event_exists_in_the_sdk(world: World) -> None:
    history = History(json.loads((world.home / "sandbox/stripe_objects.json").read_text()))
    events = history.at(history.end).lists["events"]
    assert events
    for event in events:
        assert set(event) <= set(stripe.Event.__annotations__)
