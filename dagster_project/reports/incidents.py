"""Incidents of fct_anomalies, one by one: what was seen against what was expected, what explains it, how it went on.

published fct_anomalies + acknowledgements of config/ → incidents → lines with a chart, or JSON. A column that the
published table lacks is None, so that a home of an earlier version can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.books.published import published
from dagster_project.clock import today
from ingestion.config.own import own_rows
from ingestion.home import Home

MART = "fct_anomalies"
OPEN, ACKNOWLEDGED, RESOLVED = "open", "acknowledged", "resolved"
SEVERITIES = ("low", "medium", "high")
#: Shown characters of an id, which is a hash.
SHOWN_ID = 12
_DAYS_BEFORE, _DAYS_AFTER, _MOST_DAYS = 14, 7, 60
_BAR = 32
_CENTS = Decimal("0.01")

#: Detectors of what goes up as well as down; the others say it by their name.
_DIRECTED = ("daily_spend", "price_change", "ratio_shift")
#: Rollup and column of each kind of subject.
_ROLLUPS = {
    "key": ("rpt_usage_by_key_daily", "api_key_id"),
    # The rollup by member leaves out what members call by keys.
    "member": ("fct_usage_daily", "member_id"),
    "workspace": ("rpt_usage_by_workspace_daily", "workspace_id"),
    "group": ("rpt_usage_by_group_daily", "group_name"),
    "model": ("rpt_usage_by_model_daily", "model_served"),
    "source": ("rpt_usage_by_workspace_daily", "source"),
}


class NoSuchIncident(LookupError):
    """No incident has this id, or several begin like it."""


@dataclass(frozen=True)
class Incident:
    """One row of fct_anomalies; money in USD, exact; None is what the published table does not say."""

    anomaly_id: str
    detector: str
    detectors: str
    subject_type: str | None
    subject_id: str | None
    source: str | None
    workspace_id: str | None
    api_key_id: str | None
    model: str | None
    direction: str | None
    severity: str
    first_date: date
    last_date: date
    peak_date: date | None
    expected_usd: Decimal | None
    seen_usd: Decimal | None
    excess_usd: Decimal | None
    contributors: str | None
    evidence_sql: str | None
    status: str
    acknowledged_because: str | None = None

    @property
    def subject(self) -> str:
        """What it is about, in words."""
        kind = self.subject_type or "key"
        return f"{kind} {self.subject_id}" if self.subject_id else f"calls that name no {kind}"

    @property
    def where(self) -> str:
        """Source and workspace, as far as they are not the subject itself."""
        said = [self.source] if self.source and self.subject_type != "source" else []
        if self.workspace_id and self.subject_type != "workspace":
            said.append(f"workspace {self.workspace_id}")
        return ", ".join(said)

    @property
    def what(self) -> str:
        """Detector, and direction where the detector knows both."""
        is_directed = self.direction and self.detector in _DIRECTED
        return f"{self.detector} {self.direction}" if is_directed else self.detector

    @property
    def days(self) -> str:
        """First and last day."""
        return (
            str(self.first_date)
            if self.first_date == self.last_date
            else f"{self.first_date} to {self.last_date}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; money as text."""
        return {name: _plain(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Day:
    """Spend of the subject on one day, USD; None where a request has no price or none came."""

    day: date
    spend_usd: Decimal | None
    requests: int
    is_of_the_incident: bool

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; money as text."""
        return {name: _plain(value) for name, value in asdict(self).items()}


_TYPES = {
    "first_date": "date",
    "last_date": "date",
    "peak_date": "date",
    "expected_usd": "decimal(38, 12)",
    "seen_usd": "decimal(38, 12)",
    "excess_usd": "decimal(38, 12)",
}
_COLUMNS = [name for name in Incident.__dataclass_fields__ if name != "acknowledged_because"]


def incidents(home: Home) -> list[Incident]:
    """Return all incidents, open ones first, then by severity and excess.

    Raises:
        NothingPublished: no run has published yet.
        OwnTableError: config/incident_acknowledgements.csv cannot be used.
    """
    with published(home) as marts:
        found = read(marts)
    found = list(acknowledged(home, found))
    return sorted(found, key=_urgency)


def read(marts: duckdb.DuckDBPyConnection) -> list[Incident]:
    """Return the rows of the published fct_anomalies, by id; none of marts that lack it."""
    there = {
        name
        for (name,) in marts.execute(
            "select column_name from duckdb_columns() where database_name = 'tollbook'"
            " and schema_name = 'marts' and table_name = $1",
            [MART],
        ).fetchall()
    }
    if not there:
        return []
    selected = ", ".join(
        f"cast({name if name in there else 'null'} as {_TYPES.get(name, 'varchar')}) as {name}"
        for name in _COLUMNS
    )
    rows = marts.sql(f"select {selected} from {MART} order by anomaly_id").fetchall()  # noqa: S608
    return [_filled(dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def acknowledged(home: Home, found: Iterable[Incident]) -> Iterator[Incident]:
    """Yield the incidents; an open one that a person has acknowledged until today or later says so."""
    known = {
        row["anomaly_id"]: row["reason"]
        for row in own_rows(home, "incident_acknowledgements")
        if row["until_date"] >= today()
    }
    for incident in found:
        if incident.status != RESOLVED and incident.anomaly_id in known:
            incident = replace(incident, status=ACKNOWLEDGED, acknowledged_because=known[incident.anomaly_id])
        elif incident.status == ACKNOWLEDGED:  # by the day of the last night, and no longer
            incident = replace(incident, status=OPEN)
        yield incident


def one(found: Sequence[Incident], asked: str) -> Incident:
    """Return the incident of an id, or of the beginning of one.

    Raises:
        NoSuchIncident: there is none, or there are several.
    """
    matching = [incident for incident in found if incident.anomaly_id == asked] or [
        incident for incident in found if asked and incident.anomaly_id.startswith(asked)
    ]
    if len(matching) != 1:
        how_many = f"{len(matching)} incidents begin like" if matching else "no incident has the id"
        raise NoSuchIncident(f"{how_many} {asked!r}; `tollbook incidents` lists them")
    return matching[0]


def course(home: Home, incident: Incident) -> list[Day]:
    """Return the days around an incident with the spend of its subject, from the published rollup.

    Raises:
        NothingPublished: no run has published yet.
    """
    rollup, column = _ROLLUPS.get(incident.subject_type or "key", _ROLLUPS["key"])
    first = max(
        incident.first_date - timedelta(days=_DAYS_BEFORE), incident.last_date - timedelta(days=_MOST_DAYS)
    )
    last = incident.last_date + timedelta(days=_DAYS_AFTER)
    conditions = {column: incident.subject_id, "source": incident.source}
    if column == "api_key_id":
        conditions["workspace_id"] = incident.workspace_id
    where = " and ".join(
        f"{name} is not distinct from ${name}"
        for name, value in conditions.items()
        if name == column or value is not None
    )
    given = {name: value for name, value in conditions.items() if name == column or value is not None}
    with published(home) as marts:
        try:
            rows = marts.execute(
                f"""
                select event_date, sum(cache_optimized_cost_usd), cast(sum(requests) as bigint)
                from {rollup}
                where event_date between $first and $last and {where}
                group by event_date
                """,  # noqa: S608
                {"first": first, "last": last, **given},
            ).fetchall()
            [(end,)] = marts.sql("select max(event_date) from rpt_usage_by_workspace_daily").fetchall()
        except duckdb.CatalogException:
            return []
    spent = {day: (spend, requests) for day, spend, requests in rows}
    last = min(last, end or last)
    return [
        Day(day, *spent.get(day, (Decimal(0), 0)), incident.first_date <= day <= incident.last_date)
        for day in (first + timedelta(days=number) for number in range((last - first).days + 1))
    ]


def lines(found: Sequence[Incident]) -> Iterator[str]:
    """Yield a list of incidents, one line each."""
    if not found:
        yield "no incident"
        return
    yield f"{'id':<{SHOWN_ID}}  {'status':<12}  {'severity':<8}  {'excess USD':>14}  {'days':<24}  what"
    for incident in found:
        yield (
            f"{incident.anomaly_id[:SHOWN_ID]:<{SHOWN_ID}}  {incident.status:<12}  {incident.severity:<8}"
            f"  {money(incident.excess_usd):>14}  {incident.days:<24}  {incident.what}: {incident.subject}"
            + (f" ({incident.where})" if incident.where else "")
        )


def detail(incident: Incident, days: Sequence[Day]) -> Iterator[str]:
    """Yield one incident with the chart of its days."""
    yield f"{incident.severity} {incident.what}: {incident.subject}"
    yield f"  id            {incident.anomaly_id}"
    if incident.detectors != incident.detector:
        yield f"  seen by       {incident.detectors}"
    yield f"  status        {incident.status}" + (
        f": {incident.acknowledged_because}" if incident.acknowledged_because else ""
    )
    if incident.where:
        yield f"  where         {incident.where}"
    yield f"  days          {incident.days}" + (
        f", furthest out on {incident.peak_date}" if incident.peak_date else ""
    )
    yield f"  expected      {money(incident.expected_usd)} USD"
    yield f"  seen          {money(incident.seen_usd)} USD"
    yield f"  excess        {money(incident.excess_usd)} USD"
    if incident.contributors:
        yield f"  explained by  {incident.contributors}"
    yield ""
    yield from chart(days)
    if incident.evidence_sql:
        yield "the rows behind it"
        yield from (f"  {line}" for line in incident.evidence_sql.strip().splitlines())
        yield ""
    if incident.status == OPEN:
        yield "next"
        yield (
            f"  tollbook alerts acknowledge {incident.anomaly_id[:SHOWN_ID]} --until YYYY-MM-DD --reason '…'"
        )


def chart(days: Sequence[Day]) -> Iterator[str]:
    """Yield one bar per day; the longest is the day of most spend."""
    if not days:
        return
    most = max((abs(day.spend_usd) for day in days if day.spend_usd is not None), default=Decimal(0))
    yield "spend by day, USD (◄ the incident)"
    for day in days:
        length = (
            int(abs(day.spend_usd) * _BAR / most + Decimal("0.5"))
            if most and day.spend_usd is not None
            else 0
        )
        mark = "  ◄" if day.is_of_the_incident else ""
        yield (
            f"  {day.day}  {'█' * length:<{_BAR}}  {money(day.spend_usd):>14}"
            f"  {day.requests:>8,} requests{mark}"
        )
    yield ""


def money(value: Decimal | None) -> str:
    """Write an amount for a person: cents, or all digits where cents would say nothing."""
    if value is None:
        return "–"
    return f"{value:,.2f}" if abs(value) >= _CENTS or not value else f"{value.normalize():f}"


def severity_rank(severity: str) -> int:
    """Return 0 for low, 1 for medium, 2 for high and for unknown words."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES) - 1


def _filled(row: dict[str, Any]) -> Incident:
    """Fill what an earlier version does not say: its incidents are of keys, and none ends."""
    if row["subject_type"] is None:
        row |= {"subject_type": "key", "subject_id": row["api_key_id"]}
    row["detectors"] = row["detectors"] or row["detector"]
    row["status"] = row["status"] or OPEN
    row["severity"] = row["severity"] or SEVERITIES[-1]
    return Incident(**row)


def _urgency(incident: Incident) -> tuple:
    order = {OPEN: 0, ACKNOWLEDGED: 1}
    return (
        order.get(incident.status, 2),
        -severity_rank(incident.severity),
        -abs(incident.excess_usd or 0),
        incident.first_date,
        incident.anomaly_id,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else value
