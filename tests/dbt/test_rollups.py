"""Every rollup equals the requests, summed another way: in Python, over one world of several gateways."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from ingestion.home import Home
from tests.dbt.conftest import USAGE, build, infron_line, land_text, rows

ZONES = {
    "london": "Europe/London",
    "kathmandu": "Asia/Kathmandu",
    "newyork": "America/New_York",
    "plain": "UTC",
}
SOURCES = f"""
sources:
  {"".join(f"{name}: {{connector: infron, billing_time_zone: {zone}}}; " for name, zone in ZONES.items())}
""".replace("; ", "\n  ")

#: One of the workspaces pays 0.87 of the list price.
DISCOUNT = """rule_id,workspace_id,group_name,kind,factor,valid_from,valid_to,reason
thirteen-off,ws_1,,contract,0.87,2026-01-01,,test
"""
#: Either side of midnights in UTC and in London, in and out of summer time, at the ends of months and of days of 23 and
#: 25 hours.
EDGES = (
    "2026-09-30T22:59:59.999Z",
    "2026-09-30T23:00:00.000Z",
    "2026-10-24T22:59:59.999Z",
    "2026-10-24T23:00:00.000Z",
    "2026-10-25T23:59:59.999Z",
    "2026-10-26T00:00:00.000Z",
    "2026-10-31T23:59:59.999Z",
    "2026-11-01T00:00:00.000Z",
    "2026-11-01T03:59:59.999Z",
    "2026-11-01T04:00:00.000Z",
    "2026-03-28T23:59:59.999Z",
    "2026-03-29T00:00:00.000Z",
    "2026-03-29T22:59:59.999Z",
    "2026-03-29T23:00:00.000Z",
)
MONEY = (
    "list_cost_usd",
    "discounted_cost_usd",
    "cache_optimized_cost_usd",
    "discount_savings_usd",
    "cache_savings_usd",
    "reported_cost_usd",
)
TOKENS = (
    "uncached_input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "input_tokens",
    "total_tokens",
)

Key = tuple[Any, ...]
Request = dict[str, Any]


def events(source: str, scale: int = 1) -> Iterator[dict[str, Any]]:
    """Sixty calls of one gateway, at the edges of days and between them; tokens `scale` times as many."""
    dice = random.Random("events")
    for number in range(60):
        at = (
            EDGES[number]
            if number < len(EDGES)
            else (datetime(2026, 9, 30) + timedelta(seconds=dice.randrange(33 * 86400))).isoformat() + "Z"
        )
        prompt, completion = dice.randrange(100, 50_000) * scale, dice.randrange(1, 900) * scale
        cached = dice.choice((0, 0, prompt // scale // 2 * scale))
        member = dice.choice((None, None, "ada", "bob"))
        yield infron_line(
            f"{source}-{number}",
            created_at=at,
            model=dice.choice(("anthropic/claude-sonnet-4-5", "openai/gpt-4o", "nobody/knows")),
            status=dice.choice(("success", "success", "success", "failure", "timeout")),
            workspace_id=dice.choice(("ws_1", "ws_2", None)),
            api_key_id=None if member else dice.choice(("key_1", "key_2")),
            api_key_name=None if member else dice.choice(("Zebra", "apple", None)),
            member_id=member,
            group=f"edge {number}" if number < len(EDGES) else dice.choice(("vip", None)),
            usage={
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
                "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
                "cost": dice.randrange(1000) / 1000,
            },
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Four gateways that bill by four zones; `plain` has every figure doubled."""
    home = Home(tmp_path_factory.mktemp("rollups"))
    home.sources_file.write_text(SOURCES)
    home.config.mkdir(parents=True)
    (home.config / "discount_rules.csv").write_text(DISCOUNT)
    for source in ZONES:
        lines = list(events(source, scale=2 if source == "plain" else 1))
        land_text(home, f"{source}/logs/dt=2026-11-01/part.ndjson", lines)
    build(home, USAGE)
    return home


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same calls in another order, in three files of three days, with a workspace more."""
    home = Home(tmp_path_factory.mktemp("shuffled"))
    home.sources_file.write_text(SOURCES)
    home.config.mkdir(parents=True)
    (home.config / "discount_rules.csv").write_text(DISCOUNT)
    for source in ZONES:
        lines = list(events(source, scale=2 if source == "plain" else 1))
        lines += [
            infron_line(f"{source}-more-{n}", created_at=at, workspace_id="ws_more")
            for n, at in enumerate(EDGES)
        ]
        random.Random("order").shuffle(lines)
        for part in range(3):
            land_text(home, f"{source}/logs/dt=2026-11-0{part + 1}/part{part}.ndjson.gz", lines[part::3])
    build(home, USAGE)
    return home


def table(home: Home, query: str) -> list[Request]:
    with duckdb.connect(str(home.build_database), read_only=True) as connection:
        relation = connection.sql(query)
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def billing_date(request: Request) -> date:
    zone = ZoneInfo(ZONES[request["source"]])
    return request["occurred_at"].replace(tzinfo=UTC).astimezone(zone).date()


def or_unattributed(*columns: str) -> Callable[[Request], Key]:
    return lambda request: tuple(
        "unattributed" if request[column] is None else request[column] for column in columns
    )


def playground_member(request: Request) -> Key:
    member = request["member_id"] if request["origin"] == "playground" else None
    return (request["workspace_id"] or "unattributed", member or "unattributed")


ROLLUPS: dict[str, tuple[tuple[str, ...], Callable[[Request], Key]]] = {
    "rpt_usage_by_model_daily": (("provider", "model_served"), or_unattributed("provider", "model_served")),
    "rpt_usage_by_key_daily": (("workspace_id", "api_key_id"), or_unattributed("workspace_id", "api_key_id")),
    "rpt_usage_by_member_daily": (("workspace_id", "member_id"), playground_member),
    "rpt_usage_by_group_daily": (
        ("workspace_id", "group_name"),
        or_unattributed("workspace_id", "group_name"),
    ),
    "rpt_usage_by_workspace_daily": (("workspace_id",), or_unattributed("workspace_id")),
    "rpt_usage_by_call_type_daily": (
        ("workspace_id", "call_type"),
        or_unattributed("workspace_id", "call_type"),
    ),
}


def summed(requests: list[Request], subject: Callable[[Request], Key]) -> dict[Key, dict[str, Any]]:
    """What a rollup should hold, by day, billing day, source and subject."""
    sums: dict[Key, dict[str, Any]] = {}
    for request in requests:
        key = (request["event_date"], billing_date(request), request["source"], *subject(request))
        row = sums.setdefault(
            key,
            dict.fromkeys((*MONEY, *TOKENS, "requests", "successful", "failed", "timed_out", "unpriced"), 0),
        )
        for column in (*MONEY, *TOKENS):
            row[column] += request[column] or 0
        row["requests"] += 1
        row["successful"] += request["status"] == "success"
        row["failed"] += request["status"] == "failure"
        row["timed_out"] += request["status"] == "timeout"
        row["unpriced"] += request["unpriced_reason"] is not None
    return sums


@pytest.mark.parametrize("rollup", ROLLUPS)
def test_a_rollup_is_the_requests_summed_by_day_billing_day_and_subject(world: Home, rollup: str) -> None:
    dimensions, subject = ROLLUPS[rollup]
    expected = summed(table(world, "select * from marts.fct_usage_costs"), subject)
    found = {
        tuple(row[name] for name in ("event_date", "billing_date", "source", *dimensions)): row
        for row in table(world, f"select * from marts.{rollup}")
    }
    assert found.keys() == expected.keys()
    for key, sums in expected.items():
        row = found[key]
        counts = (
            "requests",
            "successful_requests",
            "failed_requests",
            "timed_out_requests",
            "unpriced_requests",
        )
        assert {name: row[name] for name in (*MONEY, *TOKENS)} == {
            name: sums[name] for name in (*MONEY, *TOKENS)
        }
        assert [row[name] for name in counts] == [
            sums[name] for name in ("requests", "successful", "failed", "timed_out", "unpriced")
        ]


def test_a_hit_rate_is_one_sum_over_the_other(world: Home) -> None:
    """Sums of reads over sums of prompt tokens, to six places, half up; no prompt tokens, no rate."""
    for row in table(world, "select * from marts.rpt_usage_by_workspace_daily"):
        prompt = row["uncached_input_tokens"] + row["cache_read_tokens"] + row["cache_write_5m_tokens"]
        exact = (row["cache_read_tokens"] * 10**6 + prompt // 2) // prompt if prompt else None
        assert row["cache_hit_rate"] == (exact if exact is None else Decimal(exact).scaleb(-6))


@pytest.mark.parametrize("rollup", ROLLUPS)
def test_list_times_both_factors_rounded_as_money_is_what_a_row_cost(world: Home, rollup: str) -> None:
    """(Input + Output) x Discount x Cache factor of the sums; a share is a saving over its tier, to six places."""
    found = table(world, f"select * from marts.{rollup} where list_cost_usd > 0")
    assert {row["effective_discount_factor"] for row in found} >= {Decimal("0.87"), Decimal(1)}
    assert any(row["cache_factor"] < 1 for row in found)
    for row in found:
        listed, discounted, final = (row[name] for name in MONEY[:3])
        with localcontext(prec=60):
            product = listed * row["effective_discount_factor"] * row["cache_factor"]
            shares = [1 - discounted / listed, 1 - final / discounted, 1 - final / listed]
            assert product.quantize(Decimal("1e-12")) == final
        assert row["total_savings_usd"] == listed - final
        names = ("discount_share", "cache_savings_share", "total_savings_share")
        assert [row[name] for name in names] == [share.quantize(Decimal("1e-6")) for share in shares]


def test_days_of_summer_and_winter_time_are_each_whole(world: Home) -> None:
    """In London 25 October lasts 25 hours, from 23:00 UTC on the 24th to 24:00 on the 25th, and 29 March 23."""
    edges = rows(
        world,
        """
        select group_name, billing_date::varchar
        from marts.rpt_usage_by_group_daily
        where source = 'london' and starts_with(group_name, 'edge')
        order by group_name
        """,
    )
    assert dict(edges) == {
        "edge 0": "2026-09-30",
        "edge 1": "2026-10-01",
        "edge 2": "2026-10-24",
        "edge 3": "2026-10-25",
        "edge 4": "2026-10-25",
        "edge 5": "2026-10-26",
        "edge 6": "2026-10-31",
        "edge 7": "2026-11-01",
        "edge 8": "2026-11-01",
        "edge 9": "2026-11-01",
        "edge 10": "2026-03-28",
        "edge 11": "2026-03-29",
        "edge 12": "2026-03-29",
        "edge 13": "2026-03-30",
    }


def test_twice_the_tokens_cost_twice_as_much(world: Home) -> None:
    """`plain` bills by UTC and has twice london's tokens; no call crosses a price tier."""
    found = rows(
        world,
        """
        select source, sum(list_cost_usd), sum(cache_optimized_cost_usd), sum(cache_savings_usd), sum(total_tokens)
        from marts.rpt_usage_by_key_daily where source in ('london', 'plain') group by source order by source
        """,
    )
    (_, *once), (_, *twice) = found
    assert [2 * amount for amount in once] == twice
    assert once[0] > 0


