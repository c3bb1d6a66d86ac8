"""The sandbox's own credit ledger, by hand, and that every seed covers every case."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingestion.sandbox import write_world
from ingestion.sandbox.wallets import CREDITS, NOBODY, QUOTA, Draw, Lot, Plan, at, midnight, wallet_plan
from ingestion.sandbox.wallets.ledger import MEASURES, Closing, WalletTruth, settle

PACK = Lot(CREDITS, "ws", "pack", "pack", at(0, "09:00"), 10, 0)
GIFT = Lot(CREDITS, "ws", "gift", "promotion", at(1, "00:00"), 4, 1, -1, midnight(5))
MONTH = Lot(CREDITS, "ws", "month", "renewal", at(0, "08:00"), 6, 0, expires_at=midnight(3))


def call(day: int, clock: str, cents: int, **said: object) -> Draw:
    return replace(Draw(CREDITS, "ws", f"{day} {clock}", at(day, clock), cents, day), **said)


def test_what_goes_first_is_used_first_and_what_ends_is_lost() -> None:
    """2 of the month, then 3 of the gift; 4 of the month are lost; the last gift, 10 of the pack, and 4 too many."""
    draws = [call(0, "12:00", 2), call(1, "12:00", 3), call(3, "00:00", 15)]
    ledger = settle([PACK, GIFT, MONTH], draws, midnight(10))
    assert dict(ledger.used) == {"month": 2, "gift": 4, "pack": 10}
    assert dict(ledger.lost) == {"month": 4, "gift": 0}
    assert ledger.sums == Counter(granted=20, burned=16, expired=4, overage=4)
    assert ledger.closing == 0


def test_what_ends_when_the_books_end_is_not_lost_yet() -> None:
    assert settle([MONTH], [], midnight(3)).closing == 6
    assert settle([MONTH], [], at(3, "00:00:01")).closing == 0


def test_a_person_takes_back_before_the_calls_of_that_instant() -> None:
    draws = [call(1, "00:00", 6), call(1, "00:00", 7, is_correction=True)]
    assert settle([PACK], draws, midnight(2)).sums == Counter(granted=10, adjusted=-7, burned=3, overage=3)


def test_a_closed_month_keeps_what_was_lost_and_what_is_late_counts_when_it_is_found() -> None:
    """3 of 10 ended on the first; of 4 late ones 2 more would have been used of them, but they are lost already."""
    trial = replace(PACK, name="trial", cents=3, expires_at=midnight(1))
    late = call(0, "12:00", 4, known_on=3)
    plan = Plan([PACK, trial], [call(0, "10:00", 1), late])
    [opened] = WalletTruth(plan, 5).as_json()["wallets"]
    closing = Closing(midnight(2), known_days=2, found_on=date(2026, 8, 6))
    [closed] = WalletTruth(plan, 5, closing).as_json()["wallets"]
    assert [opened[name] for name in ("burned", "expired", "closing")] == [5, 0, 8]
    assert [closed[name] for name in ("burned", "expired", "closing")] == [5, 2, 6]


@pytest.mark.parametrize("seed", range(40))
def test_every_case_happens_whatever_is_drawn(seed: int) -> None:
    """In eight days every sum is above or below 0 and all that is used is burned or overage."""
    truth = WalletTruth(wallet_plan(seed), 8).as_json()
    for name in MEASURES:
        assert any(wallet[name] for wallet in truth["wallets"]), name
    for wallet in truth["wallets"]:
        assert wallet["used"] == wallet["burned"] + wallet["overage"]
        assert wallet["closing"] == (
            wallet["granted"] - wallet["burned"] - wallet["expired"] + wallet["adjusted"]
        )
    first = WalletTruth(wallet_plan(0), 8).as_json()
    assert [(one["mart"], one["status"]) for one in truth["statuses"]] == [
        (one["mart"], one["status"]) for one in first["statuses"]
    ]


def test_the_end_of_a_month_takes_what_is_left_of_it() -> None:
    """On 31 August, day 28, the month is used until its last millisecond; what is left is lost on the first."""

    def month(days: int) -> dict[str, Any]:
        lots = WalletTruth(wallet_plan(1), days).as_json()["lots"]
        [lot] = [lot for lot in lots if lot["subject"].endswith("ws_priorities/2026-08-03")]
        return lot

    assert month(29)["expired"] == 0
    assert month(30)["expired"] == month(29)["remaining"] > 0


def test_calls_without_a_name_are_the_only_wallets_until_there_are_two() -> None:
    def owners(days: int) -> set[str]:
        wallets = WalletTruth(wallet_plan(3), days).as_json()["wallets"]
        return {wallet["workspace_id"] for wallet in wallets if wallet["used"] and "team" in wallet["source"]}

    assert owners(30) == {"ws_only"}
    assert owners(31) == {NOBODY}


def test_the_books_reach_to_the_day_on_which_the_last_call_ended() -> None:
    """A pack that ends with the last day is lost once a call of that night has ended in the next."""
    plan = Plan([replace(PACK, expires_at=midnight(2))])
    after_midnight = int(at(2, "00:00:30").timestamp() * 1000)
    for ended_ms, expired in ((0, 0), (after_midnight, 10)):
        [wallet] = WalletTruth(plan, 2, last_ended_ms=ended_ms).as_json()["wallets"]
        assert wallet["expired"] == expired


def test_a_longer_world_only_adds_bookings_and_readings(tmp_path: Path) -> None:
    write_world(tmp_path, 4, 1, 3)
    tables = ("credit_grants", "credit_balances")
    before = {name: (tmp_path / f"config/{name}.csv").read_text() for name in tables}
    write_world(tmp_path, 9, 1, 3)
    for name in tables:
        assert (tmp_path / f"config/{name}.csv").read_text().startswith(before[name])


def test_quota_is_five_thousand_units_a_cent() -> None:
    wallets = WalletTruth(wallet_plan(2), 8).as_json()["wallets"]
    quota = [wallet for wallet in wallets if wallet["source"] == QUOTA]
    assert {wallet["unit"] for wallet in quota} == {"quota"}
    assert all(wallet["granted"] % 5_000 == 0 for wallet in quota)
