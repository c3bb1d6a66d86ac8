"""Windows end with the data, budgets are compared with the month, and savings are the differences of the tiers."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, land_text, rows

MODELS = [
    "+rpt_usage_to_date",
    "+rpt_budgets",
    "+rpt_savings_monthly",
    "+dim_workspaces",
    "+dim_api_keys",
    "+dim_groups",
    "+dim_members",
]
LONDON = ZoneInfo("Europe/London")
SOURCES = """
sources:
  infron: {connector: infron, billing_time_zone: Europe/London}
  other: {connector: infron}
  flat: {connector: infron}
  infery: {connector: infery}
"""
#: The flat source: ten calls a day from 1 to 10 November, of a claude call each: $0.0375, so $0.375 a day.
BUDGETS = """budget_id,source,scope,subject,month_usd,valid_from,valid_to,reason
kept,flat,all,,100,2026-11-01,,plan
risky,flat,workspace,ws_1,11.2,2026-11-01,,plan
exact,flat,workspace,ws_1,11.25,2026-11-01,,plan
broken,flat,api_key,key_1,3.74,2026-11-01,,plan
ended,flat,all,,1,2026-11-01,2026-11-10,plan
later,flat,all,,1,2026-12-01,,plan
model,flat,model,anthropic/claude-sonnet-4-5,3,2026-11-01,,plan
nobody,flat,group,ghosts,1,2026-11-01,,plan
"""
PLAN = {
    "workspace_id": "ws_9",
    "plan": "pro",
    "monthly_credits": 10,
    "monthly_credits_expire": True,
    "valid_from": "2026-10-01T00:00:00Z",
}


def noise(source: str) -> list[dict[str, Any]]:
    """400 calls over forty days whose last is at 13:37:12.345 on 9 November."""
    dice = random.Random(source)
    last = datetime(2026, 11, 9, 13, 37, 12, 345000)
    edges = [timedelta(hours=hours, milliseconds=ms) for hours in (24, 168, 720) for ms in (-1, 0, 1)]
    spans = [timedelta(0), *edges, *(timedelta(seconds=dice.randrange(40 * 86400)) for _ in range(390))]
    return [
        infron_line(
            f"{source}-{number}",
            created_at=(last - span).isoformat(timespec="milliseconds") + "Z",
            model=dice.choice(("anthropic/claude-sonnet-4-5", "openai/gpt-4o")),
            workspace_id=dice.choice(("ws_1", "ws_2")),
            api_key_id=(key := dice.choice(("key_1", "key_2", None))),
            api_key_name=key and f"{key} {span > timedelta(days=2)}",
            member_id=None if key else dice.choice(("ada", "bob")),
            group=dice.choice(("vip", None)),
            usage={"prompt_tokens": dice.randrange(1, 9999), "completion_tokens": 7},
        )
        for number, span in enumerate(spans)
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("to_date"))
    home.sources_file.write_text(SOURCES)
    home.config.mkdir(parents=True)
    (home.config / "budgets.csv").write_text(BUDGETS)
    for source in ("infron", "other"):
        land_text(home, f"{source}/logs/dt=2026-11-10/part.ndjson", noise(source))
    flat = [
        infron_line(f"flat-{day}-{call}", created_at=f"2026-11-{day:02}T{call + 5:02}:00:00Z")
        for day in range(1, 11)
        for call in range(10)
    ]
    land_text(home, "flat/logs/dt=2026-11-11/part.ndjson", flat)
    land_text(home, "infery/plans/dt=2026-11-11/part.ndjson", [PLAN])
    calls = [
        {
            "request_id": f"req-{number}",
            "timings": {"gateway_out": f"2026-11-0{number}T10:00:00Z"},
            "workspace_id": "ws_9",
            "model_used": "openai/gpt-4o",
            "prompt_tokens": 10,
            "completion_tokens": 1,
            "credits_used": 4,
        }
        for number in (1, 2, 3)
    ]
    land_text(home, "infery/requests/dt=2026-11-11/part.ndjson", calls)
    build(home, MODELS)
    return home


def table(home: Home, query: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(home.build_database), read_only=True) as connection:
        relation = connection.sql(query)
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def subjects(call: dict[str, Any]) -> dict[tuple[str, str, str], None]:
    """Every scope and subject a call counts for."""
    member = call["member_id"] if call["origin"] == "playground" else None
    return dict.fromkeys(
        (
            ("all", "all", "all"),
            ("workspace", call["workspace_id"], call["workspace_id"]),
            ("api_key", call["workspace_id"], call["api_key_id"] or "unattributed"),
            ("member", call["workspace_id"], member or "unattributed"),
            ("group", call["workspace_id"], call["group_name"] or "unattributed"),
            ("model", "all", call["model_served"]),
        )
    )


def within(call: dict[str, Any], last: datetime, source: str) -> list[str]:
    hours = {"last_24_hours": 24, "last_7_days": 168, "last_30_days": 720}
    found = [name for name, span in hours.items() if call["occurred_at"] > last - timedelta(hours=span)]
    zone = LONDON if source == "infron" else UTC
    day, today = (at.replace(tzinfo=UTC).astimezone(zone).date() for at in (call["occurred_at"], last))
    calendar = {
        "today": day == today,
        "this_week": day.isocalendar()[:2] == today.isocalendar()[:2],
        "month_to_date": (day.year, day.month) == (today.year, today.month),
    }
    return [*found, *(name for name, holds in calendar.items() if holds)]


@pytest.mark.parametrize("source", ["infron", "other", "flat"])
def test_every_window_holds_the_calls_since_it_began_and_no_other(world: Home, source: str) -> None:
    """Calls lie a millisecond before, at and after each window's beginning."""
    calls = table(world, f"select * from marts.fct_usage_costs where source = '{source}'")
    last = max(call["occurred_at"] for call in calls)
    expected: dict[tuple[str, ...], list[Any]] = {}
    for call in calls:
        for window in within(call, last, source):
            for subject in subjects(call):
                row = expected.setdefault((window, *subject), [0, 0, Decimal(0)])
                row[0] += 1
                row[1] += call["total_tokens"]
                row[2] += call["cache_optimized_cost_usd"]
    found = table(world, f"select * from marts.rpt_usage_to_date where source = '{source}'")
    assert {
        (row["window_name"], row["scope"], row["workspace_id"], row["subject"]): [
            row["requests"],
            row["total_tokens"],
            row["cache_optimized_cost_usd"],
        ]
        for row in found
    } == expected
    assert {row["as_of"] for row in found} == {last}


