"""Events found and incidents that were none, by kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import duckdb

from tests.evaluation.labels import ANSWERS, SPEND_KINDS, TOLD_ONCE, Label
from tests.evaluation.streams import DAYS
from tests.evaluation.world import World

LATE_DAYS = 3
"""An incident that begins this many days after an event's last day has still found it."""

SPEND_DETECTORS = frozenset(
    {"daily_spend", "slow_leak", "night_leak", "new_spender", "sparse_burst", "leaked_key"}
)


@dataclass(frozen=True)
class Incident:
    """One row of the detectors' incidents; days count from the world's first."""

    subject_type: str
    source: str
    api_key_id: str
    model: str
    detectors: tuple[str, ...]
    direction: str
    first: int
    last: int
    covers: frozenset[str] = frozenset()
    """The keys of a member, a workspace or a model whose spend it is about."""


@dataclass
class Score:
    """Sums over worlds."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    true_incidents: Counter[str] = field(default_factory=Counter)
    false_incidents: Counter[str] = field(default_factory=Counter)
    true_spend: int = 0
    false_spend: int = 0
    false_of_sparse: int = 0
    false_of_keys: int = 0
    sparse_months: float = 0.0
    key_months: float = 0.0
    missed: list[tuple[int, Label]] = field(default_factory=list)
    wrong: list[tuple[int, Incident, str]] = field(default_factory=list)

    def add(self, world: World, incidents: list[Incident]) -> None:
        """Score one world."""
        shapes = {key.api_key_id: key.shape for key in world.keys}
        for label in world.labels:
            self.planted[label.kind] += 1
            if any(answers(incident, label) for incident in incidents):
                self.found[label.kind] += 1
            else:
                self.missed.append((world.seed, label))
        told: set[Label] = set()
        for incident in sorted(incidents, key=lambda incident: incident.first):
            is_spend = bool(SPEND_DETECTORS & set(incident.detectors))
            if any(touches(incident, label) for label in world.labels):
                self.true_spend += is_spend
                for detector in incident.detectors:
                    self.true_incidents[detector] += 1
                continue
            once = next(
                (label for label in world.told_once if label not in told and touches(incident, label)), None
            )
            if once is not None:
                told.add(once)
                continue
            self.false_spend += is_spend
            for detector in incident.detectors:
                self.false_incidents[detector] += 1
            shape = shapes.get(incident.api_key_id, "")
            self.false_of_sparse += shape == "sparse"
            self.false_of_keys += incident.subject_type == "key"
            self.wrong.append((world.seed, incident, shape))
        self.sparse_months += sum(shape == "sparse" for shape in shapes.values()) * DAYS / 30
        self.key_months += len(shapes) * DAYS / 30

    def recall(self, kinds: tuple[str, ...] | None = None) -> float:
        chosen = kinds or tuple(self.planted)
        return sum(self.found[kind] for kind in chosen) / max(sum(self.planted[kind] for kind in chosen), 1)

    def spend_precision(self) -> float:
        return self.true_spend / max(self.true_spend + self.false_spend, 1)

    def precision(self) -> float:
        wrong = len(self.wrong)
        right = sum(self.found.values())
        return right / max(right + wrong, 1)


def touches(incident: Incident, label: Label) -> bool:
    """Whether the incident speaks of the label's subject and days."""
    if incident.source != label.source:
        return False
    if incident.first > label.last + LATE_DAYS or incident.last < label.first:
        return False
    if label.api_key_id and incident.covers:
        return label.api_key_id in incident.covers
    if label.api_key_id and incident.api_key_id:
        return incident.api_key_id == label.api_key_id
    if label.model and incident.model:
        return incident.model == label.model
    if label.api_key_id:  # a model's or a source's incident is not the key's, unless it is about its model
        return False
    if label.model:
        return (
            incident.subject_type == "key"
            and "error_storm" in incident.detectors
            and label.kind == "error_storm"
        )
    return incident.subject_type == "source"


def answers(incident: Incident, label: Label) -> bool:
    """Whether the incident has found the label: same subject and days, by a detector that is for its kind."""
    if (
        incident.covers
        or not touches(incident, label)
        or not set(ANSWERS[label.kind]) & set(incident.detectors)
    ):
        return False
    return label.kind != "drop" or incident.direction == "drop"


def incidents_of(session: duckdb.DuckDBPyConnection, world: World) -> list[Incident]:
    """Return the incidents that the detectors found in a world."""
    rows = session.execute(
        """
        select
            subject_type, subject_id, source, coalesce(workspace_id, ''), coalesce(api_key_id, ''), coalesce(model, ''),
            string_split(detectors, ', '), direction, first_date, last_date
        from fct_anomalies order by first_date, source, subject_type, subject_id, anomaly_id
        """
    ).fetchall()
    return [
        Incident(
            kind,
            source,
            key,
            model,
            tuple(detectors),
            direction,
            (first - world.first_date).days,
            (last - world.first_date).days,
            _keys_of(world, kind, subject, source, workspace) if "daily_spend" in detectors else frozenset(),
        )
        for kind, subject, source, workspace, key, model, detectors, direction, first, last in rows
    ]


def _keys_of(world: World, kind: str, subject: str, source: str, workspace: str) -> frozenset[str]:
    whose = {
        "member": lambda key: (key.workspace_id, key.member_id) == (workspace, subject),
        "workspace": lambda key: key.workspace_id == subject,
        "model": lambda key: subject in key.models,
    }.get(kind, lambda _: False)
    return frozenset(key.api_key_id for key in world.keys if key.source == source and whose(key))


def table(score: Score) -> str:
    """Return the result as a Markdown table."""
    lines = ["| kind | planted | found | recall |", "|---|---|---|---|"]
    for kind in ANSWERS:
        if score.planted[kind]:
            share = score.found[kind] / score.planted[kind]
            lines.append(f"| {kind} | {score.planted[kind]} | {score.found[kind]} | {share:.3f} |")
    lines += [
        "",
        f"spend kinds: precision {score.spend_precision():.3f}, recall {score.recall(SPEND_KINDS):.3f}",
        f"all kinds: precision {score.precision():.3f}, recall {score.recall():.3f}",
        f"false incidents per key and 30 days {score.false_of_keys / score.key_months:.4f}, "
        f"sparse keys {score.false_of_sparse / max(score.sparse_months, 1):.4f}",
        f"false by detector: {dict(score.false_incidents.most_common())}",
        f"told once: {', '.join(TOLD_ONCE)}",
    ]
    return "\n".join(lines)
