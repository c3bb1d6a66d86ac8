"""Everything that goes wrong on the way: after a rerun raw/ is what it would have been without.

Each script meets the second night of a small account: 250 intents, seven to a second, so that pages break
within a second; a refunded charge, an intent that went through, a draft that goes away.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import stripe

from ingestion.home import Home
from ingestion.sandbox.servers.loopback import Answer, Fault, Rule, refusing, saying, web_page
from ingestion.sandbox.servers.stripe import StripeServer
from ingestion.stripe_api import ListingError, SyncResult, make_client, sync
from ingestion.stripe_api.calls import ATTEMPTS
from ingestion.stripe_api.state import read_marks

from .conftest import Settings, changing, charge, die_at, dump, intent, invoice, refund

DAY = 86_400
FIRST = int(datetime(2026, 8, 1, 3, tzinfo=UTC).timestamp())
SECOND = FIRST + DAY
PAGES = "/v1/payment_intents[?]"

SecondNight = Callable[[list[Rule]], tuple[Home, StripeServer]]


def world() -> dict[str, list[dict[str, Any]]]:
    """The account over two nights, and ten seconds of the third."""
    intents = [intent(number, FIRST - 7200 + number // 7) for number in range(250)]
    intents.append(
        changing(intent(900, FIRST - 50 * DAY, status="processing"), (FIRST + 60, {"status": "succeeded"}))
    )
    shown_late = intent(901, SECOND - 100)
    intents.append({"id": shown_late["id"], "versions": [{"visible_from": SECOND + 5, "object": shown_late}]})
    return {
        "payment_intents": intents,
        "charges": [
            changing(charge(1, FIRST - 90 * DAY), (FIRST + 60, {"amount_refunded": 100})),
            charge(2, FIRST - 90),
        ],
        "refunds": [refund(1, FIRST + 60)],
        "invoices": [
            changing(invoice(1, FIRST - 50 * DAY, status="draft"), (SECOND + 5, None)),
            invoice(2, FIRST - 90),
        ],
    }


def with_header(name: str, value: str) -> Fault:
    """A rate limit with one header."""
    return Fault("answer", Answer.of({"error": {"message": "slow down"}}, 429, ((name, value),)))


def times(match: str, first: int, count: int, fault: Fault) -> list[Rule]:
    """The same fault for some requests in a row."""
    return [Rule(match, number, fault) for number in range(first, first + count)]


ADVANCE = Fault("arrive", rows=(("clock", {"seconds": 10}),))
PASSING = {
    "429": times(PAGES, 2, 3, refusing(429)),
    "429 with Retry-After": [Rule(PAGES, 2, refusing(429, retry_after="7"))],
    "429 that says try again": [Rule(PAGES, 2, with_header("Stripe-Should-Retry", "true"))],
    "429 that says do not": [Rule(PAGES, 2, with_header("Stripe-Should-Retry", "false"))],
    "500 page": [Rule(PAGES, 2, web_page(500))],
    "502 page": [Rule("/v1/events", 1, web_page(502))],
    "503 page": [Rule("/v1/charges/ch_0001", 1, web_page(503))],
    "200 page": [Rule(PAGES, 3, web_page(200))],
    "409": [Rule(PAGES, 3, refusing(409))],
    "reset": times(PAGES, 1, 2, Fault("reset")),
    "truncated": [Rule(PAGES, 2, Fault("truncated"))],
    "cut": [Rule(PAGES, 2, Fault("cut"))],
    "slow": [Rule(PAGES, 2, Fault("slow", seconds=0.5))],
    "new at the head": [Rule(PAGES, 2, ADVANCE)],
    "deleted between list and retrieve": [Rule("/v1/invoices/in_0001", 1, ADVANCE)],
    "everything at once": [
        Rule("/v1/events", 1, Fault("reset")),
        Rule(PAGES, 1, refusing(429)),
        Rule(PAGES, 3, Fault("truncated")),
        Rule("/v1/charges/", 1, web_page(502)),
        Rule("/v1/refunds", 1, Fault("cut")),
    ],
}
ENDING = {
    "401 midway": ([Rule(PAGES, 2, refusing(401))], stripe.AuthenticationError),
    "403 midway": ([Rule("/v1/credit_notes", 1, refusing(403))], stripe.PermissionError),
    "401 at the last stream": (
        [Rule("/v1/balance_transactions", 1, refusing(401))],
        stripe.AuthenticationError,
    ),
    "429 for good": (times(PAGES, 2, ATTEMPTS, refusing(429)), stripe.RateLimitError),
    "500 for good": (times("/v1/charges/", 1, ATTEMPTS, web_page(500)), stripe.APIError),
    "a page again": ([Rule(PAGES, 2, Fault("repeat"))], ListingError),
    "an empty page with more": (
        [Rule(PAGES, 2, saying({"object": "list", "data": [], "has_more": True}))],
        ListingError,
    ),
}


@pytest.fixture(scope="module")
def objects_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The account, as the server reads it."""
    file = tmp_path_factory.mktemp("account") / "stripe_objects.json"
    file.write_text(json.dumps(world()))
    return file


