"""Objects of others become rows: Stripe's own example objects, and a public package's flattened ones."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingestion.home import Home
from ingestion.stripe_api.shape import ObjectKind
from ingestion.stripe_api.streams import STREAMS
from ingestion.stripe_api.versions import append, publish

from .conftest import raw_rows

pytestmark = pytest.mark.shared_data

NOW = datetime(2026, 11, 2)
BY_NAME = {stream.object_name: stream for stream in STREAMS}
TIMES = {"created", "available_on", "period_start", "period_end", "voided_at", "due_date"}


def landed(home: Home, stream: ObjectKind, objects: list[dict[str, Any]]) -> pl.DataFrame:
    """Put objects into raw/ and read them back."""
    append(home, stream, [stream.row(found, "stripe", NOW, "list") for found in objects], NOW, 1)
    publish(home, [stream], 1)
    return raw_rows(home, stream.table)


def unflattened(stream: ObjectKind, row: dict[str, str]) -> dict[str, Any]:
    """Undo what the seeds did to an object: links named *_id, times and numbers as text, no creation time."""
    found: dict[str, Any] = {"object": stream.object_name}
    for name, value in row.items():
        plain = name.removesuffix("_id") if name != "id" else name
        if not value:
            found[plain] = None
        elif name in TIMES:
            found[plain] = int(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp())
        elif stream.schema.get(name) == pl.Int64:
            found[plain] = int(value)
        elif value.lower() in ("true", "false"):
            found[plain] = value.lower() == "true"
        elif name == "metadata":
            found[plain] = json.loads(value.strip('"').replace('""', '"'))
        else:
            found[plain] = value
    found.setdefault("created", found.get("period_start"))
    if found.get("tax") is not None:
        found["total_taxes"] = [{"amount": found["tax"]}]
    return found


@pytest.mark.parametrize("name", BY_NAME)
def test_the_official_example_of_every_kind_becomes_a_row(shared_data: Path, home: Home, name: str) -> None:
    with gzip.open(shared_data / "stripe/fixtures3.json.gz") as handle:
        found = json.load(handle)["resources"][name]
    stream = BY_NAME[name]
    (row,) = landed(home, stream, [found]).to_dicts()
    assert row[stream.id_column] == found["id"]
    assert row["status"] == found["status"]
    assert row["currency"] == found["currency"]
    assert row["livemode"] == found.get("livemode")
    for column in ("amount", "amount_requested", "total", "fee", "net", "amount_due"):
        if column in row:
            assert row[column] == found[column]
    for secret in ("client_secret", "receipt_url", "hosted_invoice_url"):
        assert f'"{secret}"' not in row["payload"]


@pytest.mark.parametrize(
    ("name", "rows", "sums", "statuses"),
    [
        ("payment_intent", 11, {"amount": 3_960_875, "amount_received": 3_960_875}, {"succeeded": 11}),
        ("charge", 16, {"amount": 6_677_696, "amount_refunded": 0}, {"failed": 16}),
        (
            "balance_transaction",
            9,
            {"amount": 21_111_559, "fee": 648_218, "net": 20_463_341},
            {"pending": 9},
        ),
        ("refund", 4, {"amount": 2_391_421}, {"succeeded": 4}),
        (
            "dispute",
            12,
            {"amount": 668_898},
            {"won": 3, "lost": 7, "warning_needs_response": 1, "under_review": 1},
        ),
        ("invoice", 2, {"total": 2_000, "amount_paid": 1_000, "amount_remaining": 1_000}, {"paid": 2}),
        ("credit_note", 2, {"amount": 150}, {"issued": 2}),
    ],
)
def test_the_flattened_rows_of_a_public_package_become_rows_with_their_sums(
    shared_data: Path, home: Home, name: str, rows: int, sums: dict[str, int], statuses: dict[str, int]
) -> None:
    """Sums are minor units, as that data's own description states them."""
    stream = BY_NAME[name]
    with (shared_data / f"stripe/fivetran_seeds/{name}_data.csv").open(encoding="utf-8") as handle:
        objects = [unflattened(stream, row) for row in csv.DictReader(handle)]
    found = landed(home, stream, objects)
    assert found.height == rows
    assert {column: found[column].sum() for column in sums} == sums
    assert dict(found["status"].value_counts().iter_rows()) == statuses
    assert found["content_sha256"].n_unique() == rows
