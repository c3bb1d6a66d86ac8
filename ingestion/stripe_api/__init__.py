"""Payments as Stripe knows them, read through the real SDK and appended to raw/ version by version.

The flow is client.py ► incremental.py ► pages.py (lists) and versions.py (raw files). Nothing here returns an
object of the SDK: those carry the key they were fetched with.
"""

from ingestion.stripe_api.client import StripeSettingsError, make_client
from ingestion.stripe_api.incremental import StreamResult, SyncResult, sync
from ingestion.stripe_api.pages import ListingError

__all__ = [
    "ListingError",
    "StreamResult",
    "StripeSettingsError",
    "SyncResult",
    "make_client",
    "sync",
]
