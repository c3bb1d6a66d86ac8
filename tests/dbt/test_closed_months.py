"""A closed month keeps its files; what would be different today is booked as adjustments of the day it is found."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from dagster_project.books.closing import ClosedFileDamaged, NotClosable, close
from dagster_project.books.publishing import publish
from dagster_project.dbt_runner.project import Mart
from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, land, rows

SELECT = ["+rpt_usage_by_key_daily", "+int_focus_usage_daily", "+dim_discount_rules"]
MARTS = [Mart("fct_usage_costs"), Mart("fct_usage_daily"), Mart("rpt_usage_by_key_daily")]
OVERRIDES = "provider,model,token_class,usd_per_mtok,min_input_tokens,variant,valid_from,valid_to,reason\n"
ADJUSTMENTS = """
    select
        event_date::varchar, adjusts_event_id, adjusts_event_date::varchar, adjustment_kind, event_type,
        list_cost_usd, cache_optimized_cost_usd, input_tokens, raw_file, raw_line
    from marts.fct_usage_costs
    where adjusts_event_id is not null
    order by event_date, adjusts_event_id, event_id
"""
TOTALS = """
    select
        (select sum(list_cost_usd) from marts.fct_usage_costs),
        (select sum(list_cost_usd) from marts.fct_usage_daily),
        (select sum(list_cost_usd) from marts.rpt_usage_by_key_daily),
        (select sum(requests)::bigint from marts.fct_usage_daily),
        (select sum(requests)::bigint from intermediate.int_focus_usage_daily),
        (select sum(rule_requests)::bigint from marts.dim_discount_rules)
"""
#: Every call is under a rule, and none changes an amount.
FULL_PRICE = """\
rule_id,workspace_id,group_name,kind,factor,valid_from,valid_to,reason
old,,,contract,1,2026-01-01,2026-11-01,list
new,,,contract,1,2026-11-01,,list
"""


@pytest.fixture(autouse=True)
def _full_price(home: Home) -> None:
    home.config.mkdir()
    (home.config / "discount_rules.csv").write_text(FULL_PRICE)


def night(home: Home, today: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build and publish as if it were `today`, after a closing and a night that died over their files."""
    for half in ("closings/.tmp-half.json", "restatements/tmp_half.json"):
        file = home.lake / half
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{half a")
    monkeypatch.setenv("TOLLBOOK_TODAY", today)
    build(home, SELECT)
    publish(home, MARTS)


def complete(home: Home, month: str) -> list[str]:
    return []


def gap(home: Home, month: str) -> list[str]:
    return ["a gap"]


def frozen(home: Home) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in home.lake.glob("fct_usage_costs/event_date=2026-10-*/*_0.parquet")
    }


