"""The gateways' logs, day by day: a day's requests (day.py) in the format of every connector, and the truth.

    charged batches ─► lines per connector and stream ─► part / late files
          │                                               └─► copies and corrections for tomorrow
          └─► ledger and control totals, once for all connectors

One batch of rows is in memory at a time, whatever the size of the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ingestion.sandbox.gateways import CONNECTORS
from ingestion.sandbox.gateways.delivery import LATE_BY_DAYS, Delivery, Resent, damage_of, damaged
from ingestion.sandbox.gateways.infery import credits_used
from ingestion.sandbox.gateways.infron_log import request_ids
from ingestion.sandbox.world.day import Batch, charged_batches, is_late_day
from ingestion.sandbox.world.ledger import ControlTotals, Fault
from ingestion.sandbox.world.prices import MODELS, UNKNOWN_MODEL
from ingestion.sandbox.world.rating import text
from ingestion.sandbox.world.tenants import Tenants
from ingestion.sandbox.world.traffic import SUCCESS, date_of, expected_volume

Outlet = tuple[str, str]
"""A connector and one of its streams, by name."""

FROM_WALLETS = ("infery", "aisa")
"""Connectors whose calls draw on wallets when they are complete."""

_WORTH_A_LOOK = 10**12
"""Spend on a key's first day or in a spike counts as a finding only above a dollar; 10⁻¹² USD."""


@dataclass(frozen=True, slots=True)
class ChargedCall:
    """A delivered call, as corrected, and the credits Infery took for it."""

    workspace_id: str
    ended_ms: int
    credits: int
    day: int


