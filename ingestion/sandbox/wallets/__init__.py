"""The events of credit wallets: purchases, grants, usage, corrections and balance readings, by day of a world.

    wallet_plan(seed) ─► lots, draws on them, the gateway's own sums, balances read by hand
        ledger.py computes the result, files.py writes the files

Every wallet is one case of the ledger, with its own customers and sources, so that the world's requests are the same
with and without them. Days and times are the same in every world, amounts depend on the seed; their shares are chosen
so that each case always happens. A world of eight days has all cases but those that need the end of a month: the first
is 31 August, day 28.

An amount is in US cents here. A credit of the Infery wallets is one, 5,000 units of quota are one.

Rulings: docs/decisions/sandbox.md#sandbox-3.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from ingestion.sandbox.world.randomness import generator
from ingestion.sandbox.world.traffic import date_of

TENANTS = "infery"
"""Source of the tenants' wallets (tenants.py)."""

CREDITS, NAMELESS, QUOTA = "infery_wallets", "infery_team", "new_api_wallets"
"""The sources: Infery's drill-down, Infery's export (which names no workspace), and a New-API gateway."""

UNIT = {TENANTS: "credit", CREDITS: "credit", NAMELESS: "credit", QUOTA: "quota"}
PER_CENT = {"credit": 1, "quota": 5_000}

NOBODY = "unattributed"
"""Owner of a source's draws without a wallet, unless only one wallet ever received credits."""


@dataclass(frozen=True)
class Lot:
    """Cents added to a wallet, which may expire; `promised` is what was bought, None if unknown.

    Attributes:
        name: The invoice, purchase or booking it comes from.
        kind: Expected fct_credit_entries.grant_kind.
        known_on: Day of the delivery that contains it.
        grant_status: Expected status in recon_credit_grants; None for unpaid grants.
    """

    source: str
    workspace: str
    name: str
    kind: str
    at: datetime
    cents: int
    known_on: int
    priority: int = 0
    expires_at: datetime | None = None
    promised: int | None = None
    grant_status: str | None = None


@dataclass(frozen=True)
class Draw:
    """Cents taken from a wallet, by a call or by hand; a call without a workspace names no wallet."""

    source: str
    workspace: str | None
    name: str
    at: datetime
    cents: int
    known_on: int
    is_correction: bool = False


@dataclass(frozen=True)
class Reading:
    """A balance read at the end of a day: the ledger's correct balance plus `off` cents."""

    source: str
    workspace: str
    day: int
    off: int = 0


@dataclass(frozen=True)
class GatewaySum:
    """The gateway's sum of a wallet's usage on a UTC day, delivered the day after."""

    source: str
    workspace: str
    day: int
    cents: int


@dataclass
class Plan:
    """Everything that happens to the wallets up to some day."""

    lots: list[Lot] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    sums: list[GatewaySum] = field(default_factory=list)

    def __add__(self, other: Plan) -> Plan:
        """Return the events of both."""
        return Plan(
            self.lots + other.lots,
            self.draws + other.draws,
            self.readings + other.readings,
            self.sums + other.sums,
        )

    def known(self, days: int) -> Plan:
        """Return what was delivered in a world of so many days."""
        return Plan(
            [lot for lot in self.lots if lot.known_on < days],
            [draw for draw in self.draws if draw.known_on < days],
            [reading for reading in self.readings if reading.day < days],
            [one for one in self.sums if one.day + 1 < days],
        )


