"""The sandbox's invoices and payments, landed, synced and built: what was planted is what is found, and a status or
flag that the contracts name and the sandbox does not plant fails here.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dagster_project.books.build import build as build_books
from dagster_project.dbt_runner.project import project
from dagster_project.sandbox_home import stripe_address
from dagster_project.steps.payments import sync_payments
from ingestion.home import Home
from ingestion.sandbox import Truth, write_world
from ingestion.sandbox.billing.invoices import DECIMALS
from ingestion.sandbox.billing.stripe_history import History
from ingestion.sources import load
from tests.dbt.conftest import contract_columns, contract_values, ingest, rows

BILLING = [
    "+recon_invoice_payments",
    "+fct_invoices",
    "+fct_payments",
    "+int_reconciliation_legs",
    "+recon_payment_settlements",
    "+recon_invoice_arithmetic",
    "+rpt_vat_monthly",
]
LONDON = ZoneInfo("Europe/London")
#: Day 39 brings a payment that is missed too early to be missing.
DAYS = 41


@dataclass(frozen=True)
class Books:
    """A world's truth, and the warehouse that was built from its files."""

    truth: Truth
    home: Home

    def planted(self, prefix: str) -> set[tuple[str, str]]:
        """Kind without its prefix and subject of every fault of some kinds."""
        return {
            (fault.kind.removeprefix(prefix), fault.subject)
            for fault in self.truth.faults
            if fault.kind.startswith(prefix)
        }

    def found(self, query: str) -> list[tuple[str, str]]:
        return rows(self.home, query)


@pytest.fixture(scope="module", params=[1, 2, 3])
def books(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Books:
    """Six weeks plant each status, flag and verdict at least once."""
    home = Home(tmp_path_factory.mktemp("sandbox"))
    truth = write_world(home.root, days=DAYS, requests_per_day=40, seed=request.param)
    ingest(home)
    settings = load(home).stripe
    with stripe_address(home, settings) as address:
        sync_payments(home, settings, address)
    result = build_books(home, project(), BILLING)
    assert not result.broken, result.explain()
    return Books(truth, home)


def test_every_planted_status_is_found_and_no_other(books: Books) -> None:
    found = books.found(
        "select coalesce(invoice_id, payment_intent_id), status from marts.recon_invoice_payments"
    )
    assert Counter(status for _, status in found) == books.truth.billing["items_by_status"]
    planted = {fault.subject: fault.status for fault in books.truth.faults if fault.status}
    assert {subject: status for subject, status in found if status != "matched"} == planted
    assert {status for _, status in found} == contract_values("recon_invoice_payments", "status")


def test_every_planted_flag_is_found_and_no_other(books: Books) -> None:
    flags = books.found(
        """
        select flag, coalesce(invoice_id, payment_intent_id)
        from (
            unpivot marts.recon_invoice_payments on columns('^(is|has)_') into name flag value is_set
        )
        where is_set
        """,
    )
    assert len(flags) == len(set(flags))
    assert set(flags) == books.planted("flag_")
    assert {flag for flag, _ in flags} == {
        name for name in contract_columns("recon_invoice_payments") if name.startswith(("is_", "has_"))
    }


def test_sums_are_those_of_the_world(books: Books) -> None:
    for measure, table, column in (
        ("invoiced_minor", "fct_invoices", "total_minor"),
        ("received_minor", "fct_payments", "received_minor"),
    ):
        sums = books.found(f"select currency, sum({column})::bigint from marts.{table} group by currency")
        assert dict(sums) == books.truth.billing[measure]


def test_every_planted_settlement_is_found_and_no_other(books: Books) -> None:
    found = books.found("select status, object_id from marts.recon_payment_settlements")
    ordinary = {"settled", "pending"}
    assert {(status, one) for status, one in found if status not in ordinary} == books.planted("settlement_")
    assert {status for status, _ in found} == contract_values("recon_payment_settlements", "status")


def test_every_planted_contradiction_is_found_and_no_other(books: Books) -> None:
    found = books.found("select reasons, document_id, status from marts.recon_invoice_arithmetic")
    assert {(reasons, one) for reasons, one, _ in found if reasons} == books.planted("arithmetic_")
    assert {status for _, _, status in found} == contract_values("recon_invoice_arithmetic", "status")


def documents(home: Home) -> Iterator[tuple[str, str, str, Decimal, Decimal]]:
    """Every invoice that was issued and every credit note: month in London, treatment, currency, VAT, total."""
    treatments: dict[str, str] = {}
    for file in sorted(home.landing.glob("*/invoices/dt=*/*.ndjson")):
        for one in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            treatment = treatments[one["stripe_invoice"]] = one["vat_treatment"] or "unknown"
            if one["status"] not in ("draft", "void"):
                month = f"{datetime.fromisoformat(one['issued_at']).astimezone(LONDON):%Y-%m}"
                yield month, treatment, one["currency"], Decimal(one["vat"]), Decimal(one["total"])
    history = History(json.loads((home.sandbox / "stripe_objects.json").read_text(encoding="utf-8")))
    for note in history.at(history.end).lists["credit_notes"]:
        month = f"{datetime.fromtimestamp(note['created'], UTC).astimezone(LONDON):%Y-%m}"
        tax = sum(line["amount"] for line in note["total_taxes"])
        vat, total = (-Decimal(minor).scaleb(-DECIMALS[note["currency"]]) for minor in (tax, note["total"]))
        yield month, treatments[note["invoice"]], note["currency"], vat, total


def test_vat_is_what_the_documents_add_up_to(books: Books) -> None:
    expected: dict[tuple[str, ...], list[Decimal]] = defaultdict(lambda: [Decimal(), Decimal()])
    for month, treatment, currency, *amounts in documents(books.home):
        for place, amount in enumerate(amounts):
            expected[month, treatment, currency][place] += amount
    found: list[Any] = books.found(
        """
        select strftime(vat_month, '%Y-%m'), vat_treatment, currency, sum(vat_amount), sum(total_amount)
        from marts.rpt_vat_monthly
        group by all
        """
    )
    assert {tuple(key): [vat, total] for *key, vat, total in found} == expected
