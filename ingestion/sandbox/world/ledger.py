"""The truth about a sandbox world: every planted fault, and the control totals that the marts must have.

Amounts are text: USD with up to twelve decimals, or the invoice's own currency for billing faults.
`truth.json` is this module's `Truth`, as JSON.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ingestion.sandbox.world.faults import Charged
from ingestion.sandbox.world.prices import MODELS, UNKNOWN_MODEL
from ingestion.sandbox.world.rating import Rated, text
from ingestion.sandbox.world.traffic import STATUSES, Requests

TIERS = ("list", "discounted", "cache_optimized", "reported")
_COUNTS = (
    "requests",
    "with_usage",
    "unpriced",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
)


@dataclass(frozen=True)
class Fault:
    """One planted fault: its kind, day and subject.

    `expected` is what should have been, `observed` what the world shows; both are amounts as text where
    money is concerned, `status` is the reconciliation status a billing fault must end in.
    """

    kind: str
    day: str
    subject: str
    expected: str | None = None
    observed: str | None = None
    status: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass
class Totals:
    """Counts and sums; sums are 10⁻¹² USD, the three computed tiers over priced rows only."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TIERS, 0))

    def add(self, rows: Requests, rated: Rated, charged: Charged, chosen: np.ndarray, sign: int = 1) -> None:
        """Add the chosen rows (a mask); `sign` -1 subtracts them."""
        used = chosen & charged.has_usage
        priced = used & (rows.model != MODELS.index(UNKNOWN_MODEL))
        written = rows.written_5m + rows.written_1h
        for name, value in (
            ("requests", chosen.sum()),
            ("with_usage", used.sum()),
            ("unpriced", (used & ~priced).sum()),
            ("input_tokens", rows.prompt[used].sum()),
            ("output_tokens", rows.completion[used].sum()),
            ("cache_read_tokens", rows.cached[used].sum()),
            ("cache_write_tokens", written[used].sum()),
        ):
            self.counts[name] += sign * int(value)
        for name, column in (
            ("list", rated.list[priced]),
            ("discounted", rated.discounted[priced]),
            ("cache_optimized", rated.cache_optimized[priced]),
            ("reported", charged.cost[used]),
        ):
            self.sums[name] += sign * int(column.sum())

    def as_json(self) -> dict[str, Any]:
        """Return counts as numbers and sums as text in USD."""
        return self.counts | {f"{name}_usd": text(value) for name, value in self.sums.items()}


class ControlTotals:
    """Totals of the delivered, deduplicated, latest rows: whole, per status, per day and per key."""

    def __init__(self) -> None:
        self.whole = Totals()
        self.by_status: dict[str, Totals] = {}
        self.by_day: dict[str, Totals] = {}
        self.by_key: dict[str, Totals] = {}

    def add(
        self,
        rows: Requests,
        rated: Rated,
        charged: Charged,
        chosen: np.ndarray,
        day: str,
        key_ids: list[str],
        sign: int = 1,
    ) -> None:
        """Add the chosen rows of one day to every breakdown."""
        self.whole.add(rows, rated, charged, chosen, sign)
        self.by_day.setdefault(day, Totals()).add(rows, rated, charged, chosen, sign)
        for number, status in enumerate(STATUSES):
            self.by_status.setdefault(status, Totals()).add(
                rows, rated, charged, chosen & (rows.status == number), sign
            )
        for number in np.unique(rows.key[chosen]):
            mine = chosen & (rows.key == number)
            self.by_key.setdefault(key_ids[number], Totals()).add(rows, rated, charged, mine, sign)

    def as_json(self) -> dict[str, Any]:
        """Return every breakdown."""
        parts = {"by_status": self.by_status, "by_day": self.by_day, "by_key": self.by_key}
        return self.whole.as_json() | {
            name: {label: totals.as_json() for label, totals in sorted(part.items())}
            for name, part in parts.items()
        }


@dataclass
class Truth:
    """The content of `truth.json`.

    `world` holds the arguments and the span, `events` the control totals of the logs, `files` one record per log file
    (lines, and how many of them are rejects, duplicates, revisions), `billing` the control totals of invoices and
    payments, `credits` the result of the credit wallets, `faults` the ledger.
    """

    world: dict[str, Any]
    events: dict[str, Any]
    files: list[dict[str, Any]]
    billing: dict[str, Any]
    credits: dict[str, Any]
    faults: list[Fault]

    def as_json(self) -> str:
        """Return the truth as indented JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    def of_kind(self, kind: str) -> list[Fault]:
        """Return the faults of one kind."""
        return [fault for fault in self.faults if fault.kind == kind]
