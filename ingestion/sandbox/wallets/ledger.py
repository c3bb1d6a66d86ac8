"""The truth about the wallets: an independent ledger, one draw after the other, lot by lot.

It is as simple as possible: every draw goes through the lots in burn order and takes from those that are valid. Nothing
is summed in advance.

A closed month keeps what was known when it was closed. Differences to today are corrected, lot by lot, at the first
open instant; late calls of the month count on the day they are found.

Rulings: docs/decisions/sandbox.md#sandbox-3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from ingestion.sandbox.wallets import NOBODY, PER_CENT, UNIT, Draw, Lot, Plan, midnight
from ingestion.sandbox.world.traffic import date_of

MEASURES = ("granted", "burned", "expired", "adjusted", "overage")
_FOREVER = datetime.max.replace(tzinfo=UTC)

Wallet = tuple[str, str]


@dataclass(frozen=True)
class Closing:
    """A closing of everything before `open_from`, made when so many days were delivered.

    `found_on` is the day on which later deliveries were built in.
    """

    open_from: datetime
    known_days: int
    found_on: date


@dataclass
class Ledger:
    """One wallet up to an instant: sums in cents, and the remaining, used and expired part of each lot."""

    sums: Counter[str] = field(default_factory=Counter)
    left: dict[str, int] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    @property
    def closing(self) -> int:
        """The balance."""
        return sum(self.left.values())


def settle(lots: Iterable[Lot], draws: Iterable[Draw], until: datetime) -> Ledger:
    """Apply one wallet's events before an instant."""
    ledger = Ledger()
    come = [lot for lot in lots if lot.at < until]
    for lot in come:
        ledger.left[lot.name] = lot.cents
        ledger.sums["adjusted" if lot.kind in ("adjustment", "refund") else "granted"] += lot.cents
    come.sort(key=lambda lot: (lot.priority, lot.expires_at or _FOREVER, lot.at))
    for draw in sorted(draws, key=lambda draw: (draw.at, not draw.is_correction)):
        if draw.at >= until:
            break
        wanted = draw.cents
        for lot in come:
            if not lot.at <= draw.at < (lot.expires_at or _FOREVER):
                continue
            taken = min(wanted, ledger.left[lot.name])
            ledger.left[lot.name] -= taken
            wanted -= taken
            if draw.is_correction:
                ledger.sums["adjusted"] -= taken
            else:
                ledger.sums["burned"] += taken
                ledger.used[lot.name] += taken
        ledger.sums["overage"] += wanted
    for lot in come:
        if lot.expires_at and lot.expires_at < until:
            ledger.sums["expired"] += ledger.left[lot.name]
            ledger.lost[lot.name] = ledger.left[lot.name]
            ledger.left[lot.name] = 0
    return ledger


