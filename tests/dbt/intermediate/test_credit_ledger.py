"""The ledger of one wallet, posted by the pure functions of the dbt model: what holds for every wallet, and edges."""

from __future__ import annotations

import importlib.util
import random
from collections import Counter
from fractions import Fraction
from itertools import permutations
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.dbt_runner.project import PROJECT_DIR

ORDER = ("priority", "expiry", "granted")
DAY = 86_400_000_000
END = 30 * DAY


def _ledger() -> ModuleType:
    path = PROJECT_DIR / "models/intermediate/billing/int_credit_entries.py"
    spec = importlib.util.spec_from_file_location("int_credit_entries", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ledger = _ledger()
Lot, Draw = ledger.Lot, ledger.Draw
GRANT, BURN, EXPIRE, OVERAGE, ADJUST = range(5)

# Few instants and amounts, so that lots and draws often fall together.
INSTANTS = st.integers(0, 12).map(lambda number: number * DAY // 2)
AMOUNTS = st.integers(1, 40)
WALLETS = st.tuples(
    st.lists(
        st.tuples(INSTANTS, AMOUNTS, st.integers(0, 2), INSTANTS | st.just(ledger.NEVER), st.booleans()),
        max_size=7,
    ),
    st.lists(st.tuples(INSTANTS, AMOUNTS, st.sampled_from([False, False, False, True])), max_size=9),
    st.sampled_from([*permutations(ORDER), ("expiry",), ("granted",)]),
)


def wallet(drawn: Any) -> tuple[list[Any], list[Any], tuple[str, ...]]:
    lots, draws, order = drawn
    numbered = [Lot(number, *lot) for number, lot in enumerate(lots, 1)]
    return numbered, [Draw(number, *draw) for number, draw in enumerate(draws, 101)], order


def post(lots: list[Any], draws: list[Any], order: tuple[str, ...] = ORDER, until: int = END) -> list[Any]:
    return ledger.post(lots, draws, order, until)


def total(entries: list[Any], *kinds: int) -> int:
    return sum(entry.amount for entry in entries if entry.kind in kinds)


def one_credit_at_a_time(
    lots: list[Any], draws: list[Any], order: tuple[str, ...]
) -> Counter[tuple[int, int]]:
    """An independent and slow ledger: each credit of each draw asks for the best lot that stands. Which took what."""
    left = {lot.number: lot.amount for lot in lots}
    took: Counter[tuple[int, int]] = Counter()
    for draw in sorted(draws, key=lambda draw: (draw.at, draw.number)):
        for _ in range(draw.amount):
            open_lots = [lot for lot in lots if lot.at <= draw.at < lot.expires_at and left[lot.number]]
            best = min(open_lots, key=lambda lot: ledger.burn_key(lot, order), default=None)
            took[draw.number, best.number if best else 0] += 1
            if best:
                left[best.number] -= 1
    return took


@settings(max_examples=400, deadline=None)
@given(WALLETS)
def test_every_credit_is_accounted_for(drawn: Any) -> None:
    """Granted = remaining + used + expired, lot by lot; burned + overage = drawn, draw by draw."""
    lots, draws, order = wallet(drawn)
    entries = post(lots, draws, order)
    for lot in lots:
        own = [entry for entry in entries if entry.lot == lot.number]
        given_ = sum(entry.amount for entry in own if entry.amount > 0)
        remaining = sum(entry.amount for entry in own)
        assert given_ == lot.amount
        assert remaining >= 0
        assert remaining == 0 or lot.expires_at >= END
        assert sum(entry.kind == EXPIRE for entry in own) <= 1
    for draw in draws:
        assert -sum(entry.amount for entry in entries if entry.draw == draw.number) == draw.amount
    usage = sum(draw.amount for draw in draws if not draw.is_correction)
    corrections = {draw.number for draw in draws if draw.is_correction}
    overage = sum(
        entry.amount for entry in entries if entry.kind == OVERAGE and entry.draw not in corrections
    )
    assert -(total(entries, BURN) + overage) == usage


@settings(max_examples=400, deadline=None)
@given(WALLETS, INSTANTS)
def test_a_balance_rolls_forward_at_every_cut_and_is_never_negative(drawn: Any, cut: int) -> None:
    """What stood before the cut plus what came after it is what stands; books that end at the cut agree."""
    lots, draws, order = wallet(drawn)
    entries = [entry for entry in post(lots, draws, order) if entry.kind != OVERAGE]
    before = [entry for entry in entries if entry.at < cut]
    earlier = [entry for entry in post(lots, draws, order, until=cut) if entry.kind != OVERAGE]
    assert sorted(map(str, earlier)) == sorted(map(str, before))
    for instant in {entry.at for entry in entries}:
        assert sum(entry.amount for entry in entries if entry.at <= instant) >= 0


@settings(max_examples=400, deadline=None)
@given(WALLETS, st.integers(0, 2**32))
def test_the_order_of_the_rows_does_not_matter(drawn: Any, seed: int) -> None:
    lots, draws, order = wallet(drawn)
    shuffled_lots, shuffled_draws = [*lots], [*draws]
    random.Random(seed).shuffle(shuffled_lots)
    random.Random(seed + 1).shuffle(shuffled_draws)
    assert post(shuffled_lots, shuffled_draws, order) == post(lots, draws, order)


@settings(max_examples=400, deadline=None)
@given(WALLETS)
def test_usage_takes_from_the_lot_that_an_independent_ledger_takes_from(drawn: Any) -> None:
    lots, draws, order = wallet(drawn)
    took: Counter[tuple[int, int]] = Counter()
    for entry in post(lots, draws, order):
        if entry.draw:
            took[entry.draw, entry.lot or 0] -= entry.amount
    assert took == one_credit_at_a_time(lots, draws, order)


@settings(max_examples=400, deadline=None)
@given(WALLETS, st.lists(st.integers(1, DAY // 2 - 1), max_size=9))
def test_usage_between_two_instants_may_be_summed(drawn: Any, later: list[int]) -> None:
    """Between the instants at which lots come or end, many draws take what one draw of their sum takes."""
    lots, draws, order = wallet(drawn)
    moved = [
        draw._replace(
            number=200 + place, at=draw.at + (later[place] if place < len(later) else 0), is_correction=False
        )
        for place, draw in enumerate(draws)
    ]
    sums: Counter[int] = Counter()
    for draw in moved:
        sums[draw.at // (DAY // 2) * (DAY // 2)] += draw.amount
    summed = [Draw(300 + place, at, amount) for place, (at, amount) in enumerate(sorted(sums.items()))]

    def burned(entries: list[Any]) -> Counter[tuple[int, int | None]]:
        found: Counter[tuple[int, int | None]] = Counter()
        for entry in entries:
            found[entry.kind, entry.lot] += entry.amount
        return found

    assert burned(post(lots, moved, order)) == burned(post(lots, summed, order))


@settings(max_examples=200, deadline=None)
@given(WALLETS, st.integers(2, 1000))
def test_ten_times_the_credits_are_ten_times_the_entries(drawn: Any, factor: int) -> None:
    lots, draws, order = wallet(drawn)
    larger = post(
        [lot._replace(amount=lot.amount * factor) for lot in lots],
        [draw._replace(amount=draw.amount * factor) for draw in draws],
        order,
    )
    assert larger == [entry._replace(amount=entry.amount * factor) for entry in post(lots, draws, order)]
    assert Fraction(total(larger, BURN), factor).denominator == 1


def test_at_one_instant_credits_expire_then_come_then_are_used() -> None:
    """Of 10 that end at noon none is used at noon; of 4 that come at noon all are, and 3 of 7 have no cover."""
    noon = DAY // 2
    entries = post([Lot(1, 0, 10, expires_at=noon), Lot(2, noon, 4)], [Draw(101, noon, 7)])
    assert {(entry.kind, entry.at, entry.lot, entry.amount) for entry in entries} == {
        (GRANT, 0, 1, 10),
        (EXPIRE, noon, 1, -10),
        (GRANT, noon, 2, 4),
        (BURN, noon, 2, -4),
        (OVERAGE, noon, None, -3),
    }


def test_credits_are_good_until_the_last_instant_before_midnight() -> None:
    """10 end at midnight: 3 are used one microsecond before, 7 expire at midnight itself."""
    entries = post([Lot(1, 0, 10, expires_at=DAY)], [Draw(101, DAY - 1, 3), Draw(102, DAY, 2)])
    assert [(entry.kind, entry.at, entry.amount) for entry in entries] == [
        (GRANT, 0, 10),
        (BURN, DAY - 1, -3),
        (EXPIRE, DAY, -7),
        (OVERAGE, DAY, -2),
    ]


@pytest.mark.parametrize(
    ("order", "burned"),
    [
        (("priority", "expiry", "granted"), [3, 2, 1]),
        (("expiry", "priority", "granted"), [2, 3, 1]),
        (("granted",), [1, 2, 3]),
    ],
)
def test_the_order_of_burning_is_a_setting(order: tuple[str, ...], burned: list[int]) -> None:
    """One came first and never ends, two ends soonest, three was promised before the others."""
    lots = [Lot(1, 0, 5, 1), Lot(2, 1, 5, 1, 10 * DAY), Lot(3, 2, 5, 0, 20 * DAY)]
    entries = post(lots, [Draw(101, DAY, 15)], order)
    assert [entry.lot for entry in entries if entry.kind == BURN] == burned


def test_what_expired_on_arrival_is_granted_and_lost() -> None:
    entries = post([Lot(1, DAY, 5, expires_at=0)], [Draw(101, DAY, 1)])
    assert [(entry.kind, entry.at, entry.amount) for entry in entries] == [
        (GRANT, DAY, 5),
        (EXPIRE, DAY, -5),
        (OVERAGE, DAY, -1),
    ]


def test_an_expiry_that_has_not_come_is_not_posted() -> None:
    lots = [Lot(1, 0, 5, expires_at=END)]
    assert [entry.kind for entry in post(lots, [])] == [GRANT]
    assert [entry.kind for entry in post(lots, [], until=END + 1)] == [GRANT, EXPIRE]


def test_a_correction_takes_what_is_there_and_reports_the_rest() -> None:
    """10 are to go where 6 are: 6 go as an adjustment, 4 are overage of that correction."""
    entries = post([Lot(1, 0, 6)], [Draw(101, DAY, 10, is_correction=True)])
    assert [(entry.kind, entry.draw, entry.amount) for entry in entries] == [
        (GRANT, None, 6),
        (ADJUST, 101, -6),
        (OVERAGE, 101, -4),
    ]
