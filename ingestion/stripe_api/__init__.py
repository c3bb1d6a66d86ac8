"""Payments as Stripe knows them, read through the real SDK and appended to raw/ version by version.

    client.py ► incremental.py ► plan.py (how far back) ► feed.py (ids that changed)
                               ► stream_run.py ► pages.py, calls.py (asking)
                                               ► shape.py, versions.py (raw files)

What is read is streams.py. Nothing here returns an object of the SDK: those carry the key they were fetched
with.
"""

from ingestion.stripe_api.client import StripeSettingsError, make_client
from ingestion.stripe_api.incremental import SyncResult, sync
from ingestion.stripe_api.pages import ListingError
from ingestion.stripe_api.stream_run import StreamResult

__all__ = [
    "ListingError",
    "StreamResult",
    "StripeSettingsError",
    "SyncResult",
    "make_client",
    "sync",
]
