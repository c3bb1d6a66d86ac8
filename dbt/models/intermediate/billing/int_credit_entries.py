"""Lots of credits and what was drawn on them, wallet by wallet, become the entries of a ledger.

    int_credit_movements ─► post(lots, draws) per wallet ─► one row per entry: who, what, when, how much

Everything is whole micro-credits and microseconds, so that nothing is rounded and nothing depends on the order
of the rows. At one instant credits expire first, then new ones come, then usage takes. A draw takes from the valid
lots, in burn order, and the uncovered rest is posted as overage. This is not SQL because the lot a draw takes from
depends on every draw before it. Names, money and days are added in the marts.

Rulings: docs/decisions/credits.md.
"""

import heapq
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

NEVER = 2**63 - 1
GRANT, BURN, EXPIRE, OVERAGE, ADJUST = range(5)


class Lot(NamedTuple):
    """Credits granted at an instant, which may expire at one; `number` identifies a lot and breaks ties."""

    number: int
    at: int
    amount: int
    priority: int = 0
    expires_at: int = NEVER
    is_correction: bool = False


class Draw(NamedTuple):
    """Credits taken at an instant, by usage or by a manual correction."""

    number: int
    at: int
    amount: int
    is_correction: bool = False


class Entry(NamedTuple):
    """One signed amount: of a lot (overage has none), caused by a draw (a grant and an expiry have none)."""

    kind: int
    at: int
    lot: int | None
    draw: int | None
    amount: int


def burn_key(lot: Lot, order: Sequence[str]) -> tuple[int, ...]:
    """Return the sort key of a lot in burn order; ties go to the lot that expires sooner."""
    keys = {"priority": lot.priority, "expiry": lot.expires_at, "granted": lot.at}
    return (*(keys[name] for name in order), lot.expires_at, lot.at, lot.number)


def post(lots: Iterable[Lot], draws: Iterable[Draw], order: Sequence[str], until: int) -> list[Entry]:
    """Post one wallet's ledger.

    Args:
        lots: What was granted; amounts above 0.
        draws: What was taken; amounts above 0.
        order: What decides which lot burns first, the strongest first, of priority, expiry and granted.
        until: The first instant the books do not reach: no lot, draw or expiry from then on is posted.

    Returns:
        Grants and corrections upwards positive, the rest negative. The sum of all entries but overage is what the
        wallet holds, never below 0; burned and overage together are what was drawn.
    """
    coming = sorted(
        (lot for lot in lots if lot.at < until), key=lambda lot: (lot.at, lot.number), reverse=True
    )
    standing: list[tuple[tuple[int, ...], Lot, list[int]]] = []
    entries = []

    def admit(upto: int) -> None:
        while coming and coming[-1].at <= upto:
            lot = coming.pop()
            entries.append(
                Entry(ADJUST if lot.is_correction else GRANT, lot.at, lot.number, None, lot.amount)
            )
            heapq.heappush(standing, (burn_key(lot, order), lot, [lot.amount]))

    def expire(lot: Lot, left: int) -> None:
        entries.append(Entry(EXPIRE, max(lot.at, lot.expires_at), lot.number, None, -left))

    for draw in sorted(draws, key=lambda draw: (draw.at, draw.number)):
        if draw.at >= until:
            break
        admit(draw.at)
        wanted = draw.amount
        while wanted and standing:
            _, lot, left = standing[0]
            if lot.expires_at <= draw.at:
                expire(lot, left[0])
                heapq.heappop(standing)
                continue
            taken = min(wanted, left[0])
            kind = ADJUST if draw.is_correction else BURN
            entries.append(Entry(kind, draw.at, lot.number, draw.number, -taken))
            wanted -= taken
            left[0] -= taken
            if not left[0]:
                heapq.heappop(standing)
        if wanted:
            entries.append(Entry(OVERAGE, draw.at, None, draw.number, -wanted))
    admit(until)
    for _, lot, left in standing:
        if lot.expires_at < until:
            expire(lot, left[0])
    return entries


def model(dbt, session):
    """One row per entry, as numbers: of int_credit_movements what movement it is about and which one caused it."""
    dbt.config(materialized="table")
    movements = dbt.ref("int_credit_movements")
    columns = (
        "wallet_no, burn_order, until_us, is_lot,"
        " movement_no, at_us, amount_micro, is_correction, priority, expires_at_us"
    )
    rows = movements.project(columns).order("wallet_no, movement_no").fetchall()
    entries = []
    for (_, order, until), wallet in groupby(rows, key=lambda row: row[:3]):
        lots, draws = [], []
        for _, _, _, is_lot, number, at, amount, is_correction, priority, expires_at in wallet:
            if is_lot:
                ends = NEVER if expires_at is None else expires_at
                lots.append(Lot(number, at, amount, priority, ends, is_correction))
            else:
                draws.append(Draw(number, at, amount, is_correction))
        entries += post(lots, draws, order.split(","), until)
    kind, at, lot, draw, amount = zip(*entries, strict=True) if entries else ((),) * 5
    return {
        "kind_no": np.array(kind, dtype=np.int64),
        "at_us": np.array(at, dtype=np.int64),
        "lot_no": np.array([number or 0 for number in lot], dtype=np.int64),
        "draw_no": np.array([number or 0 for number in draw], dtype=np.int64),
        "amount_micro": np.array(amount, dtype=np.int64),
    }
