"""Incidents, silent sources, budgets and credits of the published marts as alerts.

Rulings: docs/decisions/alerts.md#alerts-3, docs/decisions/alerts.md#alerts-5, docs/decisions/alerts.md#alerts-6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.alerts.alert import Alert, Kind, hashed
from dagster_project.reports.incidents import RESOLVED, SHOWN_ID, Incident, money

#: Detector of sources whose delivery is overdue, here and in fct_anomalies.
SILENT = "silent_source"
#: Share of a budget, severity; the highest that is reached is sent.
THRESHOLDS = ((Decimal(1), "high"), (Decimal("0.8"), "medium"), (Decimal("0.5"), "low"))
#: Threshold of budgets whose forecast is above them.
FORECAST = "forecast"
#: Days until a wallet is empty, severity; the least that is reached is sent.
DAYS_LEFT = ((1, "high"), (7, "medium"))


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
        detector=incident.detectors,
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


def silent_sources(marts: duckdb.DuckDBPyConnection, incidents: Iterable[Incident]) -> Iterator[Alert]:
    """Yield sources whose delivery is overdue, except those of which an open incident says the same.

    Such an incident has the same subject and detector, so that it continues the alert if it is found later.

    Args:
        marts: the published marts; those of an earlier version may lack the table.
        incidents: the incidents of these marts.
    """
    known = {
        one.source for one in incidents if SILENT in of_incident(one).detectors and one.status != RESOLVED
    }
    try:
        rows = marts.sql(
            """
            select source, as_of_date, silent_since, silent_streams
            from rpt_source_status
            where silent_since is not null
            order by source
            """
        ).fetchall()
    except duckdb.CatalogException:
        return
    for source, as_of, since, streams in rows:
        if source not in known:
            yield Alert(
                id=hashed(SILENT, source, since),
                kind=Kind.INCIDENT,
                detector=SILENT,
                subject_type="source",
                subject_id=source,
                severity="high",
                status="open",
                title=f"{source} is silent: no delivery of {streams} since {as_of}",
                reason="a delivery was due by sources.yml, or by when it delivered before",
                next_step="tollbook doctor",
                numbers=(("last delivery", str(as_of)), ("due on", str(since))),
                source=source,
                direction="drop",
                first_date=since,
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


def credits(marts: duckdb.DuckDBPyConnection) -> Iterator[Alert]:
    """Yield wallets that run out within a day or a week, by what the last seven days used.

    Only wallets that ever had a grant, as of their last day. A grant begins a new period.

    Args:
        marts: the published marts; those of an earlier version may lack the table or the column.
    """
    try:
        rows = marts.sql(
            """
            select
                source, workspace_id, event_date, unit, run_out_date, closing_micro,
                run_out_date - event_date as days_left,
                max(case when granted_micro > 0 then event_date end) over wallet as granted_on
            from fct_credit_balances_daily
            window wallet as (partition by source, workspace_id)
            qualify event_date = max(event_date) over wallet and granted_on is not null and days_left <= $days
            order by all
            """,
            params={"days": max(days for days, _ in DAYS_LEFT)},
        )
    except (duckdb.CatalogException, duckdb.BinderException):
        return
    for row in (dict(zip(rows.columns, one, strict=True)) for one in rows.fetchall()):
        (days, severity), *longer = ((days, how) for days, how in DAYS_LEFT if row["days_left"] <= days)
        yield _wallet(row, days, severity, tuple(_wallet_id(row, one) for one, _ in longer))


def _wallet(row: dict[str, Any], days: int, severity: str, includes: tuple[str, ...]) -> Alert:
    unit = "units of quota" if row["unit"] == "quota" else "credits"
    last = row["run_out_date"] - timedelta(days=1)
    how_long = f"last until {last}" if row["closing_micro"] else "have run out"
    return Alert(
        id=_wallet_id(row, days),
        kind=Kind.BUDGET,
        detector="credit_run_out",
        subject_type="workspace",
        subject_id=row["workspace_id"],
        severity=severity,
        status="event",
        title=f"credits of {row['source']} {row['workspace_id']} {how_long}",
        reason="what is left, over the mean use of the seven days before",
        next_step="top up; `tollbook export usage --group-by key,model` says who uses them",
        numbers=(
            ("left", f"{Decimal(row['closing_micro']) / 1_000_000:,.0f} {unit}"),
            ("last day covered", str(last)),
            ("as of", str(row["event_date"])),
        ),
        source=row["source"],
        workspace_id=row["workspace_id"],
        first_date=row["event_date"],
        last_date=row["event_date"],
        includes=includes,
    )


def _wallet_id(row: dict[str, Any], days: int) -> str:
    return hashed("credit_run_out", row["source"], row["workspace_id"], row["granted_on"], days)


def _percent(share: Decimal | None) -> str:
    return "–" if share is None else f"{share:.1%}"