@pytest.mark.parametrize(
    "rollup", [name for name, (dimensions, _) in ROLLUPS.items() if "workspace_id" in dimensions]
)
def test_order_files_and_other_workspaces_change_nothing(world: Home, shuffled: Home, rollup: str) -> None:
    mine = f"select * from marts.{rollup} where workspace_id != 'ws_more' order by all"
    assert rows(shuffled, mine) == rows(world, mine)
    assert rows(shuffled, f"select sum(requests) from marts.{rollup} where workspace_id = 'ws_more'") == [
        (len(ZONES) * len(EDGES),)
    ]


def test_a_key_is_called_what_it_was_last_called(world: Home) -> None:
    """Zebra sorts after apple, so a mere maximum would always call it Zebra."""
    said: dict[Key, list[tuple[datetime, str]]] = {}
    for request in table(world, "select * from marts.fct_usage_costs where api_key_name is not null"):
        key = (
            request["event_date"],
            billing_date(request),
            request["source"],
            *or_unattributed("workspace_id", "api_key_id")(request),
        )
        said.setdefault(key, []).append((request["occurred_at"], request["api_key_name"]))
    found = {
        (row["event_date"], row["billing_date"], row["source"], row["workspace_id"], row["api_key_id"]): row[
            "api_key_name"
        ]
        for row in table(world, "select * from marts.rpt_usage_by_key_daily where api_key_name is not null")
    }
    assert {key: max(names)[1] for key, names in said.items()} == found
    assert {"Zebra", "apple"} == set(found.values())


