"""The gates of the warehouse: build.duckdb, after it was built and before it is published.

One profile per suite, one row per source and day. A day that was not rebuilt since it was judged is not read again.

Rulings: docs/decisions/quality.md#quality-4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from dagster_project.books import state
from dagster_project.dbt_runner.token_classes import token_classes
from dagster_project.quality import results
from dagster_project.quality.results import Result, Verdict
from dagster_project.quality.suites import Expectation, Suite
from dagster_project.quality.suites.reconciliation_summary import RECONCILIATION_SUMMARY
from dagster_project.quality.suites.usage_rollup import USAGE_ROLLUP
from dagster_project.quality.validation import validate
from ingestion.home import Home


@dataclass(frozen=True)
class Gate:
    """A suite on a mart.

    Attributes:
        suite: the expectations.
        mart: the mart it is a check of.
        contents: what the rows of each day (ISO) are identified by, asked of build.duckdb.
        profile: SQL with `source` (or null), `day` and the columns of the suite, of the days in the list $days.
        rows: the rows of a day that profile counts.
        shown: the columns of a failing row, beside the one that is judged.
        values: SQL of the value that a row contributes to a column; none where a column is a share of a day.
    """

    suite: Suite
    mart: str
    contents: Callable[[duckdb.DuckDBPyConnection], dict[str, str]]
    profile: str
    rows: str
    shown: str
    values: Mapping[str, str]


_TOKENS = ", ".join(dict.fromkeys(entry.tokens for entry in token_classes()))
#: Sums of adjustments may be negative.
_OWN_ROWS = "usage_date = event_date"
_MONEY = "received_minor, refunded_minor, disputed_minor"


def _months_of_reconciliation(warehouse: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the hash of each month's rows."""
    rows = warehouse.sql(
        """
        select cast(period_month as varchar), md5(cast(sum(cast(hash(summary) as hugeint)) as varchar))
        from marts.recon_summary as summary
        where period_month is not null
        group by period_month
        order by period_month
        """
    )
    return dict(rows.fetchall())


ROLLUP = Gate(
    suite=USAGE_ROLLUP,
    mart="fct_usage_daily",
    contents=lambda warehouse: state.contents(warehouse, "fct_usage_daily"),
    profile=f"""
        select
            source,
            cast(event_date as varchar) as day,
            min(requests) as fewest_requests,
            min(least({_TOKENS})) as fewest_tokens,
            case when count(*) filter (where origin = 'api' and api_key_id is not null) > 0 then
                cast(coalesce(sum(requests) filter (where origin = 'api' and api_key_id is null), 0) as double)
                / nullif(sum(requests) filter (where origin = 'api'), 0)
            end as keyless_share,
            cast(round(sum(list_cost_usd) * 100) as bigint) as cents
        from marts.fct_usage_daily
        where {_OWN_ROWS} and event_date in (select cast(unnest($days) as date))
        group by source, event_date
        order by event_date, source
    """,  # noqa: S608
    rows=f"marts.fct_usage_daily where {_OWN_ROWS} and source = $source and event_date = cast($day as date)",
    shown="workspace_id, api_key_id, model_served, call_type, status, origin",
    values={
        "fewest_requests": "requests",
        "fewest_tokens": f"least({_TOKENS})",
    },
)
RECONCILIATION = Gate(
    suite=RECONCILIATION_SUMMARY,
    mart="recon_summary",
    contents=_months_of_reconciliation,
    profile=f"""
        select
            cast(null as varchar) as source,
            cast(period_month as varchar) as day,
            min(item_count) as fewest_items,
            min(least({_MONEY})) as fewest_minor,
            min(oldest_age_days) as least_age_days,
            case when sum(item_count) >= 20 then
                cast(coalesce(sum(item_count) filter (where not starts_with(status, 'matched')), 0) as double)
                / sum(item_count)
            end as unmatched_share
        from marts.recon_summary
        where period_month in (select cast(unnest($days) as date))
        group by period_month
        order by period_month
    """,  # noqa: S608
    rows="marts.recon_summary where $source is null and period_month = cast($day as date)",
    shown="workspace_id, currency, status",
    values={
        "fewest_items": "item_count",
        "fewest_minor": f"least({_MONEY})",
        "least_age_days": "oldest_age_days",
    },
)
GATES = (ROLLUP, RECONCILIATION)


def judge(home: Home, gate: Gate) -> Verdict:
    """Judge the days of a mart in build.duckdb that are not the same as when they were judged."""
    kept: dict[str, list[Result]] = {}
    for result in results.read(home, gate.suite, gate.mart):
        kept.setdefault(result.day, []).append(result)
    with duckdb.connect(str(home.build_database), read_only=True) as warehouse:
        contents = {
            day: f"{content[:16]}-{gate.suite.version}" for day, content in gate.contents(warehouse).items()
        }
        unchanged = [day for day in contents if day in kept and kept[day][0].content == contents[day]]
        days = sorted(contents.keys() - set(unchanged))
        relation = warehouse.sql(gate.profile, params={"days": days})
        asked = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()] if days else []
        judged: list[Result] = []
        for validation in validate(gate.suite, asked):
            row, expectation = asked[validation.row], validation.expectation
            rows = [] if validation.passed else _failing_rows(warehouse, gate, expectation, row)
            judged.append(
                Result(
                    suite=gate.suite.name,
                    suite_version=gate.suite.version,
                    expectation=expectation.name,
                    source=row["source"],
                    stream=None,
                    day=row["day"],
                    observed=validation.observed,
                    expected=f"{expectation.column} {expectation.demand({})}",
                    passed=validation.passed,
                    is_blocking=expectation.is_blocking,
                    failing_rows=results.as_json(rows),
                    content=contents[row["day"]],
                )
            )
    results.keep(home, gate.suite, gate.mart, [*judged, *(one for day in unchanged for one in kept[day])])
    failed = [result for result in judged if not result.passed]
    failed += [one for day in unchanged for one in kept[day] if not one.passed and one.is_blocking]
    return Verdict(len(asked), failed)


def _failing_rows(
    warehouse: duckdb.DuckDBPyConnection, gate: Gate, expectation: Expectation, day: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the first rows of a day below the least allowed value; the day's own value where it is a share."""
    value = gate.values.get(expectation.column)
    if value is None:
        return [{expectation.column: day[expectation.column]}]
    relation = warehouse.sql(
        f"""
        select {gate.shown}, {value} as {expectation.column}
        from {gate.rows} and {value} < {expectation.least}
        order by all
        limit {results.MOST_SHOWN}
        """,  # noqa: S608
        params={"source": day["source"], "day": day["day"]},
    )
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
