"""Names of jobs and assets, for the modules that define and that run them."""

from __future__ import annotations

import dagster as dg

from ingestion.sources import Source

NIGHTLY = "nightly"
RESTATE = "restate"
EXPORT = "export"
CLOSE = "close"
SANDBOX = "sandbox"

TABLES = dg.AssetKey(["raw", "tables"])
LOAD_RECORDS = dg.AssetKey(["raw", "load_records"])
PAYMENTS = dg.AssetKey(["raw", "stripe_payment_intents"])


def raw_key(source: Source, stream: str) -> dg.AssetKey:
    """Return the asset of a stream; a source named like its connector has the key of the dbt source."""
    return dg.AssetKey(["raw", source.name, stream])


def usage_api_key(source: Source) -> dg.AssetKey:
    """Return the asset that fills landing/ from the usage API of a source."""
    return dg.AssetKey(["landing", source.name, "usage_api"])
