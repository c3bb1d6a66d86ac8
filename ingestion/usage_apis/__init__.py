"""Usage APIs of gateways and providers, landed page by page exactly as received, then read like files.

    settings.py (sources.yml) ──► fetch.py ──► windows.py  which windows
                                     │    ──► reading.py   one window to its end ──► calls.py  one GET
                                     │                          └── feed.py: what is special, per API
                                     └──────► store.py     whole windows in landing/

Nothing here reads what a page means: that is the dialects' work.
"""

from ingestion.usage_apis.errors import AccessRefused, CallFailed, PagingError, TokenMissing, UsageApiError
from ingestion.usage_apis.fetch import FetchResult, fetch
from ingestion.usage_apis.settings import ApiSettings, with_kind

__all__ = [
    "AccessRefused",
    "ApiSettings",
    "CallFailed",
    "FetchResult",
    "PagingError",
    "TokenMissing",
    "UsageApiError",
    "fetch",
    "with_kind",
]