def test_late_data_for_a_closed_month_is_booked_on_the_day_it_is_found(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two calls in October at $0.0375 are closed. A third arrives on 3 November, one of them is revised.

    Revised to 20,000 prompt tokens: 20,000 x 3 + 500 x 15 per million = $0.0675, so $0.03 more.
    Books: 2 x 0.0375 + 0.0375 + 0.03 = $0.1425 for three requests, of which $0.075 stay in October.
    """
    for day in ("2026-10-30", "2026-10-31"):
        land(home, day, [infron_line(f"gen-{day}", created_at=f"{day}T07:00:00Z")])
    night(home, "2026-11-01", monkeypatch)
    _, is_new = close(home, "2026-10", date(2026, 11, 1), complete, force=False)
    assert is_new
    before = frozen(home)
    ledger = home.build_database.read_bytes()
    land(
        home,
        "2026-11-02",
        [
            infron_line("late", created_at="2026-10-31T23:59:59.999Z"),
            infron_line(
                "gen-2026-10-30",
                created_at="2026-10-30T07:00:00Z",
                usage={"prompt_tokens": 20000, "total_tokens": 20500},
            ),
        ],
    )
    night(home, "2026-11-03", monkeypatch)
    assert frozen(home) == before
    file = "infron/logs/dt=2026-11-02/part.ndjson"
    found = rows(home, ADJUSTMENTS)
    assert found == [
        (
            "2026-11-03",
            "infron:gen-2026-10-30",
            "2026-10-30",
            "changed",
            "adjustment",
            Decimal("0.03"),
            Decimal("0.03"),
            10000,
            file,
            2,
        ),
        (
            "2026-11-03",
            "infron:late",
            "2026-10-31",
            "late",
            "adjustment",
            Decimal("0.0375"),
            Decimal("0.0375"),
            10000,
            file,
            1,
        ),
    ]
    totals = rows(home, TOTALS)
    assert totals == [(*[Decimal("0.1425")] * 3, *[3] * 3)]
    home.build_database.write_bytes(ledger)  # as if the run had died between its adjustments and its ledger
    night(home, "2026-11-04", monkeypatch)
    assert (rows(home, ADJUSTMENTS), rows(home, TOTALS), frozen(home)) == (found, totals, before)
    home.build_database.unlink()
    night(home, "2026-11-05", monkeypatch)
    assert (rows(home, ADJUSTMENTS), rows(home, TOTALS), frozen(home)) == (found, totals, before)

    (home.landing / file).unlink()
    land(home, "2026-11-02", [infron_line("late", created_at="2026-10-31T23:59:59.999Z")], "again.ndjson")
    night(home, "2026-11-06", monkeypatch)
    assert [row[:4] for row in rows(home, ADJUSTMENTS)] == [row[:4] for row in found] + [
        ("2026-11-06", "infron:gen-2026-10-30", "2026-10-30", "changed")
    ]
    assert rows(home, TOTALS) == [(*[Decimal("0.1125")] * 3, *[3] * 3)]


def test_a_price_for_a_closed_month_is_booked_as_the_exact_difference(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two calls of 10,000 prompt tokens; from 31 October on input costs $2/M instead of $3/M.

    10,000 x (2 - 3) per million = -$0.01 for the call of the 31st, none for that of the 30th, and November, which
    is open, is simply built again: 0.0375 + 0.0375 - 0.01 + 0.0275 = $0.0925. Then the file of the 30th is archived, a
    late call of that day arrives, and the file of the 31st is delivered again without its call, which takes back the
    $0.0275 it came to: 0.0925 + 0.0375 - 0.0275 = $0.1025.
    """
    for day in ("2026-10-30", "2026-10-31", "2026-11-01"):
        land(home, day, [infron_line(f"gen-{day}", created_at=f"{day}T07:00:00Z")])
    night(home, "2026-11-02", monkeypatch)
    with pytest.raises(NotClosable, match="not over"):
        close(home, "2026-11", date(2026, 11, 30), complete, force=False)
    with pytest.raises(NotClosable, match="nothing is published"):
        close(home, "2026-09", date(2026, 11, 2), complete, force=False)
    with pytest.raises(NotClosable, match="a gap"):
        close(home, "2026-10", date(2026, 11, 2), gap, force=False)
    close(home, "2026-10", date(2026, 11, 2), gap, force=True)
    again, is_new = close(home, "2026-10", date(2026, 11, 9), complete, force=False)
    assert (again.accepted, is_new) == (["a gap"], False)

    (home.config / "price_overrides.csv").write_text(
        OVERRIDES + "anthropic,claude-sonnet-4-5,input,2,,,2026-10-31,,contract\n"
    )
    before = frozen(home)
    night(home, "2026-11-03", monkeypatch)
    assert frozen(home) == before
    found = rows(home, ADJUSTMENTS)
    assert [row[:7] for row in found] == [
        (
            "2026-11-03",
            "infron:gen-2026-10-31",
            "2026-10-31",
            "changed",
            "adjustment",
            Decimal("-0.01"),
            Decimal("-0.01"),
        )
    ]
    assert rows(home, TOTALS) == [(*[Decimal("0.0925")] * 3, *[3] * 3)]

    (home.landing / "infron/logs/dt=2026-10-30/part.ndjson").unlink()
    land(home, "2026-10-31", [])
    land(home, "2026-11-03", [infron_line("late", created_at="2026-10-30T09:00:00Z")])
    night(home, "2026-11-04", monkeypatch)
    assert [(*row[:4], row[5]) for row in rows(home, ADJUSTMENTS)[1:]] == [
        ("2026-11-04", "infron:gen-2026-10-31", "2026-10-31", "vanished", Decimal("-0.0275")),
        ("2026-11-04", "infron:late", "2026-10-30", "late", Decimal("0.0375")),
    ]
    assert rows(home, TOTALS) == [(*[Decimal("0.1025")] * 3, *[3] * 3)]

    [closed_file] = home.lake.glob("fct_usage_costs/event_date=2026-10-30/*_0.parquet")
    content = closed_file.read_bytes()
    closed_file.write_bytes(content[:-1] + b"2")
    with pytest.raises(ClosedFileDamaged, match=closed_file.name):
        build(home)
    closed_file.unlink()
    with pytest.raises(ClosedFileDamaged, match="is gone"):
        build(home)
