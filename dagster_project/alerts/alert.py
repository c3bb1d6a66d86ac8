"""An alert: an incident, a budget, a run that failed, a check that failed, a source that is held back.

Its id stays the same from run to run. Reads and writes nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, Literal

from ingestion.redaction import masked

Status = Literal["open", "acknowledged", "resolved", "event"]


class Kind(StrEnum):
    """Where an alert comes from."""

    INCIDENT = "incident"
    BUDGET = "budget"
    NIGHT = "night"
    CHECK = "check"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True)
class Alert:
    """One thing that somebody should know.

    Attributes:
        id: a hash, or the anomaly_id of an incident.
        kind: where it comes from.
        detector: what found it; several names with commas.
        subject_type: key, member, workspace, group, model, source, budget, check or night.
        subject_id: which one; None for calls that name none.
        severity: low, medium or high.
        status: open, acknowledged, resolved; event for what cannot be resolved.
        title: what happened, as a clause.
        reason: what explains it.
        next_step: the command to run next, or what to do.
        numbers: pairs of a name and a figure, as text.
        source: gateway; None where it is not about one.
        workspace_id: workspace; None where it is not about one.
        direction: spike or drop; None for other things.
        first_date: first day, UTC.
        last_date: last day, UTC; None where it has none, or goes on.
        includes: ids of alerts that this one makes unnecessary, such as lower thresholds of a budget.
    """

    id: str
    kind: Kind
    detector: str
    subject_type: str
    subject_id: str | None
    severity: str
    status: Status
    title: str
    reason: str = ""
    next_step: str = ""
    numbers: tuple[tuple[str, str], ...] = ()
    source: str | None = None
    workspace_id: str | None = None
    direction: str | None = None
    first_date: date | None = None
    last_date: date | None = None
    includes: tuple[str, ...] = ()

    @property
    def detectors(self) -> frozenset[str]:
        """Every detector by its own name."""
        return frozenset(name.strip() for name in self.detector.split(",") if name.strip())

    def without_secrets(self) -> Alert:
        """Return the same with `[secret]` for what looks like a secret; messages of errors may quote one."""
        return replace(self, title=masked(self.title), reason=masked(self.reason))

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        days = {
            name: value.isoformat() if value else None
            for name, value in (("first_date", self.first_date), ("last_date", self.last_date))
        }
        return {**asdict(self), **days}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Alert:
        """Return what `as_json` wrote; names that a later version added are left out."""
        known = {name: value for name, value in said.items() if name in cls.__dataclass_fields__}
        for name in ("first_date", "last_date"):
            known[name] = date.fromisoformat(known[name]) if known.get(name) else None
        known["numbers"] = tuple((name, figure) for name, figure in known.get("numbers", ()))
        known["includes"] = tuple(known.get("includes", ()))
        return cls(**{**known, "kind": Kind(known["kind"])})


def hashed(*parts: object) -> str:
    """Return a short name of several parts; equal parts give equal names."""
    return hashlib.sha256(repr([str(part) for part in parts]).encode()).hexdigest()[:24]
