"""A world that changes under a clock: what later syncs find, and by which way."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from ingestion.home import Home
from ingestion.sandbox.servers.loopback import Fault, Rule
from ingestion.sandbox.servers.stripe import StripeServer
from ingestion.stripe_api import SyncResult, make_client, sync
from ingestion.stripe_api.state import read_marks

from .conftest import Serve, Settings, changing, charge, intent, invoice, raw_rows, refund

DAY, HOUR = 86_400, 3_600
FIRST = int(datetime(2026, 8, 1, 3, tzinfo=UTC).timestamp())


def at(home: Home, server: StripeServer, day: float, livemode: bool | None = False) -> SyncResult:
    """Sync so many days after the first night, with the server's world of that moment."""
    server.clock = FIRST + int(day * DAY)
    now = datetime.fromtimestamp(server.clock, UTC)
    client = make_client(Settings(), server.url)
    return sync(home, client, "stripe", now, lambda _: None, livemode)


def nightly(home: Home, server: StripeServer, days: range) -> list[SyncResult]:
    """Sync every night."""
    return [at(home, server, day) for day in days]


def ago(days: float) -> int:
    """So many days before the first night."""
    return FIRST - int(days * DAY)


def test_a_change_of_an_old_object_is_found_by_its_event(home: Home, serve: Serve) -> None:
    """A charge of a hundred days ago is refunded: the list reaches three days back, the event names it."""
    server = serve(
        charges=[
            changing(charge(1, ago(100)), (FIRST + HOUR, {"amount_refunded": 100})),
            charge(2, ago(1)),
        ],
        refunds=[refund(1, FIRST + HOUR)],
        payment_intents=[intent(2, ago(1))],
    )
    at(home, server, 0)
    result = at(home, server, 1)
    assert (result.reach, result.events) == ("nightly", 2)
    rows = raw_rows(home, "stripe_charges").filter(charge_id="ch_0001")
    assert rows["amount_refunded"].to_list() == [0, 100]
    assert rows["origin"].to_list() == ["list", "event"]
    assert raw_rows(home, "stripe_refunds")["refund_id"].to_list() == ["re_0001"]


def test_an_event_only_triggers_a_fetch_of_its_object(home: Home, serve: Serve) -> None:
    """Two changes within a second and an event for the first: raw/ has Stripe's current state."""
    moved = FIRST + HOUR
    server = serve(
        charges=[
            changing(charge(1, ago(100)), (moved, {"amount_refunded": 50}), (moved, {"amount_refunded": 80})),
            charge(2, ago(1)),
        ]
    )
    at(home, server, 0)
    at(home, server, 1)
    rows = raw_rows(home, "stripe_charges").filter(pl.col("charge_id") == "ch_0001")
    assert rows["amount_refunded"].to_list() == [0, 80]


def test_a_refund_or_dispute_after_sixty_days_is_found(home: Home, serve: Serve) -> None:
    """Status, refund and dispute 60, 61 and 75 days after the payment."""
    server = serve(
        payment_intents=[
            changing(intent(1, ago(0.5), status="processing"), (FIRST + DAY, {"status": "succeeded"}))
        ],
        charges=[
            changing(
                charge(1, ago(0.5)),
                (FIRST + 60 * DAY, {"amount_refunded": 100}),
                (FIRST + 75 * DAY, {"disputed": True}),
            ),
        ],
        refunds=[
            changing(
                refund(1, FIRST + 60 * DAY, status="pending"),
                (FIRST + 61 * DAY + HOUR, {"status": "succeeded"}),
            )
        ],
        disputes=[refund(2, FIRST + 75 * DAY, id="dp_1", object="dispute", status="needs_response")],
    )
    results = nightly(home, server, range(80))
    last = raw_rows(home, "stripe_charges").row(-1, named=True)
    assert (last["amount_refunded"], last["is_disputed"]) == (100, True)
    assert raw_rows(home, "stripe_refunds")["status"].to_list() == ["pending", "succeeded"]
    assert raw_rows(home, "stripe_disputes").height == 1
    assert raw_rows(home)["status"].to_list() == ["processing", "succeeded"]
    assert sum(result.drift for result in results) == 0
    assert {result.reach for result in results} == {"first", "nightly", "weekly", "monthly"}


