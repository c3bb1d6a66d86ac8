"""Payments from Stripe, read through its SDK and appended to raw/ version by version.

    client.py ► incremental.py ► plan.py (how far back) ► feed.py (ids that changed)
                               ► stream_run.py ► pages.py, calls.py (requests)
                                               ► shape.py, versions.py (raw files)

streams.py lists what is read. Nothing here returns an object of the SDK: those hold the key they were fetched with.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_WHERE = {
    "ListingError": "pages",
    "StreamResult": "stream_run",
    "StripeSettingsError": "client",
    "SyncResult": "incremental",
    "make_client": "client",
    "sync": "incremental",
}


def __getattr__(name: str) -> Any:
    """Import on first use what needs the SDK, because its import takes a second."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
