"""The exact columns of every raw table, so that dbt can read all of them in a home that has received nothing
yet.
"""

from __future__ import annotations

from ingestion.dialects import DIALECTS

Columns = list[tuple[str, str]]

_STRIPE_COMMON: Columns = [
    ("content_sha256", "VARCHAR"),
    ("fetched_at", "TIMESTAMP"),
    ("origin", "VARCHAR"),
    ("livemode", "BOOLEAN"),
    ("created_at", "TIMESTAMP"),
    ("amount", "BIGINT"),
]

#: Versions of Stripe objects, append-only by (id, content).
STRIPE_TABLES: dict[str, Columns] = {
    "stripe_payment_intents": [
        ("source", "VARCHAR"),
        ("payment_intent_id", "VARCHAR"),
        *_STRIPE_COMMON,
        ("amount_received", "BIGINT"),
        ("currency", "VARCHAR"),
        ("status", "VARCHAR"),
        ("customer_id", "VARCHAR"),
        ("latest_charge_id", "VARCHAR"),
        ("workspace_id", "VARCHAR"),
        ("infery_invoice_id", "VARCHAR"),
        ("metadata", "VARCHAR"),
        ("payload", "VARCHAR"),
    ],
    **{
        f"stripe_{kind}s": [
            ("source", "VARCHAR"),
            (f"{kind}_id", "VARCHAR"),
            *_STRIPE_COMMON,
            ("payment_intent_id", "VARCHAR"),
            ("charge_id", "VARCHAR"),
            ("currency", "VARCHAR"),
            ("status", "VARCHAR"),
            ("payload", "VARCHAR"),
        ]
        for kind in ("refund", "dispute")
    },
}

#: Lines that did not become rows.
REJECT_COLUMNS: Columns = [
    ("source", "VARCHAR"),
    ("stream", "VARCHAR"),
    ("delivered_on", "DATE"),
    ("raw_file", "VARCHAR"),
    ("raw_line", "BIGINT"),
    ("reason", "VARCHAR"),
    ("detail", "VARCHAR"),
    ("excerpt", "VARCHAR"),
]


def tables() -> dict[str, Columns]:
    """Return (column, type) of every raw table filled from landing files or Stripe, in order."""
    streams = [stream for dialect in DIALECTS.values() for stream in dialect.streams]
    return {stream.table: stream.table_columns() for stream in streams} | STRIPE_TABLES
