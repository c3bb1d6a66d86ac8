"""Lists are read to their end, and pages that contradict each other are refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ingestion.sandbox.servers.loopback import Rule, refusing
from ingestion.stripe_api.client import make_client
from ingestion.stripe_api.pages import ListingError, pages, retrieve

from .conftest import Serve, Settings, intent


class Scripted:
    """A service that answers with the pages a test wrote down."""

    def __init__(self, *answers: tuple[list[tuple[str, int]], bool]) -> None:
        self._answers = list(answers)

    def list(self, params: dict[str, Any]) -> SimpleNamespace:
        """The next page."""
        rows, more = self._answers.pop(0)
        data = [
            SimpleNamespace(to_dict=lambda for_json, i=i, at=at: {"id": i, "created": at}) for i, at in rows
        ]
        return SimpleNamespace(data=data, has_more=more)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([([("a", 9)], True), ([("a", 9)], False)], "came twice"),
        ([([("a", 8)], True), ([("b", 9)], False)], "out of order"),
        ([([("a", 99)], False)], "out of order"),
        ([([], True)], "empty"),
        ([([("a", 9)], True), ([("b", 8)], True)], "did not end within 2 pages"),
    ],
    ids=["repeated", "increasing", "outside the window", "empty with more", "endless"],
)
def test_pages_that_cannot_be_true_are_refused(answers: list[Any], message: str) -> None:
    with pytest.raises(ListingError, match=message):
        list(pages(Scripted(*answers), 0, 50, most_pages=2))


def test_all_objects_are_listed_though_seconds_are_shared_across_page_edges(serve: Serve) -> None:
    """350 intents, seven to a second: 100 + 100 + 100 + 50, each once."""
    server = serve(payment_intents=[intent(number, 1000 + number // 7) for number in range(350)])
    client = make_client(Settings(), server.url)
    found = list(pages(client.v1.payment_intents, 0, 5000))
    assert [len(page) for page in found] == [100, 100, 100, 50]
    assert {one["id"] for page in found for one in page} == {f"pi_{number:04d}" for number in range(350)}
    bounds = {tuple(pair for pair in seen.query if pair[0].startswith("created")) for seen in server.requests}
    assert bounds == {(("created[gte]", "0"), ("created[lt]", "5000"))}


def test_the_window_is_half_open(serve: Serve) -> None:
    server = serve(payment_intents=[intent(number, 100 + number) for number in range(4)])
    (page,) = pages(make_client(Settings(), server.url).v1.payment_intents, 101, 103)
    assert [one["created"] for one in page] == [102, 101]


def test_an_object_that_is_gone_is_none(serve: Serve) -> None:
    service = make_client(Settings(), serve(payment_intents=[intent(1, 100)]).url).v1.payment_intents
    assert retrieve(service, "pi_9999") is None
    assert retrieve(service, "pi_0001")["amount"] == 1001


def test_a_rate_limit_in_mid_list_loses_nothing(serve: Serve) -> None:
    """The second of three pages is refused once; the SDK itself would have stopped there."""
    script = [Rule("payment_intents", 2, refusing(429))]
    server = serve(script, payment_intents=[intent(number, 1000 + number) for number in range(250)])
    waits: list[float] = []
    service = make_client(Settings(), server.url).v1.payment_intents
    assert sum(len(page) for page in pages(service, 0, 5000, waits.append)) == 250
    assert len(waits) == 1
    assert [seen.status for seen in server.requests] == [200, 429, 200, 200]
