"""Syncs of the loopback Stripe through the real SDK: complete, repeatable, and safe to kill."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import stripe

from ingestion.home import Home
from ingestion.sandbox import write_world
from ingestion.sandbox.servers.stripe import StripeServer
from ingestion.stripe_api import SyncResult, make_client, sync, versions
from ingestion.stripe_api.state import read_marks
from ingestion.stripe_api.streams import STREAMS

from .conftest import Serve, Settings, die_at, dump, intent, raw_rows

NOW = datetime(2026, 11, 2, 3, tzinfo=UTC)
START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp())


def run(home: Home, server: StripeServer, now: datetime = NOW) -> SyncResult:
    """One sync, without waiting between tries."""
    return sync(home, make_client(Settings(), server.url), "stripe", now, sleep=lambda _: None)


def files(home: Home) -> dict[str, tuple[bytes, int]]:
    """Every file under raw/ with its bytes and time of change."""
    return {
        path.relative_to(home.raw).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in home.raw.rglob("*")
        if path.is_file()
    }


def test_every_object_lands_once_with_its_fields(home: Home, serve: Serve) -> None:
    server = serve(payment_intents=[intent(number, START + number // 7) for number in range(230)])
    assert run(home, server).streams["payment_intents"].listed == 230
    rows = raw_rows(home)
    assert rows["payment_intent_id"].to_list() == [f"pi_{number:04d}" for number in range(230)]
    first = rows.row(0, named=True)
    assert first["amount"] == first["amount_received"] == 1000
    assert (first["workspace_id"], first["infery_invoice_id"]) == ("ws_01", "inv_00000")
    assert (first["status"], first["currency"], first["livemode"]) == ("succeeded", "gbp", False)
    assert first["created_at"] == datetime(2026, 10, 1)
    assert first["fetched_at"] == datetime(2026, 11, 2, 2, 59)
    assert json.loads(first["metadata"]) == {"infery_invoice_id": "inv_00000", "workspace_id": "ws_01"}


def test_a_second_sync_of_the_same_world_writes_nothing(home: Home, serve: Serve) -> None:
    server = serve(payment_intents=[intent(number, START + number) for number in range(130)])
    run(home, server)
    before = files(home)
    assert run(home, server).new_versions == 0
    assert files(home) == before
    assert run(home, server, NOW + timedelta(days=1)).new_versions == 0
    assert list(files(home)) == list(before)


def test_a_later_sync_lists_only_what_can_be_new(home: Home, serve: Serve) -> None:
    """The mark is the newest object's second; the list starts three days before it."""
    server = serve(payment_intents=[intent(number, START + number * 86_400) for number in range(20)])
    run(home, server)
    assert run(home, server).streams["payment_intents"].listed == 4
    asked = dict([seen for seen in server.requests if seen.path == "/v1/payment_intents"][-1].query)
    assert int(asked["created[gte]"]) == START + 16 * 86_400


def test_a_change_adds_a_version_and_keeps_the_old_one(home: Home, serve: Serve) -> None:
    run(home, serve(payment_intents=[intent(1, START, status="processing", amount_received=0)]))
    run(home, serve(payment_intents=[intent(1, START)]), NOW + timedelta(days=1))
    assert raw_rows(home)["status"].to_list() == ["processing", "succeeded"]


def test_a_change_that_is_taken_back_is_a_third_version(home: Home, serve: Serve) -> None:
    for day, workspace in enumerate(["ws_01", "ws_02", "ws_01"]):
        metadata_of_day = {"workspace_id": workspace}
        run(
            home,
            serve(payment_intents=[intent(1, START, metadata=metadata_of_day)]),
            NOW + timedelta(days=day),
        )
    assert raw_rows(home)["workspace_id"].to_list() == ["ws_01", "ws_02", "ws_01"]


def test_open_objects_are_read_again_however_old_they_are(home: Home, serve: Serve) -> None:
    """The old intent is twenty days before the newest: no list reaches it, its id does."""
    newest = intent(2, START + 20 * 86_400)
    run(home, serve(payment_intents=[intent(1, START, status="requires_action"), newest]))
    result = run(home, serve(payment_intents=[intent(1, START), newest]), NOW + timedelta(days=1))
    assert result.streams["payment_intents"].reread == 1
    assert raw_rows(home)["status"].to_list() == ["requires_action", "succeeded", "succeeded"]
    assert raw_rows(home)["origin"].to_list() == ["list", "open_set", "list"]


def test_an_open_object_that_is_gone_is_named(home: Home, serve: Serve) -> None:
    newest = intent(2, START + 20 * 86_400)
    run(home, serve(payment_intents=[intent(1, START, status="processing"), newest]))
    result = run(home, serve(payment_intents=[newest]))
    assert result.streams["payment_intents"].vanished == ["pi_0001"]


def test_what_was_made_in_the_last_minute_waits(home: Home, serve: Serve) -> None:
    now = int(NOW.timestamp())
    server = serve(payment_intents=[intent(1, now - 61), intent(2, now - 60)])
    run(home, server)
    assert raw_rows(home)["payment_intent_id"].to_list() == ["pi_0001"]
    run(home, server, NOW + timedelta(seconds=1))
    assert raw_rows(home)["payment_intent_id"].to_list() == ["pi_0001", "pi_0002"]


