"""Incidents and budgets of the published marts as alerts.

Rulings: docs/decisions/alerts.md#alerts-3.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.alerts.alert import Alert, Kind, hashed
from dagster_project.reports.incidents import SHOWN_ID, Incident, money

#: Share of a budget, severity; the highest that is reached is sent.
THRESHOLDS = ((Decimal(1), "high"), (Decimal("0.8"), "medium"), (Decimal("0.5"), "low"))
#: Threshold of budgets whose forecast is above them.
FORECAST = "forecast"


def of_incident(incident: Incident) -> Alert:
    """Return an incident as an alert."""
    numbers = [
        (name, f"{money(amount)} USD")
        for name, amount in (
            ("expected", incident.expected_usd),
            ("seen", incident.seen_usd),
            ("excess", incident.excess_usd),
        )
        if amount is not None
    ]
    numbers.append(("days", incident.days))
    where = f" ({incident.where})" if incident.where else ""
    return Alert(
        id=incident.anomaly_id,
        kind=Kind.INCIDENT,
        detector=incident.detector,
        subject_type=incident.subject_type or "key",
        subject_id=incident.subject_id,
        severity=incident.severity,
        status=incident.status,
        title=f"{incident.what}: {incident.subject}{where}",
        reason=incident.contributors or "",
        next_step=f"tollbook incidents {incident.anomaly_id[:SHOWN_ID]}",
        numbers=tuple(numbers),
        source=incident.source,
        workspace_id=incident.workspace_id,
        direction=incident.direction,
        first_date=incident.first_date,
        last_date=incident.last_date,
    )


def budgets(marts: duckdb.DuckDBPyConnection, with_last_month: bool) -> Iterator[Alert]:
    """Yield budgets that have reached 50, 80 or 100 %, and those whose forecast is above 100 %.

    Args:
        marts: the published marts; those of an earlier version may lack the table.
        with_last_month: include the month before the current one, whose last days are delivered late.
    """
    try:
        rows = marts.sql(
            """
            select
                allowance_id, source, scope, subject, billing_month, is_current_month, as_of_date, allowance, used,
                used_share, forecast, forecast_share, unpriced_requests
            from rpt_budgets
            where kind = 'budget'
            qualify
                is_current_month
                or billing_month = cast(max(billing_month) over () - interval 1 month as date)
            order by all
            """
        )
    except duckdb.CatalogException:
        return
    for row in (dict(zip(rows.columns, one, strict=True)) for one in rows.fetchall()):
        if not (row["is_current_month"] or with_last_month):
            continue
        reached = [(share, severity) for share, severity in THRESHOLDS if (row["used_share"] or 0) >= share]
        if reached:
            (share, severity), *lower = reached
            yield _budget(
                row, f"{share:.0%}", severity, tuple(_budget_id(row, f"{one:.0%}") for one, _ in lower)
            )
        if (row["forecast_share"] or 0) > 1 > (row["used_share"] or 0) and row["is_current_month"]:
            yield _budget(row, FORECAST, "medium", ())


def _budget(row: dict[str, Any], threshold: str, severity: str, includes: tuple[str, ...]) -> Alert:
    whose = "" if row["scope"] == "all" else f" ({row['scope']} {row['subject']})"
    month: date = row["billing_month"]
    of = f"budget {row['allowance_id']}{whose}, {month:%Y-%m}"
    what = f"{of}: may be overspent" if threshold == FORECAST else f"{of}: {threshold} used"
    numbers = [
        ("budget", f"{money(row['allowance'])} USD"),
        ("used", f"{money(row['used'])} USD, {_percent(row['used_share'])}"),
        *(
            [("forecast", f"{money(row['forecast'])} USD, {_percent(row['forecast_share'])}")]
            if row["forecast"]
            else []
        ),
        ("as of", str(row["as_of_date"])),
    ]
    if row["unpriced_requests"]:
        numbers.append(("not counted", f"{row['unpriced_requests']:,} requests without a price"))
    return Alert(
        id=_budget_id(row, threshold),
        kind=Kind.BUDGET,
        detector="budget",
        subject_type="budget",
        subject_id=row["allowance_id"],
        severity=severity,
        status="event",
        title=what,
        reason=(
            "used so far plus the mean of the last complete days for each day to come"
            if threshold == FORECAST
            else "cache-optimized cost of the month so far"
        ),
        next_step=(
            f"tollbook export usage --from {month} --to {row['as_of_date']} --group-by key,model --out usage.csv"
        ),
        numbers=tuple(numbers),
        source=row["source"],
        workspace_id=row["subject"] if row["scope"] == "workspace" else None,
        first_date=month,
        last_date=row["as_of_date"],
        includes=includes,
    )


def _budget_id(row: dict[str, Any], threshold: str) -> str:
    period = (row["allowance_id"], row["source"], row["scope"], row["subject"], row["billing_month"])
    return hashed("budget", *period, threshold)


def _percent(share: Decimal | None) -> str:
    return "–" if share is None else f"{share:.1%}"