def test_the_total_of_all_sources_ends_with_the_last_call_of_any(world: Home) -> None:
    """The last call is flat's, on 10 November at 14:00: today has its ten calls and none of the others'."""
    calls = table(world, "select * from marts.fct_usage_costs")
    last = max(call["occurred_at"] for call in calls)
    expected: dict[str, list[Any]] = {}
    for call in calls:
        for window in within(call, last, call["source"]):
            row = expected.setdefault(window, [0, Decimal(0)])
            row[0] += 1
            row[1] += call["cache_optimized_cost_usd"] or 0
    found = table(world, "select * from marts.rpt_usage_to_date where source = 'all'")
    assert {(row["scope"], row["subject"], row["as_of"]) for row in found} == {("all", "all", last)}
    assert {
        row["window_name"]: [row["requests"], row["cache_optimized_cost_usd"]] for row in found
    } == expected
    assert (last, expected["today"]) == (datetime(2026, 11, 10, 14), [10, Decimal("0.375")])


def test_ranks_name_the_heaviest_and_shares_are_of_the_whole(world: Home) -> None:
    found = table(
        world, "select * from marts.rpt_usage_to_date where source = 'other' and window_name = 'last_30_days'"
    )
    [total] = [row["cache_optimized_cost_usd"] for row in found if row["scope"] == "all"]
    for scope in ("workspace", "api_key", "member", "group", "model"):
        costs = sorted(
            (
                r["cache_optimized_cost_usd"]
                for r in found
                if r["scope"] == scope and r["subject"] != "unattributed"
            ),
            reverse=True,
        )
        for row in (row for row in found if row["scope"] == scope):
            cost = row["cache_optimized_cost_usd"]
            rank = None if row["subject"] == "unattributed" else costs.index(cost) + 1
            assert row["spend_rank"] == rank
            assert row["share_of_total"] == (cost / total).quantize(Decimal("0.000001"))
    assert {row["subject_name"] for row in found if row["scope"] == "api_key"} == {
        "key_1 False",
        "key_2 False",
        None,
    }


