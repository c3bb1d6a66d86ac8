"""Published marts written by hand: two days, two keys, one name that a spreadsheet would run."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from dagster_project.exports.reports import _COSTS, _COUNTS, _TOKENS
from ingestion.duck import literal
from ingestion.home import Home

DAY_1, DAY_2 = date(2026, 11, 1), date(2026, 11, 2)
#: Day, model, key, status, requests, list cost; the other measures are empty.
USAGE = (
    (DAY_1, "gpt-4o", "key_1", "success", 2, "0.100000000001"),
    (DAY_1, "gpt-4o", "key_2", "success", 3, "0.200000000002"),
    (DAY_2, "gpt-4o", "key_1", "failure", 1, "0.000000000000"),
    (DAY_2, "=HYPERLINK(1)", "key_1", "success", 4, "0.400000000004"),
    (DAY_2, "unknown", "key_3", "success", 5, None),
)


@pytest.fixture
def marts_home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    measures = [f"{name} bigint" for name in (*_COUNTS, *_TOKENS)] + [
        f"{name} decimal(38, 12)" for name in _COSTS
    ]
    with duckdb.connect() as marts:
        marts.execute(f"attach {literal(home.published_database)} as published")
        marts.execute("create schema published.marts")
        marts.execute("create schema published.meta")
        marts.execute(
            "create table published.meta.publication as select 'p1' as publication_id,"
            f" timestamp '2026-11-03 02:00:00' as published_at, {literal(home.root)} as home"
        )
        marts.execute(
            "create table published.marts.fct_usage_daily (event_date date, model_served varchar, api_key_id varchar,"
            " status varchar, api_key_name varchar, member_id varchar, group_name varchar, workspace_id varchar,"
            f" source varchar, call_type varchar, cache_hit_rate decimal(18, 6), {', '.join(measures)})"
        )
        for day, model, key, status, requests, cost in USAGE:
            marts.execute(
                "insert into published.marts.fct_usage_daily by name select $1::date as event_date,"
                " $2 as model_served, $3 as api_key_id, $4 as status, $5::bigint as requests,"
                " $6::decimal(38, 12) as list_cost_usd, 'east' as source, 'ws_' || $3[-1:] as workspace_id",
                [day, model, key, status, requests, cost],
            )
    return home
