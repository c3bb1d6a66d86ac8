"""The loopback Stripe answers as Stripe does, seen through plain HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from ingestion.sandbox.servers.stripe import StripeServer

CREATED = [100, 200, 200, 200, 300, 400]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StripeServer]:
    """A server with six payment intents, three of them of one second."""
    intents = [{"id": f"pi_{n}", "object": "payment_intent", "created": at} for n, at in enumerate(CREATED)]
    file = tmp_path / "stripe_objects.json"
    file.write_text(json.dumps({"payment_intents": intents}))
    with StripeServer(file) as running:
        yield running


def ask(
    server: StripeServer,
    path: str,
    query: dict[str, Any] | None = None,
    key: str = "sk_test_x",
    method: str = "GET",
) -> tuple[int, dict[str, Any]]:
    """Send one request and return status and body."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    try:
        headers = {"Authorization": f"Bearer {key}", "Stripe-Version": "2026-10-28.endive"}
        connection.request(method, f"{path}?{urlencode(query or {})}", headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def ids(body: dict[str, Any]) -> list[str]:
    """The ids of a page."""
    return [one["id"] for one in body["data"]]


def test_a_list_is_newest_first_and_ten_long_by_default(server: StripeServer) -> None:
    _, body = ask(server, "/v1/payment_intents")
    assert ids(body) == ["pi_5", "pi_4", "pi_3", "pi_2", "pi_1", "pi_0"]
    assert body["has_more"] is False


def test_a_cursor_goes_on_behind_an_object_within_its_second(server: StripeServer) -> None:
    _, first = ask(server, "/v1/payment_intents", {"limit": 3})
    _, second = ask(server, "/v1/payment_intents", {"limit": 3, "starting_after": "pi_3"})
    assert (ids(first), first["has_more"]) == (["pi_5", "pi_4", "pi_3"], True)
    assert (ids(second), second["has_more"]) == (["pi_2", "pi_1", "pi_0"], False)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"created[gte]": 200, "created[lt]": 300}, ["pi_3", "pi_2", "pi_1"]),
        ({"created[gt]": 200, "created[lte]": 300}, ["pi_4"]),
        ({"created[lt]": 100}, []),
    ],
)
def test_created_bounds_are_kept(server: StripeServer, bounds: dict[str, int], expected: list[str]) -> None:
    _, body = ask(server, "/v1/payment_intents", bounds)
    assert ids(body) == expected


def test_one_object_can_be_had_by_id(server: StripeServer) -> None:
    assert ask(server, "/v1/payment_intents/pi_2") == (
        200,
        {"id": "pi_2", "object": "payment_intent", "created": 200},
    )


@pytest.mark.parametrize(
    ("path", "query", "status", "param"),
    [
        ("/v1/payment_intents", {"limit": 0}, 400, "limit"),
        ("/v1/payment_intents", {"limit": 101}, 400, "limit"),
        ("/v1/payment_intents", {"limit": "ten"}, 400, "limit"),
        ("/v1/payment_intents", {"starting_after": "pi_9"}, 400, "starting_after"),
        ("/v1/payment_intents", {"status": "succeeded"}, 400, "status"),
        ("/v1/payment_intents", {"created[gte]": "x"}, 400, "created[gte]"),
        ("/v1/payment_intents/pi_9", {}, 404, "id"),
        ("/v1/customers", {}, 404, None),
    ],
)
def test_what_stripe_would_refuse_is_refused(
    server: StripeServer, path: str, query: dict[str, Any], status: int, param: str | None
) -> None:
    answered, body = ask(server, path, query)
    assert answered == status
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["param"] == param


@pytest.mark.parametrize("key", ["sk_live_x", "rk_live_x", "", "pk_test_x"])
def test_only_test_keys_are_taken(server: StripeServer, key: str) -> None:
    assert ask(server, "/v1/payment_intents", key=key)[0] == 401


def test_nothing_can_be_changed(server: StripeServer) -> None:
    assert ask(server, "/v1/payment_intents", method="POST")[0] == 405


def test_the_request_log_holds_path_query_and_version_but_no_key(server: StripeServer) -> None:
    ask(server, "/v1/payment_intents", {"limit": 2}, key="rk_test_secretive")
    (seen,) = server.requests
    assert (seen.path, seen.query) == ("/v1/payment_intents", (("limit", "2"),))
    assert (server.versions, seen.status) == (["2026-10-28.endive"], 200)
    assert "secretive" not in repr(vars(server))


def test_it_listens_on_this_machine_only(server: StripeServer) -> None:
    assert urlsplit(server.url).hostname == "127.0.0.1"
