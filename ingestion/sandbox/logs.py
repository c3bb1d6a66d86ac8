"""The gateway's logs, day by day: traffic, what it was charged, what went wrong, how it was delivered.

    for each day:  batches ─► rate ─► plant faults ─► lines ─► part / late files
                                          │                        └─► copies and corrections for tomorrow
                                          └─► ledger and control totals

One batch of rows is in memory at a time, whatever the size of the day.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ingestion.sandbox.delivery import (
    LATE_BY_DAYS,
    DayFiles,
    Resent,
    damage_of,
    damaged,
    is_late,
    is_late_day,
)
from ingestion.sandbox.faults import Charged, choose, honest, how_many, plant
from ingestion.sandbox.infron_log import lines, request_ids
from ingestion.sandbox.ledger import ControlTotals, Fault
from ingestion.sandbox.prices import MODELS, UNKNOWN_MODEL
from ingestion.sandbox.randomness import generator
from ingestion.sandbox.rating import Rated, rate, text
from ingestion.sandbox.tenants import Tenants
from ingestion.sandbox.traffic import SUCCESS, Requests, Spike, batches, date_of, expected_volume

_CORRECTED_BY = 41
"""Output tokens a correction adds."""


class LogWriter:
    """Writes the logs of a world and remembers what is true about them."""

    def __init__(self, home: Path, world: Tenants, days: int, requests_per_day: int, seed: int) -> None:
        self.home, self.world, self.days, self.seed = home, world, days, seed
        self.requests_per_day = requests_per_day
        self.faults: list[Fault] = []
        self.files: list[dict[str, Any]] = []
        self.totals = ControlTotals()
        self._key_ids = [key.api_key_id for key in world.keys]

    def write(self) -> None:
        """Write every day's files."""
        resent = Resent()
        for day in range(self.days):
            resent = self._write_day(day, resent)
        self.files.sort(key=lambda record: record["file"])

    def _write_day(self, day: int, resent: Resent) -> Resent:
        """Write one day and return what tomorrow's file brings again."""
        tomorrow, damage = Resent(), damage_of(day)
        late_arrives = is_late_day(day) and day + LATE_BY_DAYS < self.days
        self._spend = np.zeros(len(self.world.keys), dtype=np.int64)
        self._unknown = [0, 0]
        with ExitStack() as stack:
            files = stack.enter_context(DayFiles(self.home, day, "part"))
            late_files = stack.enter_context(DayFiles(self.home, day + LATE_BY_DAYS, "late"))
            victim = ""
            for number, (rows, spike) in enumerate(
                batches(self.world, self.seed, day, self.requests_per_day)
            ):
                rated = rate(self.world, rows)
                charged = honest(rows, rated)
                late = is_late(day, rows.at_ms) if spike is None else np.zeros(len(rows), dtype=bool)
                if number == 0:
                    self._plant(rows, rated, charged, late)
                written = lines(self.world, self.seed, rows, charged)
                if number == 0:
                    self._resend(rows, rated, charged, late, written, tomorrow)
                    victim = next((written[row] for row in np.flatnonzero(rows.status == SUCCESS)), "")
                files.add([line for line, waits in zip(written, late, strict=True) if not waits])
                if late_arrives:
                    late_files.add_late([line for line, waits in zip(written, late, strict=True) if waits])
                if number == 0 and victim and damage not in (None, "truncated"):
                    self._damage(files, day, victim, damage)
                self._count(rows, rated, charged, ~late | late_arrives, spike)
            files.add_resent(resent)
            if victim and damage == "truncated":
                self._damage(files, day, victim, damage)
        self._conclude(day, late_files if late_arrives else None)
        self.files += [asdict(record) for record in files.records + late_files.records]
        return tomorrow

    def _plant(self, rows: Requests, rated: Rated, charged: Charged, late: np.ndarray) -> None:
        """Let the gateway mischarge some of the day's rows and write each into the ledger."""
        ids = request_ids(self.seed, rows.day, rows.number)
        rng = generator(self.seed, "faults", rows.day, self.requests_per_day)
        for kind, row, right in plant(self.world, rng, rows, rated, charged, late):
            observed = int(charged.cost[row])
            self._note(
                kind,
                rows.day,
                str(ids[row]),
                expected=text(right),
                observed=text(observed),
                detail={"difference_usd": text(observed - right), "model": MODELS[rows.model[row]]},
            )

    def _resend(
        self,
        rows: Requests,
        rated: Rated,
        charged: Charged,
        late: np.ndarray,
        written: list[str],
        out: Resent,
    ) -> None:
        """Choose the rows that tomorrow's file repeats or corrects; the last day's are not delivered yet."""
        day, delivered = rows.day, rows.day + 1 < self.days
        rng = generator(self.seed, "resent", day, self.requests_per_day)
        ids = request_ids(self.seed, day, rows.number)
        eligible = charged.has_usage & ~late
        if day % 3 == 0:
            for row in choose(rng, rows, eligible, how_many(len(rows), 1000)):
                if delivered:
                    out.copies.append(written[row])
                    self._note(
                        "duplicate_delivery", day, str(ids[row]), detail={"delivered_on": _day(day + 1)}
                    )
        if day % 6 == 1:
            known = rows.model != MODELS.index(UNKNOWN_MODEL)
            picked = choose(rng, rows, eligible & known, how_many(len(rows), 2000))
            if delivered and len(picked):
                self._correct(rows, rated, charged, picked, ids, out)

    def _correct(
        self, rows: Requests, rated: Rated, charged: Charged, picked: np.ndarray, ids: np.ndarray, out: Resent
    ) -> None:
        """Send some rows again with more output tokens; the corrected row is the one that counts."""
        corrected = rows.take(picked)
        corrected.completion += _CORRECTED_BY
        new_rated = rate(self.world, corrected)
        new_charged = honest(corrected, new_rated)
        out.corrections += lines(self.world, self.seed, corrected, new_charged)
        chosen = np.zeros(len(rows), dtype=bool)
        chosen[picked] = True
        self.totals.add(rows, rated, charged, chosen, _day(rows.day), self._key_ids, sign=-1)
        everything = np.ones(len(corrected), dtype=bool)
        self.totals.add(corrected, new_rated, new_charged, everything, _day(rows.day), self._key_ids)
        for row, cost in zip(picked, new_charged.cost, strict=True):
            self._note(
                "revised_row",
                rows.day,
                str(ids[row]),
                expected=text(int(cost)),
                observed=text(int(charged.cost[row])),
                detail={"delivered_on": _day(rows.day + 1)},
            )

    def _damage(self, files: DayFiles, day: int, victim: str, damage: str) -> None:
        """Put a damaged line into the day's file."""
        place = files.add_damaged(damaged(victim, damage), damage)
        self._note("malformed_line", day, place, detail={"damage": damage})

    def _count(
        self, rows: Requests, rated: Rated, charged: Charged, delivered: np.ndarray, spike: Spike | None
    ) -> None:
        """Add a batch to the control totals and to the day's spend per key."""
        self.totals.add(rows, rated, charged, delivered, _day(rows.day), self._key_ids)
        used = delivered & charged.has_usage
        unknown = used & (rows.model == MODELS.index(UNKNOWN_MODEL))
        self._unknown[0] += int(unknown.sum())
        self._unknown[1] += int(charged.cost[unknown].sum())
        np.add.at(self._spend, rows.key[used & ~unknown], rated.cache_optimized[used & ~unknown])
        if spike is not None:
            key = self.world.keys[spike.key]
            self._note(
                spike.kind,
                rows.day,
                key.api_key_id,
                observed=text(int(rated.cache_optimized[used].sum())),
                detail={
                    "extra_requests": len(rows),
                    "usual_requests": round(expected_volume(key, rows.day, self.requests_per_day)),
                    "workspace_id": self.world.workspaces[key.workspace].workspace_id,
                },
            )

    def _conclude(self, day: int, late_files: DayFiles | None) -> None:
        """Write what only the whole day shows into the ledger: unpriced usage, new spenders, late files."""
        if self._unknown[0]:
            self._note(
                "unknown_model",
                day,
                UNKNOWN_MODEL,
                observed=text(self._unknown[1]),
                detail={"requests": self._unknown[0]},
            )
        for number, key in enumerate(self.world.keys):
            if key.first_day == day > 0:
                self._note("new_spender", day, key.api_key_id, observed=text(int(self._spend[number])))
        for record in late_files.records if late_files else []:
            detail = {"delivered_on": _day(day + LATE_BY_DAYS), "lines": record.lines}
            self._note("late_file", day, record.file, detail=detail)

    def _note(self, kind: str, day: int, subject: str, **rest: Any) -> None:
        """Write one fault into the ledger."""
        self.faults.append(Fault(kind, _day(day), subject, **rest))


def _day(day: int) -> str:
    """Return a day number's date as text."""
    return date_of(day).isoformat()
