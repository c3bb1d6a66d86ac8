"""Acknowledge incidents and suppress alerts until a day.

Both are configuration tables of the home, config/incident_acknowledgements.csv and config/alert_suppressions.csv, which
can also be edited by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import ValidationError

from dagster_project.alerts.alert import Alert
from ingestion.config.own import own_rows, put_row
from ingestion.config.rows import AlertSuppression, IncidentAcknowledgement
from ingestion.home import Home

ACKNOWLEDGEMENTS, SUPPRESSIONS = "incident_acknowledgements", "alert_suppressions"


@dataclass(frozen=True)
class Silence:
    """The acknowledgements and suppressions of one day.

    Attributes:
        acknowledged: ids of acknowledged alerts.
        suppressed: rows of alert_suppressions.
    """

    acknowledged: frozenset[str]
    suppressed: tuple[dict[str, Any], ...]

    def is_acknowledged(self, alert: Alert) -> bool:
        """Return whether an alert is acknowledged."""
        return alert.id in self.acknowledged

    def is_suppressed(self, alert: Alert) -> bool:
        """Return whether an alert is suppressed."""
        return any(
            (row["detector"] is None or row["detector"] in alert.detectors)
            and all(
                row[name] is None or row[name] == getattr(alert, name)
                for name in ("subject_type", "subject_id", "source")
            )
            for row in self.suppressed
        )


def silence(home: Home, day: date) -> Silence:
    """Return the acknowledgements and suppressions of a day.

    Raises:
        OwnTableError: one of the two files cannot be used.
    """
    known = own_rows(home, ACKNOWLEDGEMENTS)
    return Silence(
        frozenset(row["anomaly_id"] for row in known if row["until_date"] >= day),
        tuple(row for row in own_rows(home, SUPPRESSIONS) if row["until_date"] >= day),
    )


def acknowledge(home: Home, alert: str, until: date, reason: str) -> None:
    """Acknowledge an alert: until the end of that day no digest lists it as still open.

    Raises:
        OwnTableError: the file cannot be used as it is.
        ValueError: the reason is empty.
    """
    row = IncidentAcknowledgement(anomaly_id=alert, until_date=until.isoformat(), reason=reason.strip())
    put_row(home, ACKNOWLEDGEMENTS, row)


def suppress(
    home: Home,
    until: date,
    reason: str,
    detector: str | None = None,
    subject_type: str | None = None,
    subject_id: str | None = None,
    source: str | None = None,
) -> None:
    """Suppress matching alerts until the end of a day; those still open are sent after it.

    Raises:
        OwnTableError: the file cannot be used as it is.
        ValueError: it would suppress everything, or the reason is empty.
    """
    row = AlertSuppression(
        detector=detector,
        subject_type=subject_type,
        subject_id=subject_id,
        source=source,
        until_date=until.isoformat(),
        reason=reason.strip(),
    )
    put_row(home, SUPPRESSIONS, row)


def explained(error: Exception) -> str:
    """Return in a sentence what is wrong with a row or a file."""
    if isinstance(error, ValidationError):
        faults = error.errors(include_url=False)
        return "; ".join(
            ": ".join([*(str(part) for part in fault["loc"]), fault["msg"].removeprefix("Value error, ")])
            for fault in faults
        )
    return str(error)