@pytest.mark.parametrize("dies_at", [1, 2, 3, 4, 5, 6])
def test_a_sync_that_dies_and_runs_again_lands_the_same_rows(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    """Files of fifty rows, six writes in all: it dies before the first, between two, and before the marks."""
    monkeypatch.setattr("ingestion.stripe_api.stream_run._ROWS_PER_FILE", 50)
    refund = {
        "id": "re_1",
        "object": "refund",
        "amount": 5,
        "charge": "ch_1",
        "created": START,
        "currency": "gbp",
    }
    refund |= {"payment_intent": "pi_0001", "status": "succeeded"}
    server = serve(
        payment_intents=[intent(number, START + number // 7) for number in range(170)], refunds=[refund]
    )
    undisturbed, disturbed = Home(tmp_path / "undisturbed"), Home(tmp_path / "disturbed")
    run(undisturbed, server)
    with pytest.MonkeyPatch.context() as patch:
        die_at(patch, dies_at)
        with pytest.raises(KeyboardInterrupt):
            run(disturbed, server)
    assert not (disturbed.raw / "stripe_state.json").exists()
    assert list(disturbed.raw.glob("stripe_*/dt=*/*.parquet")) == []
    run(disturbed, server)
    for table in ("stripe_payment_intents", "stripe_refunds"):
        assert raw_rows(disturbed, table).equals(raw_rows(undisturbed, table))
    assert read_marks(disturbed, "stripe") == read_marks(undisturbed, "stripe")
    assert list(disturbed.raw.rglob("*.staged")) == []


def test_a_sync_that_dies_behind_its_marks_is_completed_by_the_next(
    home: Home, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the marks it has landed, so its files are renamed, not read again."""
    server = serve(payment_intents=[intent(1, START)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingestion.stripe_api.incremental.publish", dying_after(1))
        with pytest.raises(KeyboardInterrupt):
            run(home, server)
    assert list(home.raw.glob("stripe_*/dt=*/*.parquet")) == []
    assert run(home, server).new_versions == 0
    assert raw_rows(home)["payment_intent_id"].to_list() == ["pi_0001"]


def dying_after(calls: int) -> Callable[..., None]:
    """The real `publish` so many times, then the death of the process."""
    left = iter(range(calls))

    def publish(*arguments: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        versions.publish(*arguments)

    return publish


def test_a_refusal_in_mid_list_moves_no_mark(
    home: Home, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(payment_intents=[intent(number, START + number) for number in range(230)])
    client = make_client(Settings(), server.url)
    service = type(client.v1.payment_intents)
    original, calls = service.list, iter(range(100))

    def refuse_later(self: Any, params: Any = None, options: Any = None) -> Any:
        if next(calls) == 2:
            raise stripe.AuthenticationError("revoked", http_status=401)
        return original(self, params, options)

    monkeypatch.setattr(service, "list", refuse_later)
    with pytest.raises(stripe.AuthenticationError):
        sync(home, client, "stripe", NOW)
    assert not (home.raw / "stripe_state.json").exists()
    monkeypatch.undo()
    run(home, server)
    assert raw_rows(home).height == 230


def test_no_key_and_no_client_secret_is_written_or_logged(
    home: Home, serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(Settings.api_key_env, "rk_test_topsecret")
    nested = intent(1, START, next_action={"type": "x", "sdk": [{"client_secret": "pi_1_secret_abc"}]})
    server = serve(payment_intents=[nested])
    with caplog.at_level(logging.INFO):
        result = sync(home, make_client(Settings("test"), server.url), "stripe", NOW)
    written = b"".join(content for content, _ in files(home).values()) + repr(result).encode()
    assert b"topsecret" not in written
    assert "topsecret" not in caplog.text
    assert "secret" not in "".join(raw_rows(home)["payload"])
    assert raw_rows(home).height == 1


def test_a_whole_sandbox_world_lands(tmp_path: Path) -> None:
    """As many rows in raw/ as the truth counts objects."""
    home = Home(tmp_path)
    truth = write_world(tmp_path, 24, 5, 1)
    with StripeServer(home.sandbox / "stripe_objects.json") as server:
        run(home, server)
    for stream in STREAMS:
        assert raw_rows(home, stream.table).height == truth.billing["objects"][stream.name]


def test_a_world_that_grows_backwards_in_time_is_read_all_the_same(tmp_path: Path) -> None:
    """Objects dated between the last one seen and the moment of the last sync are not skipped."""
    home = Home(tmp_path)
    for days in (10, 24):
        truth = write_world(tmp_path, days, 5, 1)
        with StripeServer(home.sandbox / "stripe_objects.json") as server:
            run(home, server)
    assert raw_rows(home).height == truth.billing["objects"]["payment_intents"]


def test_a_world_read_night_by_night_ends_as_one_read_at_its_end(tmp_path: Path) -> None:
    """With the refunds, disputes and names that come later; and no sweep finds what a night has missed."""
    truth = write_world(tmp_path / "world", 24, 5, 1)
    last = datetime.fromisoformat(truth.world["last_day"]).replace(tzinfo=UTC) + timedelta(days=1)
    nights, once = Home(tmp_path / "nights"), Home(tmp_path / "once")
    with StripeServer(Home(tmp_path / "world").sandbox / "stripe_objects.json") as server:
        run(once, server, last)
        results = []
        for day in range(24):
            now = last - timedelta(days=23 - day)
            server.clock = int(now.timestamp())
            results.append(run(nights, server, now))
    assert dump(nights) == dump(once)
    assert sum(result.drift for result in results) == 0
    versions = raw_rows(nights, "stripe_charges")
    assert versions.height > truth.billing["objects"]["charges"]