class LogWriter:
    """Writes the logs of a world and records the truth about them."""

    def __init__(
        self,
        home: Path,
        world: Tenants,
        days: int,
        requests_per_day: int,
        seed: int,
        connectors: Sequence[str] = ("infron",),
    ) -> None:
        self.home, self.world, self.days, self.seed = home, world, days, seed
        self.requests_per_day = requests_per_day
        self.faults: list[Fault] = []
        self.files: list[dict[str, Any]] = []
        self.totals = ControlTotals()
        self.charged_calls: list[ChargedCall] = []
        self.last_ended_ms = 0
        self._connectors = [CONNECTORS[name] for name in connectors]
        self._key_ids = [key.api_key_id for key in world.keys]

    def write(self) -> None:
        """Write every day's files."""
        resent: dict[Outlet, Resent] = {}
        for day in range(self.days):
            resent = self._write_day(day, resent)
        self.files.sort(key=lambda record: record["file"])

    def _write_day(self, day: int, resent: dict[Outlet, Resent]) -> dict[Outlet, Resent]:
        """Write one day and return the lines the next day's files repeat."""
        late_arrives = is_late_day(day) and day + LATE_BY_DAYS < self.days
        self._spend = np.zeros(len(self.world.keys), dtype=np.int64)
        self._unknown = [0, 0]
        with ExitStack() as stack:
            deliveries = {
                (connector.name, stream.name): stack.enter_context(
                    Delivery(self.home, connector, stream, day, late_arrives=late_arrives)
                )
                for connector in self._connectors
                for stream in connector.streams
            }
            victim = ""
            for batch in charged_batches(self.world, self.seed, day, self.requests_per_day):
                self._note_planted(batch)
                corrections = batch.corrections()
                self._note_resent(batch, corrections)
                for outlet, delivery in deliveries.items():
                    lines = delivery.stream.lines(batch)
                    delivery.add(lines, batch.late)
                    if day + 1 < self.days:
                        delivery.send_again(lines, batch.copied, delivery.stream.lines(corrections))
                    if outlet == ("infron", "logs") and not victim:
                        succeeded = np.flatnonzero(batch.rows.status == SUCCESS)
                        victim = next((lines[row] or "" for row in succeeded), "")
                        self._damage(delivery, day, victim, at_the_end=False)
                self._count(batch, ~batch.late | late_arrives)
                self._meter(batch, corrections if day + 1 < self.days else None, ~batch.late | late_arrives)
            for outlet, delivery in deliveries.items():
                delivery.files.add_resent(resent.get(outlet, Resent()))
                if outlet == ("infron", "logs"):
                    self._damage(delivery, day, victim, at_the_end=True)
        self._conclude(day, deliveries.values())
        self.files += [asdict(record) for delivery in deliveries.values() for record in delivery.records]
        return {outlet: delivery.tomorrow for outlet, delivery in deliveries.items()}

    def _note_planted(self, batch: Batch) -> None:
        """Write each mischarged row into the ledger."""
        rows, charged = batch.rows, batch.charged
        ids = request_ids(self.seed, rows.day, rows.number)
        for kind, row, right in batch.planted:
            observed = int(charged.cost[row])
            self._note(
                kind,
                rows.day,
                str(ids[row]),
                expected=text(right),
                observed=text(observed),
                detail={"difference_usd": text(observed - right), "model": MODELS[rows.model[row]]},
            )

    def _note_resent(self, batch: Batch, corrections: Batch) -> None:
        """Record what the next day repeats or corrects; the last day's is not delivered yet.

        A corrected row is the one that counts.
        """
        rows, day = batch.rows, batch.rows.day
        if day + 1 >= self.days:
            return
        ids = request_ids(self.seed, day, rows.number)
        for row in batch.copied:
            self._note("duplicate_delivery", day, str(ids[row]), detail={"delivered_on": _day(day + 1)})
        if not len(batch.corrected):
            return
        chosen = np.zeros(len(rows), dtype=bool)
        chosen[batch.corrected] = True
        everything = np.ones(len(corrections.rows), dtype=bool)
        self.totals.add(rows, batch.rated, batch.charged, chosen, _day(day), self._key_ids, sign=-1)
        self.totals.add(
            corrections.rows, corrections.rated, corrections.charged, everything, _day(day), self._key_ids
        )
        for row, cost in zip(batch.corrected, corrections.charged.cost, strict=True):
            self._note(
                "revised_row",
                day,
                str(ids[row]),
                expected=text(int(cost)),
                observed=text(int(batch.charged.cost[row])),
                detail={"delivered_on": _day(day + 1)},
            )

    def _damage(self, delivery: Delivery, day: int, victim: str, *, at_the_end: bool) -> None:
        """Put the day's damaged line into its file; a truncated one comes at the very end."""
        damage = damage_of(day)
        if victim and damage and (damage == "truncated") == at_the_end:
            place = delivery.files.add_damaged(damaged(victim, damage), damage)
            self._note("malformed_line", day, place, detail={"damage": damage})

    def _count(self, batch: Batch, delivered: np.ndarray) -> None:
        """Add a batch to the control totals and to the day's spend per key."""
        rows, rated, charged, spike = batch.rows, batch.rated, batch.charged, batch.spike
        self.totals.add(rows, rated, charged, delivered, _day(rows.day), self._key_ids)
        used = delivered & charged.has_usage
        unknown = used & (rows.model == MODELS.index(UNKNOWN_MODEL))
        self._unknown[0] += int(unknown.sum())
        self._unknown[1] += int(charged.cost[unknown].sum())
        np.add.at(self._spend, rows.key[used & ~unknown], rated.cache_optimized[used & ~unknown])
        spent = int(rated.cache_optimized[used].sum())
        # The last day is incomplete, so anomalies of it are not found yet.
        if spike is not None and spent > _WORTH_A_LOOK and rows.day + 1 < self.days:
            key = self.world.keys[spike.key]
            self._note(
                spike.kind,
                rows.day,
                key.api_key_id,
                observed=text(spent),
                detail={
                    "extra_requests": len(rows),
                    "usual_requests": round(expected_volume(key, rows.day, self.requests_per_day)),
                    "workspace_id": self.world.workspaces[key.workspace].workspace_id,
                },
            )

    def _meter(self, batch: Batch, corrections: Batch | None, delivered: np.ndarray) -> None:
        """Record the draws of delivered calls on wallets, and the end of the last call of any wallet."""
        names = {connector.name for connector in self._connectors}
        if not names & {*FROM_WALLETS}:
            return
        corrected = {call.request_id: call for call in corrections.calls} if corrections else {}
        for first, is_delivered in zip(batch.calls, delivered, strict=True):
            call = corrected.get(first.request_id, first)
            if is_delivered and (call.has_usage or "aisa" in names):
                self.last_ended_ms = max(self.last_ended_ms, call.ended_ms)
            if is_delivered and call.has_usage and "infery" in names:
                credits = credits_used(call)
                self.charged_calls.append(
                    ChargedCall(call.workspace_id, call.ended_ms, credits, batch.rows.day)
                )

    def _conclude(self, day: int, deliveries: Iterable[Delivery]) -> None:
        """Record what only the whole day shows: unpriced usage, new spenders, late files."""
        if self._unknown[0]:
            self._note(
                "unknown_model",
                day,
                UNKNOWN_MODEL,
                observed=text(self._unknown[1]),
                detail={"requests": self._unknown[0]},
            )
        for number, key in enumerate(self.world.keys):
            spent = int(self._spend[number])
            if key.first_day == day > 0 and spent > _WORTH_A_LOOK:
                self._note("new_spender", day, key.api_key_id, observed=text(spent))
        for delivery in deliveries:
            for record in delivery.late_files.records:
                detail = {"delivered_on": _day(day + LATE_BY_DAYS), "lines": record.lines}
                self._note("late_file", day, record.file, detail=detail)

    def _note(self, kind: str, day: int, subject: str, **rest: Any) -> None:
        """Write one fault into the ledger."""
        self.faults.append(Fault(kind, _day(day), subject, **rest))


def _day(day: int) -> str:
    """Return a day number's date as text."""
    return date_of(day).isoformat()
