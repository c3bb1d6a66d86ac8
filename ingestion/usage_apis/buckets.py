"""Pages of time buckets, as OpenAI and Anthropic answer them: buckets in `data`, rows in their `results`.

A bucket without rows is still returned, so a window is complete when all its buckets were returned.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from ingestion.usage_apis.feed import Page, Row, cursor_after, entries, identity, instant
from ingestion.usage_apis.windows import Window

WIDTHS = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1), "1d": timedelta(days=1)}


def bucket_starts(window: Window, width: timedelta) -> tuple[datetime, ...]:
    """Return where the buckets of a window start."""
    return tuple(window.lo + width * number for number in range((window.hi - window.lo) // width))


def bucket_page(body: Any, start: str, window: Window) -> Page:
    """Return a page of buckets; `start` is the field that holds a bucket's start.

    Buckets beyond the window are dropped: an API may treat its end as inclusive.

    Raises:
        BadAnswer: the body is not a page of buckets.
    """
    buckets = entries(body)
    starts = [instant(bucket.get(start)) for bucket in buckets]
    wanted = [(at, bucket) for at, bucket in zip(starts, buckets, strict=True) if at < window.hi]
    rows = [
        Row(identity({**one, start: bucket[start]}), at)
        for at, bucket in wanted
        for one in entries(bucket, "results")
    ]
    following = cursor_after(body, "next_page")
    kept = None
    if len(wanted) < len(buckets):
        following = None
        kept = json.dumps({**body, "data": [bucket for _, bucket in wanted]}, ensure_ascii=False).encode()
    return Page(rows, following, len(wanted), starts=tuple(at for at, _ in wanted), kept=kept)
