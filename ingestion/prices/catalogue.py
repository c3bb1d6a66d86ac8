"""The price catalogue → `raw/prices/catalogue=<version>/prices.parquet`, once per version.

One row per price. flatten.py says what the rows mean and how SQL chooses among them. Files of older versions are kept,
so that last month's bill can still be explained.

Rulings: docs/decisions/pricing.md#pricing-7.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import polars as pl

from ingestion.home import Home
from ingestion.prices.parquet import fingerprint, is_made_from, write_whole

DISTRIBUTION = "genai-prices"

SCHEMA = pl.Schema(
    {
        "price_id": pl.String,
        "catalogue_version": pl.String,
        "catalogue_provider": pl.String,
        "catalogue_model": pl.String,
        "token_class": pl.String,
        "unit": pl.String,
        "price": pl.Decimal(24, 18),
        "tier_start": pl.Int64,
        "variant": pl.String,
        "valid_from": pl.Datetime("us"),
        "valid_to": pl.Datetime("us"),
        "tod_start": pl.Time,
        "tod_end": pl.Time,
        "is_free_or_unknown": pl.Boolean,
        "source": pl.String,
    }
)

ORDER = [
    "catalogue_provider",
    "catalogue_model",
    "variant",
    "valid_from",
    "tod_start",
    "tier_start",
    "token_class",
]


@dataclass(frozen=True)
class CatalogueResult:
    """What `write_catalogue` found: `written` is false where the version's file was already there."""

    version: str
    path: Path
    rows: int
    written: bool


def catalogue_version() -> str:
    """Version of the installed catalogue: its prices are data of that release."""
    return version(DISTRIBUTION)


def write_catalogue(home: Home) -> CatalogueResult:
    """Flatten the installed catalogue into `home`, unless that version is there already.

    Raises:
        CatalogueError: the catalogue holds something the flat table cannot represent exactly.
    """
    current = catalogue_version()
    path = home.price_catalogue(current)
    made_from = fingerprint(current)
    if is_made_from(path, made_from):
        return CatalogueResult(
            current, path, pl.scan_parquet(path, glob=False).select(pl.len()).collect().item(), written=False
        )
    # Imported only when needed: it takes half a second of CPU.
    from ingestion.prices.flatten import flatten

    rows = [
        {"price_id": price.price_id, "catalogue_version": current, **asdict(price)} for price in flatten()
    ]
    frame = pl.DataFrame(rows, schema=SCHEMA).sort(ORDER, nulls_last=False)
    write_whole(frame, path, made_from)
    return CatalogueResult(current, path, frame.height, written=True)
