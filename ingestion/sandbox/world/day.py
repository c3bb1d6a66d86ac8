"""One day's requests as received and charged by the gateway, before they are written in a format.

    traffic ─► rate ─► correct charges ─► planted mischarges ─► late, repeated and corrected rows

Everything that writes a day (files of any connector, rows of a loopback server) reads it from here, so that all have
the same requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ingestion.sandbox.world.calls import Call, calls
from ingestion.sandbox.world.faults import Charged, choose, honest, how_many, plant
from ingestion.sandbox.world.prices import MODELS, UNKNOWN_MODEL
from ingestion.sandbox.world.randomness import generator
from ingestion.sandbox.world.rating import Rated, rate
from ingestion.sandbox.world.tenants import Tenants
from ingestion.sandbox.world.traffic import Requests, Spike, batches

LATE_HOUR = 13
_CORRECTED_BY = 41
"""Output tokens a correction adds."""
_NOBODY = np.empty(0, dtype=np.int64)


@dataclass
class Batch:
    """Some requests of a day with their charges and faults.

    Attributes:
        late: Mask of rows delivered days later.
        spike: The planted spike, if these rows are one.
        planted: Mischarged rows: (kind, row, right cost in 10⁻¹² USD).
        copied: Rows a later delivery repeats.
        corrected: Rows a later delivery corrects.
    """

    world: Tenants
    seed: int
    rows: Requests
    rated: Rated
    charged: Charged
    late: np.ndarray
    spike: Spike | None = None
    planted: list[tuple[str, int, int]] = field(default_factory=list)
    copied: np.ndarray = field(default_factory=_NOBODY.copy)
    corrected: np.ndarray = field(default_factory=_NOBODY.copy)

    @cached_property
    def calls(self) -> list[Call]:
        """The rows one by one, with all fields by name."""
        return calls(self.world, self.seed, self.rows, self.charged)

    def corrections(self) -> Batch:
        """Return the rows to be corrected, as they should have been: they had more output tokens."""
        rows = self.rows.take(self.corrected)
        rows.completion += _CORRECTED_BY
        rated = rate(self.world, rows)
        on_time = np.zeros(len(rows), dtype=bool)
        return Batch(self.world, self.seed, rows, rated, honest(rows, rated), on_time)

    def latest(self) -> list[Call]:
        """Return the calls with their corrections."""
        after = {call.request_id: call for call in self.corrections().calls}
        return [after.get(call.request_id, call) for call in self.calls]


def charged_batches(world: Tenants, seed: int, day: int, requests_per_day: int) -> Iterator[Batch]:
    """Yield a day's batches; faults are in the first; in a small world that is all but the spikes."""
    for number, (rows, spike) in enumerate(batches(world, seed, day, requests_per_day)):
        rated = rate(world, rows)
        charged = honest(rows, rated)
        late = is_late(day, rows.at_ms) if spike is None else np.zeros(len(rows), dtype=bool)
        batch = Batch(world, seed, rows, rated, charged, late, spike)
        if number == 0:
            rng = generator(seed, "faults", day, requests_per_day)
            batch.planted = list(plant(world, rng, rows, rated, charged, late))
            batch = _chosen_to_come_again(batch, generator(seed, "resent", day, requests_per_day))
        yield batch


def is_late_day(day: int) -> bool:
    """Return whether one hour of this day is delivered days later."""
    return day % 11 == 5


def is_late(day: int, at_ms: np.ndarray) -> np.ndarray:
    """Return which of a day's requests are delivered late."""
    if not is_late_day(day):
        return np.zeros(len(at_ms), dtype=bool)
    return at_ms // 3_600_000 == LATE_HOUR


def _chosen_to_come_again(batch: Batch, rng: np.random.Generator) -> Batch:
    """Choose the rows that the next day's delivery repeats or corrects."""
    rows, day = batch.rows, batch.rows.day
    eligible = batch.charged.has_usage & ~batch.late
    copied = corrected = _NOBODY
    if day % 3 == 0:
        copied = choose(rng, rows, eligible, how_many(len(rows), 1000))
    if day % 6 == 1:
        known = rows.model != MODELS.index(UNKNOWN_MODEL)
        corrected = choose(rng, rows, eligible & known, how_many(len(rows), 2000))
    return replace(batch, copied=copied, corrected=corrected)
