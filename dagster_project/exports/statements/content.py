"""The numbers of a workspace's month, read from the published marts; nothing is computed but sums.

    rpt_savings_monthly                        the three tiers by source, in the months that each source bills by
    fct_usage_daily                            the same amounts by model and by key
    fct_invoices, recon_invoice_payments       invoices dated in the month in the VAT zone, and their status
    fct_payments                               payments created in the month, UTC

Every table of usage adds up to the first. Over all workspaces the statements of a month add up to the marts.

Rulings: docs/decisions/exports.md#exports-4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.books import publication

#: Workspace of usage and payments whose gateway names none, as in the rpt_ marts.
UNATTRIBUTED = "unattributed"
#: Models and keys listed one by one, the most expensive ones; the others are one row.
LISTED = 25


@dataclass(frozen=True)
class Tiers:
    """Requests and amounts of one source, model or key; USD, exact; None where nothing is priced."""

    name: str
    requests: int
    unpriced_requests: int
    list_cost: Decimal | None
    discount_savings: Decimal | None
    discounted_cost: Decimal | None
    cache_savings: Decimal | None
    cache_optimized_cost: Decimal | None
    reported_cost: Decimal | None


@dataclass(frozen=True)
class Invoice:
    """An invoice that was issued; amounts in its currency."""

    dated: date
    invoice_id: str
    kind: str
    status: str
    reconciliation: str | None
    net: Decimal
    vat: Decimal
    total: Decimal
    payable: Decimal
    currency: str


@dataclass(frozen=True)
class Payment:
    """A payment intent; amounts in its currency, refunds and disputes up to the publication."""

    created_at: datetime
    payment_intent_id: str
    invoice_id: str | None
    status: str
    received: Decimal
    refunded: Decimal
    disputed: Decimal
    net: Decimal
    currency: str


@dataclass(frozen=True)
class Statement:
    """One workspace's month.

    Attributes:
        workspace: its id, or `unattributed`.
        month: its first day.
        by_source: the three tiers, one entry per source.
        by_model: the same amounts by served model, the most expensive first.
        by_key: the same amounts by key.
        invoices: invoices issued in the month; drafts and void ones are left out.
        payments: payments created in the month.
        publication_id: the publication it was read from.
        published_at: when that was, UTC.
        last_event_date: last UTC day with usage in the publication.
    """

    workspace: str
    month: date
    by_source: Sequence[Tiers]
    by_model: Sequence[Tiers]
    by_key: Sequence[Tiers]
    invoices: Sequence[Invoice]
    payments: Sequence[Payment]
    publication_id: str
    published_at: datetime
    last_event_date: date | None

    @property
    def usage(self) -> Tiers:
        """The three tiers of all sources."""
        return total(self.by_source)

    @property
    def is_over(self) -> bool:
        """Whether usage of a later month has been published; until then the month may grow."""
        return self.last_event_date is not None and self.last_event_date >= next_month(self.month)


def next_month(month: date) -> date:
    """Return the first day of the month after `month`."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def total(rows: Iterable[Tiers], name: str = "Total") -> Tiers:
    """Add up rows; an amount is None if it is None in all of them."""
    rows = list(rows)

    def added(field: str) -> Decimal | None:
        amounts = [amount for row in rows if (amount := getattr(row, field)) is not None]
        return sum(amounts, Decimal(0)) if amounts else None

    return Tiers(
        name,
        sum(row.requests for row in rows),
        sum(row.unpriced_requests for row in rows),
        *(added(field) for field in _AMOUNTS),
    )


def workspaces(marts: duckdb.DuckDBPyConnection, month: date) -> list[str]:
    """Return the workspaces with usage, an invoice or a payment in a month, in order."""
    return [
        workspace
        for (workspace,) in marts.execute(
            f"""
            select distinct coalesce(workspace_id, '{UNATTRIBUTED}') as workspace from ({_USAGE_MONTH})
            union select coalesce(workspace_id, '{UNATTRIBUTED}') from ({_INVOICES_MONTH})
            union select coalesce(workspace_id, '{UNATTRIBUTED}') from ({_PAYMENTS_MONTH})
            order by workspace
            """,
            {"first": month, "next": next_month(month)},
        ).fetchall()
    ]


