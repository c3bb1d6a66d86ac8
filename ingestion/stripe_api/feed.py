"""The change feed: ids of objects that changed.

An event's copy of the object is never used: it has the API version of its day, and a later event may have changed it.
The current object is fetched by id.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from ingestion.stripe_api.pages import pages
from ingestion.stripe_api.streams import STREAMS

_STREAM_OF = {stream.object_name: stream.name for stream in STREAMS}

Changed = dict[str, set[str]]


def changed(
    service: Any, low: int, high: int, sleep: Callable[[float], None] = time.sleep
) -> tuple[Changed, int]:
    """Return by stream the ids named by events of [low, high), epoch seconds; and the number of events.

    Events of kinds that are not read, and previews of objects that do not exist yet, give no id.

    Raises:
        ListingError, stripe.StripeError: as `pages`.
    """
    ids: Changed = defaultdict(set)
    events = 0
    for page in pages(service, min(low, high), high, sleep):
        events += len(page)
        for event in page:
            about = (event.get("data") or {}).get("object") or {}
            stream, identifier = _STREAM_OF.get(about.get("object", "")), about.get("id")
            if stream and identifier:
                ids[stream].add(identifier)
    return ids, events
