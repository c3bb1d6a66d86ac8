"""The items of one reconciliation status: what each is about, its invoice and payment, amount, age and where to look.

published recon_ marts → rows of every reconciliation that has the status → lines, or JSON. Charges are listed request
by request, from fct_usage_costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.books.published import published
from dagster_project.printable import counted
from dagster_project.reports.next_steps import CLAIMED, RECONCILIATIONS, REPORTED_COSTS, Reconciliation
from ingestion.duck import literal
from ingestion.home import Home
from ingestion.sources import StripeSettings, load

#: Items that are printed; JSON has all of them.
SHOWN = 200
_STRIPE = "https://dashboard.stripe.com/{mode}payments/{payment}"
#: Files with the items of an invoice; fct_invoices keeps their addresses.
_INVOICE_LINKS = "select invoice_id, coalesce(receipt_url, pdf_url) from fct_invoices"


class NoSuchStatus(ValueError):
    """No reconciliation has this status; the message lists those that ask for something."""


@dataclass(frozen=True)
class _Columns:
    """SQL over the columns of a mart: what an item is about, its invoice, payment and workspace, its age in days.

    Without `age` an item is as old as the last day of the mart says.
    """

    item: str
    invoice: str = "null"
    payment: str = "null"
    workspace: str = "workspace_id"
    age: str | None = None


_COLUMNS = {
    "recon_invoice_payments": _Columns("item_id", "invoice_id", "payment_intent_id", age="age_days"),
    "recon_payment_settlements": _Columns(
        "concat_ws(' ', object_kind, object_id)", "invoice_id", "payment_intent_id", "null"
    ),
    "recon_invoice_arithmetic": _Columns("concat_ws(': ', document_id, reasons)", "invoice_id"),
    "recon_usage_api": _Columns("concat_ws(' ', source, model_served, api_key_id)"),
    "recon_copies": _Columns("concat_ws(' ', source, request_id)", workspace="null"),
    "recon_credit_grants": _Columns("item_id", "invoice_id"),
    "recon_credit_burn": _Columns("source"),
    "recon_credit_balances": _Columns("source"),
}
#: What a charge differs by, or what of it is claimed back, request by request.
_REQUESTS = f"""
    select
        request_id as item, null as invoice, null as payment, workspace_id as workspace, 'USD' as currency,
        cast(
            case
                when variance_reason in ({", ".join(map(literal, CLAIMED))}) then reported_cost_usd
                else coalesce(cost_variance_usd, reported_cost_usd)
            end as decimal(38, 12)
        ) as amount,
        event_date as day, null as age_days
    from fct_usage_costs
    where variance_reason = $status
"""  # noqa: S608


@dataclass(frozen=True)
class Item:
    """One item of a reconciliation.

    Attributes:
        reconciliation: mart it is in.
        status: its status.
        item: what it is about: an id, or source, model and key.
        invoice: invoice id; None without one.
        payment: Stripe payment intent; None without one.
        workspace: workspace id; None where the mart has none.
        amount: in `currency`; None where nothing says it.
        currency: upper case; USD, or CREDITS for credits.
        day: day it is dated by.
        age_days: days from `day` to the last day the reconciliation speaks of.
        link: address of the payment at Stripe, else of the invoice's receipt or PDF; None without one.
        next_step: what to do; None for what is settled.
    """

    reconciliation: str
    status: str
    item: str
    invoice: str | None
    payment: str | None
    workspace: str | None
    amount: Decimal | None
    currency: str | None
    day: date | None
    age_days: int | None
    link: str | None = None
    next_step: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; money as text."""
        return {
            name: f"{value:f}"
            if isinstance(value, Decimal)
            else value.isoformat()
            if isinstance(value, date)
            else value
            for name, value in asdict(self).items()
        }