def test_metadata_written_right_after_creation_is_found(home: Home, serve: Serve) -> None:
    """Stripe sends no event for it; the list of the next nights shows it."""
    late = {"metadata": {"workspace_id": "ws_01"}}
    server = serve(payment_intents=[changing(intent(1, ago(0.1), metadata={}), (FIRST + 2 * DAY, late))])
    results = nightly(home, server, range(4))
    assert raw_rows(home)["workspace_id"].to_list() == [None, "ws_01"]
    assert sum(result.events for result in results[1:]) == 0


def test_metadata_written_weeks_later_is_found_by_a_wide_sync_and_counted_as_drift(
    home: Home, serve: Serve
) -> None:
    """No event, no list that reaches: only the weekly 35 days find it, and report it."""
    late = {"metadata": {"workspace_id": "ws_01"}}
    server = serve(
        payment_intents=[
            changing(intent(1, ago(1), metadata={}), (FIRST + 9 * DAY, late)),
            intent(2, FIRST + 7 * DAY),
        ]
    )
    results = nightly(home, server, range(16))
    assert raw_rows(home).filter(payment_intent_id="pi_0001")["workspace_id"].to_list() == [None, "ws_01"]
    assert [day for day, result in enumerate(results) if result.drift] == [14]
    assert results[14].streams["payment_intents"].drifted == ["pi_0001"]


def test_what_changes_while_a_wide_sync_runs_is_no_drift(home: Home, serve: Serve) -> None:
    """Half a minute before the wide sync, so its event is in no window yet."""
    moved = FIRST + 7 * DAY - 30
    server = serve(charges=[changing(charge(1, ago(20)), (moved, {"amount_refunded": 5})), charge(2, ago(1))])
    results = nightly(home, server, range(9))
    assert (results[7].reach, results[7].drift, results[7].new_versions) == ("weekly", 0, 1)
    assert [result.new_versions for result in results[8:]] == [0]


def test_after_a_month_of_silence_everything_is_read_again_with_a_warning(home: Home, serve: Serve) -> None:
    """35 days: the events of the first five are gone, so they are not requested."""
    server = serve(
        charges=[
            changing(charge(1, ago(300)), (FIRST + 2 * DAY, {"amount_refunded": 9})),
            charge(2, FIRST + 3 * DAY),
        ]
    )
    at(home, server, 0)
    result = at(home, server, 35)
    assert (result.reach, result.drift) == ("gap", 0)
    assert "2026-08-01 02:59 UTC" in result.warnings[0]
    assert raw_rows(home, "stripe_charges")["amount_refunded"].to_list() == [0, 9, 0]
    assert not at(home, server, 36).warnings


def test_a_clock_that_went_backwards_is_treated_as_a_gap(home: Home, serve: Serve) -> None:
    """The later version sorts behind the earlier all the same."""
    server = serve(payment_intents=[changing(intent(1, ago(9)), (FIRST + 600, {"amount_received": 1}))])
    at(home, server, 0)
    server.clock += 700
    client = make_client(Settings(), server.url)
    result = sync(home, client, "stripe", datetime.fromtimestamp(FIRST - DAY, UTC), lambda _: None)
    assert result.reach == "gap"
    assert "after the" in result.warnings[0]
    assert raw_rows(home)["amount_received"].to_list() == [1001, 1]


def test_a_draft_that_was_deleted_gets_a_tombstone(home: Home, serve: Serve) -> None:
    draft = changing(invoice(1, ago(20), status="draft"), (FIRST + HOUR, None))
    server = serve(invoices=[draft, invoice(2, ago(1))])
    at(home, server, 0)
    result = at(home, server, 1)
    assert result.streams["invoices"].vanished == ["in_0001"]
    assert not result.warnings
    rows = raw_rows(home, "stripe_invoices").filter(invoice_id="in_0001")
    assert rows["origin"].to_list() == ["list", "tombstone"]
    assert rows["status"].to_list() == ["draft", "draft"]
    assert [later.new_versions for later in nightly(home, server, range(2, 12))] == [0] * 10