@dataclass
class _Wallet:
    """Adds one wallet's events to the plan."""

    plan: Plan
    source: str
    workspace: str | None

    def buys(self, day: int, clock: str, cents: int, **differences: Any) -> None:
        """Buy a lot as promised, with the given differences."""
        usual = {"kind": "pack", "promised": cents, "grant_status": "matched"}
        self._add_lot(day, clock, cents, usual | differences)

    def is_given(self, day: int, cents: int, kind: str, **differences: Any) -> None:
        """Add a grant by hand, from midnight on."""
        self._add_lot(day, "00:00", cents, {"kind": kind} | differences)

    def loses(self, day: int, cents: int) -> None:
        """Take credits back by hand, at midnight."""
        self._draw(day, "00:00", cents, day, True)

    def uses(self, day: int, clock: str, cents: int, known_on: int | None = None) -> None:
        """Make a call; it is delivered the same day unless `known_on` is later."""
        self._draw(day, clock, cents, day if known_on is None else known_on, False)

    def is_read(self, day: int, off: int = 0) -> None:
        """Read the balance at the end of a day."""
        self.plan.readings.append(Reading(self.source, self.workspace or NOBODY, day, off))

    def is_summed(self, day: int, off: int = 0) -> None:
        """Add the gateway's sum of a day, including late calls, plus `off` cents."""
        mine = (
            draw.cents
            for draw in self.plan.draws
            if (draw.source, draw.workspace) == (self.source, self.workspace)
            and not draw.is_correction
            and draw.at.date() == date_of(day)
        )
        self.plan.sums.append(GatewaySum(self.source, self.workspace or NOBODY, day, sum(mine) + off))

    def _add_lot(self, day: int, clock: str, cents: int, differences: dict[str, Any]) -> None:
        name = f"{self.workspace}_{len(self.plan.lots) + 1:03d}"
        lot = Lot(self.source, self.workspace or NOBODY, name, "", at(day, clock), cents, day)
        self.plan.lots.append(replace(lot, **differences))

    def _draw(self, day: int, clock: str, cents: int, known_on: int, is_correction: bool) -> None:
        name = f"draw_{len(self.plan.draws) + 1:04d}"
        self.plan.draws.append(
            Draw(self.source, self.workspace, name, at(day, clock), cents, known_on, is_correction)
        )


def wallet_plan(seed: int) -> Plan:
    """Return the events of all wallets; the same seed gives the same events."""
    plan, rng = Plan(), generator(seed, "wallets")
    for life in (_packs, _priorities, _expiry, _overage, _late_usage, _corrections, _unlisted):
        workspace = f"ws_{life.__name__.strip('_')}"
        life(_Wallet(plan, CREDITS, workspace), 2 * int(rng.integers(4, 16)))
    _Wallet(plan, CREDITS, "ws_never_seen").is_read(2, 5)
    _one_wallet_then_two(plan, 2 * int(rng.integers(4, 16)))
    _topups(plan, 2 * int(rng.integers(4, 16)))
    return plan


def at(day: int, clock: str) -> datetime:
    """Return a time of a day number."""
    return datetime.combine(date_of(day), time.fromisoformat(clock), UTC)


def midnight(day: int) -> datetime:
    """Return the first instant of a day number."""
    return at(day, "00:00")


def month_ends_after(day: int) -> int:
    """Return the first day number of the month after a day's."""
    later = date_of(day).replace(day=28) + timedelta(days=4)
    return day + (later.replace(day=1) - date_of(day)).days


def _packs(wallet: _Wallet, share: int) -> None:
    """Three packs, burned in the order they came; the gateway's balance agrees once, and once is a cent short.

    Its sums agree too, on a day without a call as well, but for one call the log lacks.
    """
    for day in (0, 1, 3):
        wallet.buys(day, "09:00", 5 * share)
    for day, shares in ((0, 3), (1, 4), (2, 2), (4, 3), (5, 1), (7, 1)):
        wallet.uses(day, "14:00", shares * share)
    wallet.is_read(1)
    wallet.is_read(4, -1)
    for day in (0, 1, 3, 4):
        wallet.is_summed(day)
    wallet.is_summed(2, share)