def items(home: Home, status: str, month: date | None = None) -> list[Item]:
    """Return the items of a status, of every reconciliation that has it, the oldest first.

    Args:
        home: Whose published marts are read.
        status: A status, or a variance reason.
        month: First day of the month the items belong to; every month without it.

    Raises:
        NoSuchStatus: no reconciliation has this status.
        NothingPublished: no run has published yet.
        SourcesError: sources.yml cannot be used.
    """
    chosen = [one for one in RECONCILIATIONS if status in one.next_steps or status in one.settled]
    if not chosen:
        known = sorted({name for one in RECONCILIATIONS for name in one.next_steps})
        raise NoSuchStatus(f"--items {status}: no such status; write one of {', '.join(known)}")
    stripe = load(home).stripe
    found: list[Item] = []
    with published(home) as marts:
        there = {name for (name,) in marts.sql("select table_name from duckdb_tables()").fetchall()}
        there |= {name for (name,) in marts.sql("select view_name from duckdb_views()").fetchall()}
        links = _links(marts) if "fct_invoices" in there else {}
        for reconciliation in chosen:
            if (mart_of(reconciliation)) in there:
                found += _items(marts, reconciliation, status, month)
    return [
        replace(item, link=_payment_link(item.payment, stripe) or links.get(item.invoice or ""))
        for item in found
    ]


def lines(found: Sequence[Item], status: str) -> Iterator[str]:
    """Yield the items as a person reads them, with what to do after those of each reconciliation."""
    if not found:
        yield f"no item is {status}"
        return
    for mart in dict.fromkeys(item.reconciliation for item in found):
        own = [item for item in found if item.reconciliation == mart]
        yield f"{mart}: {counted(len(own), 'item')} {status}"
        for item in own[:SHOWN]:
            amount = "–" if item.amount is None else f"{item.amount:,f}"
            age = "" if item.age_days is None else f"  {counted(item.age_days, 'day')} old"
            yield f"    {item.item}  {amount} {item.currency or ''}  {item.day or '–'}{age}"
            named = {"workspace": item.workspace, "invoice": item.invoice, "payment": item.payment}
            if said := "  ".join(f"{name} {value}" for name, value in named.items() if value):
                yield f"        {said}"
            if item.link:
                yield f"        {item.link}"
        if len(own) > SHOWN:
            yield f"    … and {len(own) - SHOWN:,} more; --json lists all"
        if own[0].next_step:
            yield f"    → {own[0].next_step}"


def mart_of(reconciliation: Reconciliation) -> str:
    """Return the mart the items of a reconciliation are read from."""
    return "fct_usage_costs" if reconciliation is REPORTED_COSTS else reconciliation.mart


def _items(
    marts: duckdb.DuckDBPyConnection, reconciliation: Reconciliation, status: str, month: date | None
) -> Iterator[Item]:
    query = _REQUESTS if reconciliation is REPORTED_COSTS else _query(reconciliation)
    rows = marts.execute(
        f"""
        select item, invoice, payment, workspace, amount, currency, day, cast(age_days as integer)
        from ({query})
        where cast($month as date) is null or date_trunc('month', day) = cast($month as date)
        order by day nulls last, item, invoice, payment
        """,  # noqa: S608
        {"status": status, "month": month},
    )
    for row in rows.fetchall():
        yield Item(reconciliation.mart, status, *row, next_step=reconciliation.next_steps.get(status))


def _query(reconciliation: Reconciliation) -> str:
    columns = _COLUMNS[reconciliation.mart]
    last = f"(select max(cast({reconciliation.day} as date)) from {reconciliation.mart})"  # noqa: S608
    age = columns.age or f"{last} - cast({reconciliation.day} as date)"
    return f"""
        select
            {columns.item} as item, {columns.invoice} as invoice, {columns.payment} as payment,
            {columns.workspace} as workspace, upper({reconciliation.currency}) as currency,
            cast({reconciliation.amount} as {reconciliation.amount_type}) as amount,
            cast({reconciliation.day} as date) as day,
            {age} as age_days
        from {reconciliation.mart}
        where {reconciliation.status} = $status
    """  # noqa: S608


def _links(marts: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return {invoice: link for invoice, link in marts.sql(_INVOICE_LINKS).fetchall() if link}


def _payment_link(payment: str | None, stripe: StripeSettings | None) -> str | None:
    """Return where Stripe shows a payment; the sandbox's own Stripe has no such page."""
    if payment is None or stripe is None or stripe.mode == "sandbox":
        return None
    return _STRIPE.format(mode="" if stripe.livemode else "test/", payment=payment)