def statement(marts: duckdb.DuckDBPyConnection, workspace: str, month: date) -> Statement:
    """Return one workspace's month.

    Args:
        marts: connection to the published marts.
        workspace: its id, or `unattributed`.
        month: first day of the month.
    """
    asked = {"workspace": workspace, "first": month, "next": next_month(month)}

    def rows(sql: str, names: Iterable[str] = asked) -> list[tuple[Any, ...]]:
        return marts.execute(sql, {name: asked[name] for name in names}).fetchall()

    publication_id, published_at = publication.identity_of(marts)
    [(last,)] = marts.execute("select max(event_date) from fct_usage_daily").fetchall()
    return Statement(
        workspace=workspace,
        month=month,
        by_source=[Tiers(*row) for row in rows(_BY_SOURCE, ("workspace", "first"))],
        by_model=_most_expensive(
            [Tiers(*row) for row in rows(_by("coalesce(model_served, 'no model')"))], "models"
        ),
        by_key=_most_expensive([Tiers(*row) for row in rows(_by(_KEY))], "keys"),
        invoices=[Invoice(*row) for row in rows(_INVOICES)],
        payments=[Payment(*row) for row in rows(_PAYMENTS)],
        publication_id=publication_id,
        published_at=published_at,
        last_event_date=last,
    )


def by_currency(rows: Iterable[Invoice | Payment], fields: Sequence[str]) -> Mapping[str, dict[str, Decimal]]:
    """Add up amounts of invoices or payments, currency by currency; they are never converted."""
    found: dict[str, dict[str, Decimal]] = {}
    for row in rows:
        sums = found.setdefault(row.currency, dict.fromkeys(fields, Decimal(0)))
        for field in fields:
            sums[field] += getattr(row, field)
    return dict(sorted(found.items()))


def _most_expensive(rows: list[Tiers], what: str) -> list[Tiers]:
    """Keep the first rows; the others become one."""
    if len(rows) <= LISTED:
        return rows
    return [*rows[:LISTED], total(rows[LISTED:], f"{len(rows) - LISTED:,} other {what}")]


_AMOUNTS = (
    "list_cost",
    "discount_savings",
    "discounted_cost",
    "cache_savings",
    "cache_optimized_cost",
    "reported_cost",
)
_COLUMNS = ", ".join(f"{field}_usd" for field in _AMOUNTS)
_BY_SOURCE = f"""
    select source, requests, unpriced_requests, {_COLUMNS}
    from rpt_savings_monthly
    where workspace_id = $workspace and billing_month = $first
    order by source
"""
_USAGE_MONTH = "select * from fct_usage_daily where billing_date >= $first and billing_date < $next"
_KEY = """
    case
        when api_key_id is null then 'no key'
        when api_key_name is null or api_key_name = api_key_id then api_key_id
        else concat(api_key_name, ' (', api_key_id, ')')
    end
"""
_INVOICES_MONTH = """
    select * from fct_invoices
    where vat_date >= $first and vat_date < $next and invoice_status not in ('draft', 'void')
"""
_PAYMENTS_MONTH = """
    select payments.*, items.workspace_id
    from fct_payments as payments
    left join recon_invoice_payments as items on payments.item_id = items.item_id
    where payments.created_at >= $first and payments.created_at < $next
"""
_INVOICES = f"""
    select
        invoices.vat_date, invoices.invoice_id, invoices.invoice_kind, invoices.invoice_status, items.status,
        invoices.net_amount, invoices.vat_amount, invoices.total_amount, invoices.payable_amount, invoices.currency
    from ({_INVOICES_MONTH}) as invoices
    left join recon_invoice_payments as items on invoices.item_id = items.item_id
    where coalesce(invoices.workspace_id, '{UNATTRIBUTED}') = $workspace
    order by invoices.vat_date, invoices.issued_at, invoices.invoice_id
"""
_PAYMENTS = f"""
    select
        created_at, payment_intent_id, invoice_id, payment_status, received_amount, refunded_amount, disputed_amount,
        net_amount, currency
    from ({_PAYMENTS_MONTH})
    where coalesce(workspace_id, '{UNATTRIBUTED}') = $workspace
    order by created_at, payment_intent_id
"""


def _by(name: str) -> str:
    """Return the query of the amounts by an expression."""
    sums = ", ".join(f"cast(sum({column}) as decimal(38, 12))" for column in _COLUMNS.split(", "))
    return f"""
        select
            {name} as name, cast(sum(requests) as bigint), cast(sum(unpriced_requests) as bigint), {sums}
        from ({_USAGE_MONTH})
        where coalesce(workspace_id, '{UNATTRIBUTED}') = $workspace
        group by name
        order by sum(cache_optimized_cost_usd) desc nulls last, name
    """
