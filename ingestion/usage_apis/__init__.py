"""Usage APIs of gateways and providers, landed page by page exactly as received, then read like files.

    settings.py (sources.yml) ──► fetching.py ──► windows.py  which windows
                                      │      ──► reading.py   one window to its end ──► calls.py  one GET
                                      │                            └── feed.py: what is special, per API
                                      └────────► store.py     whole windows in landing/

Nothing here reads what a page means: that is the connectors' work. Whoever only reads sources.yml needs the
settings alone, so the HTTP client is imported with the first use of `fetch`.
"""

from typing import TYPE_CHECKING, Any

from ingestion.usage_apis.errors import AccessRefused, CallFailed, PagingError, TokenMissing, UsageApiError
from ingestion.usage_apis.settings import ApiSettings, with_kind

if TYPE_CHECKING:
    from ingestion.usage_apis.fetching import FetchResult, fetch

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


def __getattr__(name: str) -> Any:
    """Return what needs the HTTP client."""
    if name not in ("FetchResult", "fetch"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ingestion.usage_apis import fetching

    return getattr(fetching, name)