@dataclass
class WalletTruth:
    """The truth about the wallets of a world of so many days, with a closing if there was one.

    The books end with the last day, or with the day on which the last call of any wallet ended, `last_ended_ms`.
    truth.json is without a closing.
    """

    plan: Plan
    days: int
    closing: Closing | None = None
    last_ended_ms: int = 0

    def __post_init__(self) -> None:
        known = self.plan.known(self.days)
        self._readings, self._sums = known.readings, known.sums
        self._lots, self._draws = _by_wallet(_redated(known, self.closing) if self.closing else known)
        last_day = (self.last_ended_ms // 1000 - int(midnight(0).timestamp())) // 86_400
        self._until = midnight(max(self.days, last_day + 1))
        before = self.plan.known(self.closing.known_days) if self.closing else Plan()
        self._booked_lots, self._booked_draws = _by_wallet(before)
        found = {*self._lots, *self._draws, *self._booked_lots, *self._booked_draws}
        self._ledgers = {wallet: self._settled(wallet, self._until) for wallet in sorted(found)}

    def as_json(self) -> dict[str, Any]:
        """Return totals by wallet and lot in whole credits or units of quota, and every status."""
        return {
            "wallets": [
                self._wallet(wallet) for wallet in self._ledgers if any(self._sums_of(wallet).values())
            ],
            "lots": list(self._lots_as_json()),
            "statuses": sorted(
                [*self._grant_statuses(), *self._balance_statuses(), *self._burn_statuses()],
                key=lambda one: (one["mart"], one["subject"]),
            ),
        }

    def balance(self, wallet: Wallet, day: int) -> int:
        """Return a wallet's balance at the end of a day, in cents, without a closing."""
        return self._settled(wallet, midnight(day + 1)).closing

    def _settled(self, wallet: Wallet, until: datetime) -> Ledger:
        return settle(self._lots.get(wallet, ()), self._draws.get(wallet, ()), until)

    def _booked(self, wallet: Wallet, until: datetime) -> Ledger:
        return settle(self._booked_lots.get(wallet, ()), self._booked_draws.get(wallet, ()), until)

    def _sums_of(self, wallet: Wallet) -> dict[str, int]:
        """Return a wallet's sums: what was booked, what came since, and the correction of the difference."""
        now = self._ledgers[wallet]
        sums = {measure: now.sums[measure] for measure in MEASURES}
        if self.closing:
            would_be = self._settled(wallet, self.closing.open_from)
            booked = self._booked(wallet, self.closing.open_from)
            # Overage is corrected as overage, so its sum is the correct one.
            for measure in ("granted", "burned", "expired", "adjusted"):
                sums[measure] += booked.sums[measure] - would_be.sums[measure]
            sums["adjusted"] += would_be.closing - booked.closing
        return sums | {"closing": now.closing}

    def _wallet(self, wallet: Wallet) -> dict[str, Any]:
        source, workspace = wallet
        unit = UNIT[source]
        used = sum(draw.cents for draw in self._draws.get(wallet, ()) if not draw.is_correction)
        amounts = self._sums_of(wallet) | {"used": used}
        return {
            "source": source,
            "workspace_id": workspace,
            "unit": unit,
            **{name: cents * PER_CENT[unit] for name, cents in amounts.items()},
        }

    def _lots_as_json(self) -> Iterator[dict[str, Any]]:
        for wallet in sorted(self._lots):
            now = self._ledgers[wallet]
            for lot in self._lots[wallet]:
                if lot.cents and lot.at < self._until:
                    amounts = {
                        "granted": lot.cents,
                        "used": now.used[lot.name],
                        "expired": now.lost[lot.name],
                        "remaining": now.left[lot.name],
                    }
                    factor = PER_CENT[UNIT[lot.source]]
                    yield {
                        "subject": _subject(lot.source, lot.workspace, lot.at.date()),
                        "kind": lot.kind,
                        **{name: cents * factor for name, cents in amounts.items()},
                    }

    def _grant_statuses(self) -> Iterator[dict[str, str]]:
        for lots in self._lots.values():
            for lot in lots:
                if lot.grant_status:
                    yield _status(
                        "recon_credit_grants", lot.source, lot.workspace, lot.at.date(), lot.grant_status
                    )

    def _balance_statuses(self) -> Iterator[dict[str, str]]:
        for reading in self._readings:
            is_known = (reading.source, reading.workspace) in self._ledgers
            status = _by_sign(-reading.off, "ledger_below", "ledger_above") if is_known else "not_in_books"
            day = date_of(reading.day)
            yield _status("recon_credit_balances", reading.source, reading.workspace, day, status)

    def _burn_statuses(self) -> Iterator[dict[str, str]]:
        logged, posted = self._logged(), self._posted()
        reported = {(one.source, one.workspace, date_of(one.day)): one.cents for one in self._sums}
        for one in sorted({*logged, *reported}):
            status = "not_reported"
            if logged[one] != posted[one]:
                status = "not_posted"
            elif one in reported:
                status = _by_sign(reported[one] - logged[one], "missing_in_usage_api", "missing_in_logs")
            yield _status("recon_credit_burn", *one, status)

    def _logged(self) -> Counter[tuple[str, str, date]]:
        """Return usage less refunds by wallet and day, as in today's logs."""
        return _used_daily(self._draws, self._lots)

    def _posted(self) -> Counter[tuple[str, str, date]]:
        """Return the same as booked in the ledger: closed days as they were then."""
        now = self._logged()
        if not self.closing:
            return now
        first_open = self.closing.open_from.date()
        booked = _used_daily(self._booked_draws, self._booked_lots)
        posted: Counter[tuple[str, str, date]] = Counter()
        for days, is_open in ((booked, False), (now, True)):
            for one, cents in days.items():
                if (one[2] >= first_open) == is_open:
                    posted[one] = cents
        return posted


def _by_wallet(plan: Plan) -> tuple[dict[Wallet, list[Lot]], dict[Wallet, list[Draw]]]:
    """Assign every lot and draw to its wallet; draws without one go to the source's only wallet, or to `NOBODY`."""
    lots: dict[Wallet, list[Lot]] = {}
    draws: dict[Wallet, list[Draw]] = {}
    for lot in plan.lots:
        lots.setdefault((lot.source, lot.workspace), []).append(lot)
    for draw in plan.draws:
        workspace = draw.workspace
        if workspace is None:
            given = [name for source, name in lots if source == draw.source]
            workspace = given[0] if len(given) == 1 else NOBODY
        draws.setdefault((draw.source, workspace), []).append(draw)
    return lots, draws


def _redated(plan: Plan, closing: Closing) -> Plan:
    """Move calls of closed days that were unknown at the closing to the day they were found."""
    found_at = datetime.combine(closing.found_on, datetime.min.time(), UTC)
    draws = [
        replace(draw, at=found_at)
        if draw.at < closing.open_from and draw.known_on >= closing.known_days
        else draw
        for draw in plan.draws
    ]
    return replace(plan, draws=draws)


def _used_daily(
    draws: dict[Wallet, list[Draw]], lots: dict[Wallet, list[Lot]]
) -> Counter[tuple[str, str, date]]:
    found: Counter[tuple[str, str, date]] = Counter()
    for (source, workspace), mine in draws.items():
        for draw in mine:
            if not draw.is_correction:
                found[source, workspace, draw.at.date()] += draw.cents
    for (source, workspace), given in lots.items():
        for lot in given:
            if lot.kind == "refund":
                found[source, workspace, lot.at.date()] -= lot.cents
    return found


def _by_sign(difference: int, below: str, above: str) -> str:
    """Return the status of a difference; zero is matched."""
    if not difference:
        return "matched"
    return above if difference > 0 else below


def _subject(source: str, workspace: str, day: date) -> str:
    return f"{source}/{workspace}/{day}"


def _status(mart: str, source: str, workspace: str, day: date, status: str) -> dict[str, str]:
    return {"mart": mart, "subject": _subject(source, workspace, day), "status": status}