def test_a_late_call_changes_both_days_it_is_part_of_and_no_other(world: Home, shuffled: Home) -> None:
    """23:30 UTC on 20 October is the 21st in London: one UTC day is rebuilt, the billing day follows."""
    ledger = (
        "select model, event_date, fingerprint from meta.day_builds where starts_with(model, 'rpt_usage_by')"
    )
    before = set(rows(shuffled, ledger))
    totals = """
        select billing_date::varchar, sum(requests)::int
        from marts.rpt_usage_by_workspace_daily where source = 'london' group by all
    """
    days = dict(rows(shuffled, totals))
    late = infron_line("late", created_at="2026-10-20T23:30:00Z")
    land_text(shuffled, "london/logs/dt=2026-11-05/late.ndjson", [late])
    build(shuffled, USAGE)
    assert {day.isoformat() for _, day, _ in set(rows(shuffled, ledger)) - before} == {"2026-10-20"}
    after = dict(rows(shuffled, totals))
    assert {day: after[day] - days.get(day, 0) for day in after if after[day] != days.get(day, 0)} == {
        "2026-10-21": 1
    }


def test_another_billing_zone_moves_the_days_of_its_source_only(shuffled: Home) -> None:
    billed = """
        select source, billing_date, sum(requests)
        from marts.rpt_usage_by_workspace_daily where {} group by all order by all
    """
    others, london = billed.format("source != 'london'"), billed.format("source = 'london'")
    before, moved = rows(shuffled, others), rows(shuffled, london)
    shuffled.sources_file.write_text(SOURCES.replace("Europe/London", "Pacific/Chatham"))
    build(shuffled, USAGE)
    assert rows(shuffled, others) == before
    assert rows(shuffled, london) != moved
