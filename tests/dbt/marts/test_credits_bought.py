"""Credits beside the payments that bought them: what a lot cost in USD, and which of two invoices a payment bought.

Unless a case says otherwise an invoice of 50.00 gbp, 41.67 of it net, brought 5,000 credits and was paid by one intent.
Each case has a workspace of its own, so that no lot dilutes another.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from dagster_project.books.build import build
from dagster_project.dbt_runner.project import project
from ingestion import prices
from ingestion.home import Home
from tests.dbt.conftest import rows
from tests.dbt.marts.billing_rows import charge, document, intent, invoice, movement, payment

MODELS = ["+fct_credit_grants", "+fct_credit_entries", "+recon_credit_grants", "+recon_invoice_payments"]
UNTAXED = {"net": "50.00", "vat": "0.00", "vat_rate": "0.00", "vat_treatment": "outside_scope"}
TWENTY = UNTAXED | {"net": "20.00", "total": "20.00"}
IN_USD = {"currency": "usd", "exchange_rate": "1.2642"}


def bought(name: str, **changed: Any) -> dict[str, Any]:
    return invoice(name, workspace_id=f"ws_{name}", **{"payment_intent": f"pi_{name}"} | changed)


def paid(name: str, invoice_id: str, **changed: Any) -> dict[str, Any]:
    return intent(f"pi_{name}", invoice_id, workspace_id=f"ws_{invoice_id}", **changed)


def taken(name: str, amount: int = 5000, **changed: Any) -> dict[str, Any]:
    return charge(f"ch_{name}", f"pi_{name}", amount=amount, amount_captured=amount, **changed)


WORLD: dict[str, list[dict[str, Any]]] = {
    "invoices": [
        bought("converted"),
        bought("untaxed", **UNTAXED),
        bought("in_pounds"),
        bought("unsettled"),
        bought("in_dollars", currency="usd"),
        bought("in_two_parts", **UNTAXED),
        bought("half_in_pounds", **UNTAXED),
        bought("in_euros", **UNTAXED),
        bought("joint_a", payment_intent="pi_joint", stripe_invoice="in_a", **UNTAXED),
        bought(
            "joint_b",
            payment_intent="pi_joint",
            stripe_invoice="in_b",
            **UNTAXED | {"net": "20.00", "total": "20.00"},
        ),
        # The second names the payment of the first, and Stripe knows nothing of it.
        bought("once", payment_intent="pi_once"),
        bought("twice", payment_intent="pi_once", issued_at="2026-10-01 11:00:00"),
        # As before, but the intent names the later one.
        bought("earlier", payment_intent=None, stripe_invoice="in_later"),
        bought("later", payment_intent=None, stripe_invoice="in_later", issued_at="2026-10-01 11:00:00"),
        # Nobody has read the payment that both name.
        bought("unread_a", payment_intent="pi_unread"),
        bought("unread_b", payment_intent="pi_unread", issued_at="2026-10-01 11:00:00"),
    ],
    "payment_intents": [
        *(paid(name, name) for name in ("converted", "untaxed", "in_pounds", "unsettled", "once")),
        paid("in_dollars", "in_dollars", currency="usd"),
        paid("in_two_parts", "in_two_parts", amount_received=3000),
        paid("in_two_parts_2", "in_two_parts", amount_received=2000),
        paid("half_in_pounds", "half_in_pounds", amount_received=3000),
        paid("half_in_pounds_2", "half_in_pounds", amount_received=2000),
        paid("in_euros", "in_euros", currency="eur"),
        paid("joint", "joint_a", amount=7000, amount_received=7000),
        paid("later", "later"),
    ],
    "charges": [
        *(taken(name) for name in ("converted", "untaxed", "in_pounds", "unsettled", "once", "later")),
        taken("in_dollars", currency="usd"),
        taken("in_two_parts", 3000),
        taken("in_two_parts_2", 2000),
        taken("half_in_pounds", 3000),
        taken("half_in_pounds_2", 2000),
        taken("in_euros", currency="eur"),
        taken("joint", 7000),
    ],
    "balance_transactions": [
        movement("txn_converted", "ch_converted", 6321, 120, **IN_USD),
        movement("txn_untaxed", "ch_untaxed", 6321, 120, **IN_USD),
        movement("txn_in_pounds", "ch_in_pounds", 5000, 95),
        movement("txn_in_dollars", "ch_in_dollars", 3955, 95, currency="gbp", exchange_rate="0.791"),
        movement("txn_part_1", "ch_in_two_parts", 3792, 70, currency="usd", exchange_rate="1.264"),
        movement("txn_part_2", "ch_in_two_parts_2", 2529, 50, currency="usd", exchange_rate="1.2645"),
        movement("txn_half_1", "ch_half_in_pounds", 3792, 70, currency="usd", exchange_rate="1.264"),
        movement("txn_half_2", "ch_half_in_pounds_2", 2000, 50),
        movement("txn_in_euros", "ch_in_euros", 5800, 95, currency="usd", exchange_rate="1.16"),
        movement("txn_joint", "ch_joint", 8849, 150, **IN_USD),
    ],
    "stripe_invoices": [document("in_a", "joint_a"), document("in_b", "joint_b", total=2000)],
    "invoice_payments": [
        payment("inpay_a", "in_a", "pi_joint"),
        payment("inpay_b", "in_b", "pi_joint", 2000),
    ],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, raw_files: Callable[[Home], Any]) -> Home:
    found = Home(tmp_path_factory.mktemp("bought"))
    raw_files(found).billing(**WORLD)
    prices.write_catalogue(found)
    prices.resolve_models(found)
    prices.write_formulas(found)
    result = build(found, project(), MODELS)
    assert not result.broken, result.explain()
    return found


def lots(home: Home) -> dict[str, tuple[str, Decimal, Decimal | None]]:
    found = rows(
        home, "select invoice_id, price_currency, price_amount, price_usd from marts.fct_credit_grants"
    )
    return {name: tuple(rest) for name, *rest in found}


@pytest.mark.parametrize(
    ("name", "price_usd"),
    [
        ("converted", "52.679214"),
        ("untaxed", "63.21"),
        ("in_pounds", None),
        ("unsettled", None),
        ("in_dollars", "41.67"),
        ("in_two_parts", "63.21"),
        ("half_in_pounds", None),
        ("in_euros", None),
        ("joint_a", "63.207142857143"),
        ("joint_b", "25.282857142857"),
    ],
)
def test_a_lot_costs_in_usd_what_stripe_settled_for_it(home: Home, name: str, price_usd: str | None) -> None:
    """50.00 gbp came to 63.21 usd: with VAT 63.21 × 41.67 / 50.00 = 52.679214; 37.92 + 25.29 = 63.21.

    88.49 usd for two invoices: × 50/70 = 63.207142857143, × 20/70 = 25.282857142857. Euros for an invoice in pounds
    say nothing about pounds, and dollars stay what they are, wherever they were settled.
    """
    _, _, found = lots(home)[name]
    assert found == (Decimal(price_usd) if price_usd else None)


def test_what_was_paid_in_its_own_currency_stays(home: Home) -> None:
    assert lots(home)["converted"][:2] == ("gbp", Decimal("41.67"))


def test_entries_of_a_lot_are_worth_its_price_in_both_currencies(home: Home) -> None:
    found = rows(
        home,
        """
        select invoice_id, value_currency, value_amount, value_usd from marts.fct_credit_entries
        where entry_kind = 'grant' and invoice_id in ('converted', 'in_pounds', 'in_dollars')
        order by invoice_id
        """,
    )
    assert found == [
        ("converted", "gbp", Decimal("41.67"), Decimal("52.679214")),
        ("in_dollars", "usd", Decimal("41.67"), Decimal("41.67")),
        ("in_pounds", "gbp", Decimal("41.67"), None),
    ]


def test_an_invoice_has_bought_what_its_payment_went_to(home: Home) -> None:
    """Both reconciliations agree on two invoices that name one payment."""
    found = rows(
        home,
        """
        select credits.invoice_id, credits.status = 'delivered_twice', payments.received_minor
        from marts.recon_credit_grants as credits
        inner join marts.recon_invoice_payments as payments using (invoice_id)
        where
            invoice_id in ('joint_a', 'joint_b', 'once', 'twice', 'earlier', 'later', 'unread_a', 'unread_b')
        """,
    )
    assert {name: (again, received) for name, again, received in found} == {
        "joint_a": (False, 5000),
        "joint_b": (False, 2000),
        "once": (False, 5000),
        "twice": (True, 0),
        "earlier": (True, 0),
        "later": (False, 5000),
        "unread_a": (False, 0),
        "unread_b": (True, 0),
    }
