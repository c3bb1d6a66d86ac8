"""Alerts of a run: it failed, was held back, a check failed, a source is held back; and that no run finished in time.

A sentence of a run is `<subject>: <what was found>`. The subject identifies the alert; what was found may change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from dagster_project.alerts.alert import Alert, Kind, hashed
from dagster_project.books.publishing import confirmed_at
from dagster_project.clock import STALE_AFTER
from ingestion.home import Home

#: Detectors of these alerts, for routes and suppressions.
FAILED, HELD_BACK, CHECK, FINDING = "night_failed", "night_held_back", "check_failed", "finding"
SOURCE_HELD_BACK, NOT_FETCHED, VANISHED, HEARTBEAT = (
    "source_held_back",
    "not_fetched",
    "files_vanished",
    "heartbeat",
)


@dataclass(frozen=True)
class NightFacts:
    """How a run ended.

    Attributes:
        is_published: whether the marts were published, changed or not.
        failed: failed steps with their messages; empty if a failed check held the run back.
        failed_checks: checks that held publishing back, each `asset: check: what was found`.
        findings: failed checks that do not hold it back, in the same form.
        held_back: sources held back, each `source: why`.
        not_fetched: usage APIs and Stripe that did not answer.
        vanished: sources that lost files.
    """

    is_published: bool
    failed: Sequence[tuple[str, str]] = ()
    failed_checks: Sequence[str] = ()
    findings: Sequence[str] = ()
    held_back: Sequence[str] = ()
    not_fetched: Sequence[str] = ()
    vanished: Sequence[str] = ()


def of_night(night: NightFacts) -> Iterator[Alert]:
    """Yield the alerts of a run."""
    for step, message in night.failed:
        yield _matter(
            Kind.NIGHT, FAILED, "high", step, f"the night failed in {step}", message, "tollbook run"
        )
    if night.failed_checks and not night.failed:
        yield _matter(
            Kind.NIGHT,
            HELD_BACK,
            "high",
            "publication",
            "the night is held back: the marts are those of an earlier night",
            "; ".join(night.failed_checks),
            "tollbook doctor",
        )
    for sentence in night.failed_checks:
        subject, what = _parted(sentence, 2)
        yield _matter(Kind.CHECK, CHECK, "high", subject, f"check failed: {subject}", what, "tollbook doctor")
    for sentence in night.findings:
        subject, what = _parted(sentence, 2)
        yield _matter(Kind.CHECK, FINDING, "medium", subject, f"finding: {subject}", what, "tollbook doctor")
    for detector, severity, sentences, said in (
        (SOURCE_HELD_BACK, "high", night.held_back, "source held back"),
        (NOT_FETCHED, "medium", night.not_fetched, "not fetched"),
        (VANISHED, "medium", night.vanished, "files have vanished"),
    ):
        for sentence in sentences:
            subject, what = _parted(sentence, 1)
            yield _matter(
                Kind.CHECK,
                detector,
                severity,
                subject,
                f"{said}: {subject}",
                what,
                "tollbook doctor",
                subject,
            )


def of_heartbeat(home: Home, now: datetime) -> Iterator[Alert]:
    """Yield that no run has finished in time, if anything was ever published or delivered."""
    confirmed = confirmed_at(home)
    if confirmed is None and not home.landing.is_dir():
        return
    if confirmed is not None and now - confirmed <= STALE_AFTER:
        return
    since = f"{confirmed:%Y-%m-%d %H:%M} UTC" if confirmed else "never"
    yield Alert(
        id=hashed(HEARTBEAT, since),
        kind=Kind.HEARTBEAT,
        detector=HEARTBEAT,
        subject_type="night",
        subject_id=None,
        severity="high",
        status="open",
        title="no night has finished in time",
        reason=f"a night should finish within {STALE_AFTER.total_seconds() / 3600:.0f} hours of the last",
        next_step="tollbook doctor",
        numbers=(("last finished night", since),),
    )


def _parted(sentence: str, parts: int) -> tuple[str, str]:
    """Split a sentence into subject and what was found."""
    split = sentence.split(": ", parts)
    if len(split) <= parts:
        return split[0], ": ".join(split[1:]) or sentence
    return ": ".join(split[:parts]), split[parts]


def _matter(
    kind: Kind,
    detector: str,
    severity: str,
    subject: str,
    title: str,
    reason: str,
    next_step: str,
    source: str | None = None,
) -> Alert:
    return Alert(
        id=hashed(detector, subject),
        kind=kind,
        detector=detector,
        subject_type="source" if source else kind.value,
        subject_id=subject,
        severity=severity,
        status="open",
        title=title,
        reason=reason,
        next_step=next_step,
        source=source,
    )