def _priorities(wallet: _Wallet, share: int) -> None:
    """A promotion is used first although it expires last, a month's credits before a pack; the rest of a month
    expires.
    """
    renewed = month_ends_after(0)
    wallet.buys(0, "08:00", 8 * share, kind="renewal", expires_at=midnight(renewed))
    wallet.buys(1, "09:00", 10 * share)
    wallet.is_given(1, 2 * share, "promotion", priority=-1, expires_at=midnight(35))
    wallet.uses(0, "12:00", share)
    wallet.uses(1, "12:00", share)
    wallet.uses(2, "12:00", share // 2)
    wallet.uses(4, "12:00", 2 * share)
    wallet.uses(6, "12:00", 4 * share)
    wallet.is_read(4, 1)
    wallet.is_read(7)
    wallet.is_summed(1)
    wallet.is_summed(2, -1)
    wallet.uses(renewed - 1, "23:59:59.999", share // 2)
    wallet.uses(renewed, "00:00", share)
    wallet.buys(renewed, "08:00", 8 * share, kind="renewal", expires_at=midnight(month_ends_after(renewed)))
    wallet.uses(renewed + 2, "12:00", share)


def _expiry(wallet: _Wallet, share: int) -> None:
    """A promotion of one day and a pack of three, used until their last millisecond and expired at midnight."""
    wallet.buys(1, "10:00", 5 * share, expires_at=midnight(4))
    wallet.is_given(2, 2 * share, "promotion", expires_at=midnight(3))
    wallet.uses(2, "10:00", share)
    wallet.uses(3, "23:59:59.999", share)
    wallet.uses(4, "00:00", share)


def _overage(wallet: _Wallet, share: int) -> None:
    """Calls before the first purchase, at the same instant, and for more than is left."""
    wallet.uses(0, "12:00", 2 * share)
    wallet.uses(1, "10:00", share)
    wallet.buys(1, "15:00", 3 * share)
    wallet.uses(1, "15:00", share)
    wallet.uses(2, "12:00", 4 * share)


def _late_usage(wallet: _Wallet, share: int) -> None:
    """A late call whose credits were already booked as expired; and one of a month that may be closed by then."""
    wallet.buys(0, "09:00", 5 * share, expires_at=midnight(3))
    wallet.uses(1, "12:00", share)
    wallet.uses(2, "12:00", 2 * share, known_on=5)
    wallet.is_summed(2)
    wallet.buys(4, "09:00", 4 * share)
    wallet.uses(6, "12:00", share)
    wallet.uses(27, "12:00", 2 * share, known_on=31)


def _corrections(wallet: _Wallet, share: int) -> None:
    """An opening balance, and corrections by hand."""
    wallet.is_given(0, 10 * share, "opening")
    wallet.uses(1, "12:00", 3 * share)
    wallet.loses(2, 2 * share)
    wallet.is_given(3, share, "adjustment")
    wallet.uses(4, "12:00", share)
    wallet.is_read(3)


def _unlisted(wallet: _Wallet, share: int) -> None:
    """A pack that is not on the price list."""
    wallet.buys(2, "09:00", 3 * share, promised=None, grant_status="not_comparable")
    wallet.uses(3, "12:00", share)


def _one_wallet_then_two(plan: Plan, share: int) -> None:
    """Calls without a wallet belong to the only wallet, until a second one receives credits."""
    only = _Wallet(plan, NAMELESS, "ws_only")
    only.is_given(0, 20 * share, "opening")
    nameless = _Wallet(plan, NAMELESS, None)
    for day in (1, 3, 26):
        nameless.uses(day, "12:00", share)
    _Wallet(plan, NAMELESS, "ws_second").is_given(30, 5 * share, "promotion")


def _topups(plan: Plan, share: int) -> None:
    """Accounts in quota: payments compared with credits in the log; refunds and overage."""
    one = _Wallet(plan, QUOTA, "1")
    one.buys(0, "09:00", 4 * share, kind="topup")
    one.uses(0, "12:00", 2 * share)
    one.uses(1, "12:00", share)
    one.is_given(2, share // 2, "refund")
    one.uses(4, "12:00", 3 * share)
    one.is_summed(0)
    one.is_summed(1, 1)
    twice = _Wallet(plan, QUOTA, "2")
    twice.buys(1, "09:00", 2 * share, kind="topup")
    twice.buys(1, "09:00:05", 2 * share, kind="unexplained", promised=None, grant_status="delivered_twice")
    twice.uses(2, "12:00", 3 * share)
    found = _Wallet(plan, QUOTA, "3")
    found.buys(2, "09:00", share, kind="unexplained", promised=None, grant_status="delivered_without_invoice")
    for user, delivered, status in (
        ("4", share, "under_delivered"),
        ("5", 3 * share, "over_delivered"),
        ("6", 0, "not_delivered"),
    ):
        bought = _Wallet(plan, QUOTA, user)
        bought.buys(3, "09:00", delivered, kind="topup", promised=2 * share, grant_status=status)