@pytest.fixture(scope="module")
def first_night(objects_file: Path) -> Home:
    """A home that has read the first night."""
    home = Home(objects_file.parent / "first_night")
    with StripeServer(objects_file, FIRST) as server:
        run(home, server, FIRST)
    return home


@pytest.fixture(scope="module")
def undisturbed(objects_file: Path, first_night: Home) -> dict[str, Any]:
    """What raw/ comes to without a script: the second night, and the same again ten seconds on."""
    home = Home(objects_file.parent / "undisturbed")
    shutil.copytree(first_night.root, home.root)
    with StripeServer(objects_file, SECOND) as server:
        run(home, server, SECOND)
        server.clock += 10
        run(home, server, SECOND + 10)
    found = dump(home)
    assert len(found["payment_intents"]) == 252
    assert [one["gone"] for one in found["invoices"]] == [True, False]
    return found


@pytest.fixture
def second_night(tmp_path: Path, objects_file: Path, first_night: Home) -> Iterator[SecondNight]:
    """Make a home that has read the first night, and a server at the second with a script."""
    home = Home(tmp_path / "disturbed")
    shutil.copytree(first_night.root, home.root)
    with ExitStack() as stack:

        def start(script: list[Rule]) -> tuple[Home, StripeServer]:
            return home, stack.enter_context(StripeServer(objects_file, SECOND, script))

        yield start


def run(home: Home, server: StripeServer, moment: int, waits: list[float] | None = None) -> SyncResult:
    """Sync up to a moment, noting the waits instead of waiting."""
    client = make_client(Settings(), server.url, timeout=(1.0, 0.25))
    now = datetime.fromtimestamp(moment, UTC)
    return sync(home, client, "stripe", now, ([] if waits is None else waits).append, livemode=False)


@pytest.mark.parametrize("script", PASSING.values(), ids=PASSING)
def test_what_passes_is_survived_without_a_person(
    second_night: SecondNight, undisturbed: dict[str, Any], script: list[Rule]
) -> None:
    home, server = second_night(script)
    waits: list[float] = []
    run(home, server, SECOND, waits)
    if script is PASSING["429 with Retry-After"]:
        assert waits == [7.0]
    server.clock = SECOND + 10
    run(home, server, SECOND + 10)
    assert dump(home) == undisturbed


@pytest.mark.parametrize(("script", "error"), ENDING.values(), ids=ENDING)
def test_what_does_not_pass_moves_no_mark_and_is_made_good_by_the_next_run(
    second_night: SecondNight, undisturbed: dict[str, Any], script: list[Rule], error: type[Exception]
) -> None:
    home, server = second_night(script)
    marks = read_marks(home, "stripe")
    with pytest.raises(error):
        run(home, server, SECOND)
    assert read_marks(home, "stripe") == marks
    server.clock += 10
    run(home, server, SECOND + 10)
    assert dump(home) == undisturbed


@pytest.mark.parametrize("write", [1, 2, 3, 4])
def test_a_sync_that_dies_on_a_later_night_is_made_good_by_the_next_run(
    second_night: SecondNight, undisturbed: dict[str, Any], write: int
) -> None:
    """It writes intents, charges, refunds and then the marks; it dies before each of them."""
    home, server = second_night([])
    marks = read_marks(home, "stripe")
    with pytest.MonkeyPatch.context() as patch:
        die_at(patch, write)
        with pytest.raises(KeyboardInterrupt):
            run(home, server, SECOND)
    assert read_marks(home, "stripe") == marks
    server.clock += 10
    run(home, server, SECOND + 10)
    assert dump(home) == undisturbed


def test_an_object_deleted_while_the_sync_runs_gets_its_tombstone_in_that_sync(
    second_night: SecondNight,
) -> None:
    home, server = second_night(PASSING["deleted between list and retrieve"])
    assert run(home, server, SECOND).streams["invoices"].vanished == ["in_0001"]


def test_every_request_of_a_disturbed_run_states_the_pinned_version(
    second_night: SecondNight,
) -> None:
    home, server = second_night(PASSING["everything at once"])
    run(home, server, SECOND)
    assert set(server.versions) == {stripe.api_version}


@pytest.mark.parametrize("script", [script for script, _ in ENDING.values()], ids=ENDING)
def test_no_failure_shows_the_key(
    second_night: SecondNight,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    script: list[Rule],
) -> None:
    """Not in the message, nor in the log at its most talkative, nor in a file."""
    monkeypatch.setenv(Settings.api_key_env, "rk_test_topsecret")
    home, server = second_night(script)
    client = make_client(Settings("test"), server.url)
    with caplog.at_level(logging.DEBUG), pytest.raises((stripe.StripeError, ListingError)) as raised:
        sync(home, client, "stripe", datetime.fromtimestamp(SECOND, UTC), lambda _: None)
    assert "topsecret" not in f"{raised.value!r}{raised.value}{caplog.text}"
    assert all(b"topsecret" not in path.read_bytes() for path in home.raw.rglob("*") if path.is_file())
