"""A statement as facts and tables of text, the same for HTML and PDF.

Amounts are exact: every table of USD shows as many decimals as its longest amount needs, at least two, so that its
lines add up to its total as printed. What is not priced is a dash, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from dagster_project.exports.statements.content import (
    UNATTRIBUTED,
    Invoice,
    Payment,
    Statement,
    Tiers,
    by_currency,
)
from dagster_project.printable import counted, printable

NONE = "–"


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        title: its heading.
        header: names of its columns.
        texts: how many columns from the left are text; the others are numbers.
        rows: its lines.
        totals: lines below the rule; empty if nothing is added up.
        note: a sentence below it.
    """

    title: str
    header: Sequence[str]
    texts: int
    rows: Sequence[Sequence[str]]
    totals: Sequence[Sequence[str]] = ()
    note: str = ""


@dataclass(frozen=True)
class Document:
    """A statement as people read it.

    Attributes:
        title: what it is about.
        facts: names and values at its top.
        steps: list price to cache-optimized price: label, amount, share.
        tables: its tables.
        notes: what limits the figures.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    steps: Sequence[tuple[str, str, str]]
    tables: Sequence[Table]
    notes: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        """Return the document as plain JSON values."""
        return asdict(self)


def document(statement: Statement) -> Document:
    """Return a statement as text."""
    usage = statement.usage
    return Document(
        title=f"Statement for {printable(statement.workspace)}, {statement.month:%B %Y}",
        facts=[
            ("Workspace", printable(statement.workspace)),
            ("Month", f"{statement.month:%Y-%m}"),
            ("Sources", ", ".join(printable(row.name) for row in statement.by_source) or NONE),
            ("Requests", f"{usage.requests:,}"),
            ("Published", f"{statement.published_at:%Y-%m-%d %H:%M} UTC, {statement.publication_id}"),
        ],
        steps=_steps(usage),
        tables=[
            _usage("Usage by source", "Source", statement.by_source, usage),
            _usage("Usage by model", "Model", statement.by_model, usage),
            _usage("Usage by key", "Key", statement.by_key, usage),
            _charged(statement.by_source, usage),
            _invoices(statement.invoices),
            _payments(statement.payments),
        ],
        notes=list(_notes(statement)),
    )


def _steps(usage: Tiers) -> list[tuple[str, str, str]]:
    amounts = (
        usage.list_cost,
        usage.discount_savings,
        usage.discounted_cost,
        usage.cache_savings,
        usage.cache_optimized_cost,
    )
    places = _places(amounts)
    return [
        ("List price", _usd(usage.list_cost, places), ""),
        (
            "Discounts",
            _usd(_negative(usage.discount_savings), places),
            _share(usage.discount_savings, usage.list_cost),
        ),
        ("After discounts", _usd(usage.discounted_cost, places), ""),
        (
            "Prompt cache",
            _usd(_negative(usage.cache_savings), places),
            _share(usage.cache_savings, usage.discounted_cost),
        ),
        ("Cache-optimized", _usd(usage.cache_optimized_cost, places), ""),
    ]


def _usage(title: str, name: str, rows: Sequence[Tiers], usage: Tiers) -> Table:
    places = _places(amount for row in (*rows, usage) for amount in _tiers(row))

    def line(row: Tiers) -> list[str]:
        return [printable(row.name), f"{row.requests:,}", *(_usd(amount, places) for amount in _tiers(row))]

    return Table(
        title=title,
        header=[name, "Requests", "List", "Discounts", "After discounts", "Cache savings", "Cache-optimized"],
        texts=1,
        rows=[line(row) for row in rows],
        totals=[line(usage)] if rows else [],
        note="USD; list − discounts = after discounts, − cache savings = cache-optimized"
        if rows
        else "No usage.",
    )


def _tiers(row: Tiers) -> tuple[Decimal | None, ...]:
    return (
        row.list_cost,
        row.discount_savings,
        row.discounted_cost,
        row.cache_savings,
        row.cache_optimized_cost,
    )


def _charged(rows: Sequence[Tiers], usage: Tiers) -> Table:
    """Return what the gateways reported beside what should have been charged."""

    def amounts(row: Tiers) -> tuple[Decimal | None, ...]:
        pair = (row.reported_cost, row.cache_optimized_cost)
        return (*pair, None if None in pair else pair[0] - pair[1])

    places = _places(amount for row in (*rows, usage) for amount in amounts(row))

    def line(row: Tiers) -> list[str]:
        return [printable(row.name), *(_usd(amount, places) for amount in amounts(row))]

    return Table(
        title="Charged by the gateways",
        header=["Source", "Reported", "Cache-optimized", "Difference"],
        texts=1,
        rows=[line(row) for row in rows],
        totals=[line(usage)] if rows else [],
        note="USD. A difference may also come from requests without a price or without a report."
        if rows
        else "",
    )


def _invoices(invoices: Sequence[Invoice]) -> Table:
    fields = ("net", "vat", "total", "payable")
    rows = [
        [
            f"{invoice.dated}",
            printable(invoice.invoice_id),
            f"{invoice.kind}, {invoice.status}",
            _status(invoice.reconciliation),
            invoice.currency.upper(),
            *(_money(getattr(invoice, field)) for field in fields),
        ]
        for invoice in invoices
    ]
    return Table(
        title="Invoices",
        header=["Date", "Invoice", "Kind", "Reconciliation", "Currency", "Net", "VAT", "Total", "Payable"],
        texts=5,
        rows=rows,
        totals=_totals(invoices, fields, texts=5, unit="invoice"),
        note="Issued in the month, by day of the VAT zone."
        if rows
        else "No invoice was issued in the month.",
    )


def _payments(payments: Sequence[Payment]) -> Table:
    fields = ("received", "refunded", "disputed", "net")
    rows = [
        [
            f"{payment.created_at:%Y-%m-%d}",
            printable(payment.payment_intent_id),
            printable(payment.invoice_id or NONE),
            _status(payment.status),
            payment.currency.upper(),
            *(_money(getattr(payment, field)) for field in fields),
        ]
        for payment in payments
    ]
    return Table(
        title="Payments",
        header=[
            "Date",
            "Payment",
            "Invoice",
            "Status",
            "Currency",
            "Received",
            "Refunded",
            "Disputed",
            "Net",
        ],
        texts=5,
        rows=rows,
        totals=_totals(payments, fields, texts=5, unit="payment"),
        note="Created in the month, UTC; refunds and disputes as of the publication."
        if rows
        else "No payment was made in the month.",
    )


def _totals(
    rows: Sequence[Invoice] | Sequence[Payment], fields: Sequence[str], texts: int, unit: str
) -> list[list[str]]:
    """Return one line of totals per currency."""
    lines = []
    for currency, sums in by_currency(rows, fields).items():
        count = sum(1 for row in rows if row.currency == currency)
        labels = [counted(count, unit), *[""] * (texts - 2), currency.upper()]
        lines.append([*labels, *(_money(sums[field]) for field in fields)])
    return lines


def _notes(statement: Statement) -> Iterable[str]:
    usage = statement.usage
    if usage.unpriced_requests:
        yield f"{counted(usage.unpriced_requests, 'request')} have no price and are in no amount."
    if not statement.is_over:
        yield f"The month is not over: usage up to {statement.last_event_date} is included."
    if statement.workspace == UNATTRIBUTED:
        yield "Usage and payments whose gateway names no workspace."
    yield "All amounts are exact; currencies are never converted."


def _places(amounts: Iterable[Decimal | None]) -> int:
    """Return how many decimals show all amounts exactly, at least two."""
    exponents = (amount.normalize().as_tuple().exponent for amount in amounts if amount is not None)
    return max([2, *(-int(exponent) for exponent in exponents)])


def _usd(amount: Decimal | None, places: int) -> str:
    return NONE if amount is None else f"{amount:,.{places}f}"


def _negative(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else -amount if amount else amount


def _share(part: Decimal | None, whole: Decimal | None) -> str:
    """Return a share in percent with one decimal, for reading only."""
    return f"{part / whole:.1%}" if part is not None and whole else ""


def _money(amount: Decimal) -> str:
    """Write an amount of an invoice or payment, with the decimals it has, at least two."""
    return f"{amount:,.{_places([amount])}f}"


def _status(status: str | None) -> str:
    return (status or NONE).replace("_", " ")
