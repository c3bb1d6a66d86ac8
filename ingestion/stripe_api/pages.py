"""Read a list to its end: one window, newest first, page by page; contradictory pages are an error.

A cursor belongs to one window in one run and is never kept: with other bounds it would silently lose the rest of a
second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import stripe

from ingestion.stripe_api.calls import retrying
from ingestion.stripe_api.shape import Object

PAGE = 100
MOST_PAGES = 100_000


class ListingError(RuntimeError):
    """Stripe's pages contradict each other; nothing of this run is published and the next run starts over."""


def pages(
    service: Any,
    low: int,
    high: int,
    sleep: Callable[[float], None] = time.sleep,
    most_pages: int = MOST_PAGES,
) -> Iterator[list[Object]]:
    """Yield the objects created in [low, high), epoch seconds, a page at a time as plain dictionaries.

    Raises:
        ListingError: an id came twice, the order was wrong, a page was empty but not the last, or there was no end.
            stripe.StripeError: a page could not be read.
    """
    seen: set[str] = set()
    last_created = high
    cursor: str | None = None
    for _ in range(most_pages):
        asked: dict[str, Any] = {"limit": PAGE, "created": {"gte": low, "lt": high}}
        if cursor is not None:
            asked["starting_after"] = cursor
        answer = retrying(sleep)(service.list, asked)
        rows = [plain(one) for one in answer.data]
        for row in rows:
            if row["id"] in seen:
                raise ListingError(f"{row['id']} came twice in one list")
            if row["created"] > last_created or not low <= row["created"] < high:
                raise ListingError(f"{row['id']} is out of order: {row['created']} after {last_created}")
            seen.add(row["id"])
            last_created = row["created"]
        if not rows and answer.has_more:
            raise ListingError("a page was empty although more was announced")
        if rows:
            yield rows
        if not answer.has_more:
            return
        cursor = rows[-1]["id"]
    raise ListingError(f"the list did not end within {most_pages} pages")


def retrieve(service: Any, identifier: str, sleep: Callable[[float], None] = time.sleep) -> Object | None:
    """Return the current object, or None where Stripe has it no more."""
    try:
        return plain(retrying(sleep)(service.retrieve, identifier))
    except stripe.InvalidRequestError as error:
        if error.http_status == 404:
            return None
        raise


def plain(found: stripe.StripeObject) -> Object:
    """Return an object as a plain dictionary: the SDK's own holds the key it was fetched with."""
    return found.to_dict(for_json=True)