def test_an_intent_that_vanished_gets_a_tombstone_and_a_warning(home: Home, serve: Serve) -> None:
    """No event reports it: it is missing from the list it should be in."""
    server = serve(payment_intents=[changing(intent(1, ago(1)), (FIRST + HOUR, None)), intent(2, ago(2))])
    at(home, server, 0)
    result = at(home, server, 1)
    assert result.streams["payment_intents"].vanished == ["pi_0001"]
    assert "pi_0001 (succeeded) is gone from Stripe" in result.warnings[0]


def test_an_object_that_was_only_out_of_sight_comes_back(home: Home, serve: Serve) -> None:
    """A wrong 404: the object is fetched a few days more, and its tombstone is overtaken."""
    server = serve(
        [Rule("payment_intents/pi_0001", 1, Fault("arrive", rows=(("clock", {"seconds": 10}),)))],
        payment_intents=[
            changing(
                intent(1, ago(20), status="processing"),
                (FIRST + DAY + 5, None),
                (FIRST + DAY + 20, {"status": "processing"}),
            ),
            intent(2, ago(1)),
        ],
    )
    at(home, server, 0)
    assert at(home, server, 1).streams["payment_intents"].vanished == ["pi_0001"]
    at(home, server, 2)
    rows = raw_rows(home).filter(payment_intent_id="pi_0001")
    assert rows["origin"].to_list() == ["list", "tombstone", "open_set"]
    assert rows["content_sha256"][0] == rows["content_sha256"][2]


def test_an_object_made_and_deleted_between_two_syncs_leaves_nothing(home: Home, serve: Serve) -> None:
    """Its events name it; it was never fetched."""
    draft = changing(invoice(1, FIRST + HOUR, status="draft"), (FIRST + 2 * HOUR, None))
    server = serve(invoices=[draft, invoice(2, ago(1))])
    at(home, server, 0)
    result = at(home, server, 1)
    assert result.events == 2
    assert result.streams["invoices"].vanished == []
    assert raw_rows(home, "stripe_invoices")["invoice_id"].to_list() == ["in_0002"]


def test_objects_of_the_other_mode_land_and_are_counted(home: Home, serve: Serve) -> None:
    """Refunds do not state their mode."""
    server = serve(
        payment_intents=[intent(1, ago(1)), intent(2, ago(1), livemode=True)], refunds=[refund(1, ago(1))]
    )
    result = at(home, server, 0)
    assert (result.other_mode, result.streams["payment_intents"].other_mode) == (1, 1)
    assert raw_rows(home)["livemode"].to_list() == [False, True]
    assert raw_rows(home, "stripe_refunds")["livemode"].to_list() == [None]
    assert at(home, server, 1, livemode=True).other_mode == 1
    assert at(home, server, 2, livemode=None).other_mode == 0


def test_an_unknown_status_is_kept_and_counts_as_open(home: Home, serve: Serve) -> None:
    odd = changing(intent(1, ago(20), status="awaiting_moon"), (FIRST + HOUR, {"status": "succeeded"}))
    server = serve(payment_intents=[odd, intent(2, ago(1))])
    at(home, server, 0)
    assert raw_rows(home)["status"].to_list() == ["awaiting_moon", "succeeded"]
    assert at(home, server, 1).streams["payment_intents"].reread == 1


def test_an_invoice_may_be_paid_without_an_intent(home: Home, serve: Serve) -> None:
    """Below the minimum, or from the customer's balance: no payment joins it to anything."""
    server = serve(invoices=[invoice(1, ago(1), total=20, amount_paid=0, starting_balance=-20)])
    at(home, server, 0)
    (row,) = raw_rows(home, "stripe_invoices").to_dicts()
    assert (row["status"], row["amount_paid"], row["starting_balance"]) == ("paid", 0, -20)
    assert raw_rows(home, "stripe_invoice_payments").is_empty()