def test_a_budget_is_held_against_the_month_and_what_it_may_come_to(world: Home) -> None:
    """Ten days at $0.375 are $3.75; the last seven complete ones cost $2.625, so 20 days more come to $7.5.

    The forecast is $11.25: above 11.2, not above 11.25. 3.74 is spent already.
    """
    found = {
        row["allowance_id"]: row
        for row in table(world, "select * from marts.rpt_budgets where kind = 'budget'")
    }
    assert {name: row["status"] for name, row in found.items()} == {
        "kept": "ok",
        "risky": "at_risk",
        "exact": "ok",
        "broken": "over",
        "model": "over",
        "nobody": "ok",
    }
    row = found["risky"]
    assert (row["used"], row["forecast"], row["days_to_come"]) == (Decimal("3.75"), Decimal("11.25"), 20)
    assert (row["billing_month"], row["as_of_date"]) == (date(2026, 11, 1), date(2026, 11, 10))
    assert (row["used_share"], row["forecast_share"]) == (Decimal("0.334821"), Decimal("1.004464"))
    assert (found["nobody"]["used"], found["nobody"]["forecast"]) == (0, 0)


def test_a_plan_is_held_against_the_credits_of_the_month(world: Home) -> None:
    """Three calls of 4 credits are 12 of 10; on the two complete days 8, so 27 days more come to 108."""
    [row] = table(world, "select * from marts.rpt_budgets where kind = 'plan'")
    assert (row["unit"], row["allowance"], row["used"], row["forecast"], row["status"]) == (
        "credits",
        10,
        12,
        120,
        "over",
    )


def test_a_broken_budget_is_a_finding(home: Home) -> None:
    """One call of $0.0375 against a budget of a cent; the build succeeds with a warning."""
    home.config.mkdir(parents=True)
    (home.config / "budgets.csv").write_text(
        BUDGETS.splitlines()[0] + "\nsmall,,all,,0.01,2026-11-01,,plan\n"
    )
    land_text(home, "infron/logs/dt=2026-11-02/part.ndjson", [infron_line("one")])
    result = build(home, ["+rpt_budgets"])
    [finding] = [node for node in result.nodes if node.name == "assert_no_budget_is_overspent"]
    assert (finding.status, finding.failures) == ("warn", 1)
    assert rows(home, "select source, used, complete_days, forecast from marts.rpt_budgets") == [
        (None, Decimal("0.0375"), 0, None)
    ]


def test_savings_of_a_month_are_what_the_tiers_differ_by(world: Home) -> None:
    found = table(world, "select * from marts.rpt_savings_monthly")
    assert {(row["billing_month"].month, row["source"]) for row in found} >= {
        (9, "other"),
        (10, "infron"),
        (11, "flat"),
    }
    for row in found:
        total = row["list_cost_usd"] - row["cache_optimized_cost_usd"]
        assert row["total_savings_usd"] == total == row["discount_savings_usd"] + row["cache_savings_usd"]
        if row["list_cost_usd"]:
            assert row["total_savings_share"] == (total / row["list_cost_usd"]).quantize(Decimal("0.000001"))
    sums = "select source, sum(requests), sum(list_cost_usd) from marts.{} group by source order by source"
    assert rows(world, sums.format("rpt_savings_monthly")) == rows(
        world, sums.format("rpt_usage_by_key_daily")
    )


def test_dimensions_have_first_and_last_day_seen(world: Home) -> None:
    for dimension, columns in (
        ("dim_workspaces", "workspace_id"),
        ("dim_api_keys", "workspace_id, api_key_id"),
        ("dim_groups", "workspace_id, group_name"),
        ("dim_members", "workspace_id, member_id"),
    ):
        names = ", ".join(f"coalesce({name}, 'unattributed')" for name in columns.split(", "))
        counted = f"""
            select source, {names}, min(occurred_at), max(occurred_at), min(event_date), max(event_date), count(*)
            from marts.fct_usage_costs group by all order by all
        """
        seen = f"""
            select source, {columns}, first_seen_at, last_seen_at, first_seen_date, last_seen_date, requests
            from marts.{dimension} order by all
        """
        assert rows(world, seen) == rows(world, counted)
    assert rows(world, "select workspace_id from marts.dim_workspaces where plan_name = 'pro'") == [("ws_9",)]
    assert rows(
        world,
        "select distinct api_key_name from marts.dim_api_keys where api_key_id = 'key_1' and source = 'other'",
    ) == [("key_1 False",)]
