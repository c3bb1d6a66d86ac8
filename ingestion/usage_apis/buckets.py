"""Pages of time buckets, as OpenAI and Anthropic answer them: buckets in `data`, rows in their `results`."""

from __future__ import annotations

from typing import Any

from ingestion.usage_apis.feed import Page, Row, cursor_after, entries, identity, instant


def bucket_page(body: Any, start: str) -> Page:
    """Return a page of buckets; `start` is the field that holds a bucket's start.

    Raises:
        BadAnswer: the body is no page of buckets.
    """
    buckets = entries(body)
    rows = []
    for bucket in buckets:
        at = instant(bucket.get(start))
        rows += [Row(identity({**one, start: bucket[start]}), at) for one in entries(bucket, "results")]
    return Page(rows, cursor_after(body, "next_page"), len(buckets))
