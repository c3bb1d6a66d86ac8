"""Usage APIs of gateways and providers, landed page by page exactly as received, then read like files.

    settings.py (sources.yml) ──► fetching.py ──► windows.py  which windows
                                      │      ──► reading.py   all pages of a window ──► calls.py  one GET
                                      │                            └── feed.py: what is specific to an API
                                      └────────► store.py     whole windows in landing/

What a page means is not decided here but in the connectors. Reading sources.yml needs only the settings, so the HTTP
client is imported with the first use of `fetch`.
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
