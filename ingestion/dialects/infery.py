"""Infery: the billing history of a workspace. Amounts are decimal strings in major units of `currency`."""

from __future__ import annotations

from ingestion.dialects.shape import (
    INTEGER,
    INVOICE_AMOUNT,
    TEXT,
    TIME,
    VAT_RATE,
    Column,
    Dialect,
    Stream,
    fields,
)

INVOICES = Stream(
    name="invoices",
    table="infery_invoices",
    fields=(
        *fields(TEXT, "invoice_id", "workspace_id", mandatory=True),
        *fields(TEXT, currency_as_written="currency", mandatory=True),
        *fields(TIME, "issued_at", mandatory=True),
        *fields(INVOICE_AMOUNT, "total", mandatory=True),
        *fields(TEXT, "kind", "vat_treatment", "pack", "payment_intent", "stripe_invoice"),
        *fields(TEXT, "pdf_url", "receipt_url", "billing_contact", "status"),
        *fields(TIME, "period_start", "period_end"),
        *fields(INVOICE_AMOUNT, "net", "vat"),
        *fields(VAT_RATE, "vat_rate"),
        *fields(INTEGER, "credits"),
    ),
    columns=(
        "invoice_id",
        "workspace_id",
        "kind",
        "issued_at",
        "period_start",
        "period_end",
        Column("currency", "VARCHAR", "lower(currency_as_written)"),
        "net",
        "vat_rate",
        "vat",
        "total",
        "vat_treatment",
        "credits",
        "pack",
        "payment_intent",
        "stripe_invoice",
        "pdf_url",
        "receipt_url",
        "billing_contact",
        "status",
    ),
)

INFERY = Dialect("infery", (INVOICES,))