def test_intents_and_invoices_are_many_to_many_and_can_be_parted_again(home: Home, serve: Serve) -> None:
    """pi_1 pays two invoices, in_2 is paid by two intents; one payment is canceled and in_2 is open again."""

    def joined(number: int, invoice_id: str, intent_id: str) -> dict[str, object]:
        return {
            "id": f"inpay_{number}",
            "object": "invoice_payment",
            "amount_paid": 500,
            "created": ago(30),
            "invoice": invoice_id,
            "livemode": False,
            "payment": {"type": "payment_intent", "payment_intent": intent_id},
            "status": "paid",
        }

    parted = (FIRST + HOUR, {"status": "canceled", "amount_paid": None})
    reopened = changing(
        invoice(2, ago(30), amount_paid=1000), (FIRST + HOUR, {"status": "open", "amount_paid": 500})
    )
    server = serve(
        invoices=[reopened],
        invoice_payments=[
            joined(1, "in_0001", "pi_0001"),
            joined(2, "in_0002", "pi_0001"),
            changing(joined(3, "in_0002", "pi_0002"), parted),
        ],
    )
    at(home, server, 0)
    at(home, server, 1)
    edges = raw_rows(home, "stripe_invoice_payments").select("invoice_id", "payment_intent_id", "status")
    assert edges.rows() == [
        ("in_0001", "pi_0001", "paid"),
        ("in_0002", "pi_0001", "paid"),
        ("in_0002", "pi_0002", "paid"),
        ("in_0002", "pi_0002", "canceled"),
    ]
    assert raw_rows(home, "stripe_invoices")["status"].to_list() == ["paid", "open"]


def test_a_balance_transaction_that_becomes_available_is_found_without_an_event(
    home: Home, serve: Serve
) -> None:
    moved = {
        "id": "txn_1",
        "object": "balance_transaction",
        "amount": 5,
        "created": ago(1),
        "status": "pending",
    }
    server = serve(balance_transactions=[changing(moved, (FIRST + 5 * DAY, {"status": "available"}))])
    nightly(home, server, range(7))
    assert raw_rows(home, "stripe_balance_transactions")["status"].to_list() == ["pending", "available"]


def test_an_object_shown_late_is_not_lost(home: Home, serve: Serve) -> None:
    """Made an hour before the sync, to be seen two hours after it; the mark has passed it by then."""
    late = {
        "id": "pi_0001",
        "versions": [{"visible_from": FIRST + 2 * HOUR, "object": intent(1, ago(1 / 24))}],
    }
    server = serve(payment_intents=[late, intent(2, ago(1 / 48))])
    at(home, server, 0)
    assert raw_rows(home)["payment_intent_id"].to_list() == ["pi_0002"]
    at(home, server, 1)
    assert raw_rows(home)["payment_intent_id"].to_list() == ["pi_0001", "pi_0002"]


@pytest.mark.parametrize("days_off", [0, 35])
def test_marks_move_with_the_window_not_with_the_wall_clock(home: Home, serve: Serve, days_off: int) -> None:
    server = serve(payment_intents=[intent(1, ago(1))])
    at(home, server, days_off)
    end = FIRST + days_off * DAY - 60
    assert read_marks(home, "stripe") == {
        "payment_intents": ago(1), "events": end, "swept": end, "swept_whole": end
    }  # fmt: skip


def test_a_home_of_an_earlier_release_gains_the_columns_that_came_later(home: Home, serve: Serve) -> None:
    """Its refund files end with the payload; the sync reads them and goes on."""
    server = serve(refunds=[changing(refund(1, ago(1)), (FIRST + HOUR, {"reason": "duplicate"}))])
    at(home, server, 0)
    (file,) = (home.raw / "stripe_refunds").glob("dt=*/*.parquet")
    old = pl.read_parquet(file)
    old.select(old.columns[: old.columns.index("payload") + 1]).write_parquet(file)
    (home.raw / "stripe_state.json").unlink()
    assert at(home, server, 1).new_versions == 1
