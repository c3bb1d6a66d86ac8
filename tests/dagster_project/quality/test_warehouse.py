"""The gates of the warehouse, on a small build.duckdb: what fails, which rows, and what is not judged again."""

from __future__ import annotations

import duckdb
import pytest

from dagster_project.dbt_runner.token_classes import token_classes
from dagster_project.quality import results
from dagster_project.quality.results import Verdict
from dagster_project.quality.warehouse import RECONCILIATION, ROLLUP, judge
from ingestion.home import Home

TOKENS = list(dict.fromkeys(entry.tokens for entry in token_classes()))


def roll(home: Home, *rows: dict[str, object]) -> Verdict:
    """Make fct_usage_daily of these rows, each day built from what it is now, and judge it."""
    with duckdb.connect(str(home.build_database)) as build:
        build.sql("create schema if not exists marts")
        build.sql(
            "create or replace table marts.fct_usage_daily (source varchar, event_date date, usage_date date,"
            " workspace_id varchar, api_key_id varchar, model_served varchar, call_type varchar, status varchar,"
            " origin varchar, requests bigint, list_cost_usd decimal(38,12), "
            + ", ".join(f"{name} bigint default 0" for name in TOKENS)
            + ")"
        )
        for row in rows:
            values = {
                "source": "east",
                "event_date": "2026-11-02",
                "usage_date": row.get("event_date", "2026-11-02"),
                "workspace_id": "ws_1",
                "api_key_id": "key_1",
                "model_served": "gpt-4o",
                "call_type": "chat",
                "status": "success",
                "origin": "api",
                "requests": 1,
                "list_cost_usd": "0.01",
                **row,
            }
            marks = ", ".join(f"${number + 1}" for number in range(len(values)))
            build.execute(
                f"insert into marts.fct_usage_daily ({', '.join(values)}) values ({marks})",
                list(values.values()),
            )
        build.sql("create schema if not exists meta")
        build.sql(
            """
            create or replace table meta.day_builds as
            select
                'fct_usage_daily' as model, event_date, md5(list(rollup order by rollup)::varchar) as fingerprint,
                null::varchar as content, null::varchar as file
            from marts.fct_usage_daily as rollup
            group by event_date
            """
        )
    return judge(home, ROLLUP)


def reconcile(home: Home, *rows: tuple[str, int, int, int]) -> Verdict:
    """Make recon_summary of (status, item_count, received_minor, oldest_age_days) and judge it."""
    with duckdb.connect(str(home.build_database)) as build:
        build.sql("create schema if not exists marts")
        build.sql(
            "create or replace table marts.recon_summary (period_month date, workspace_id varchar, currency varchar,"
            " status varchar, item_count bigint, received_minor bigint, refunded_minor bigint, disputed_minor bigint,"
            " oldest_age_days bigint)"
        )
        for row in rows:
            build.execute(
                "insert into marts.recon_summary values ('2026-11-01', 'ws_1', 'usd', $1, $2, $3, 0, 0, $4)",
                row,
            )
    return judge(home, RECONCILIATION)


def test_a_good_rollup_passes_and_is_judged_once(home: Home) -> None:
    rows = [{}, {"event_date": "2026-11-03", "source": "west"}]
    assert roll(home, *rows) == Verdict(2, [])
    assert roll(home, *rows) == Verdict(0, [])
    assert roll(home, {}, {"event_date": "2026-11-03", "source": "west", "requests": 2}).judged == 1


@pytest.mark.parametrize(
    ("bad", "expectation", "is_blocking"),
    [
        ({"requests": 0}, "rows_count_requests", True),
        ({"uncached_input_tokens": -5}, "tokens_are_not_negative", True),
        ({"api_key_id": None}, "calls_have_a_key", False),
        ({"list_cost_usd": "-0.03"}, "a_day_costs_at_least_nothing", False),
    ],
)
def test_a_bad_rollup_fails_its_expectation(
    home: Home, bad: dict[str, object], expectation: str, is_blocking: bool
) -> None:
    """One good row, then the bad one: half the calls without a key, -2 cents in all."""
    verdict = roll(home, {}, bad)
    [result] = verdict.results
    assert (result.expectation, result.is_blocking, result.day) == (expectation, is_blocking, "2026-11-02")
    assert verdict.passed is not is_blocking


def test_the_failing_rows_of_a_rollup_are_those_of_its_day(home: Home) -> None:
    verdict = roll(home, {}, {"model_served": "o3", "requests": 0}, {"source": "west"})
    assert verdict.failures[0].rows == [
        {
            "workspace_id": "ws_1",
            "api_key_id": "key_1",
            "model_served": "o3",
            "call_type": "chat",
            "status": "success",
            "origin": "api",
            "fewest_requests": 0,
        }
    ]


def test_a_failed_rollup_is_held_back_until_it_changes(home: Home) -> None:
    assert roll(home, {"requests": 0}).judged == 1
    again = roll(home, {"requests": 0})
    assert (again.judged, again.passed) == (0, False)
    assert roll(home, {}).passed


def test_adjustments_may_be_negative(home: Home) -> None:
    assert roll(home, {}, {"usage_date": "2026-10-02", "requests": 0, "uncached_input_tokens": -5}).passed


def test_a_source_without_any_key_is_not_asked_for_one(home: Home) -> None:
    assert roll(home, {"api_key_id": None}) == Verdict(1, [])
    [result] = [
        one for one in results.read(home, ROLLUP.suite, ROLLUP.mart) if one.expectation == "calls_have_a_key"
    ]
    assert (result.observed, result.passed) == (None, True)


def test_a_good_reconciliation_passes(home: Home) -> None:
    assert reconcile(home, ("matched", 15, 100, 3), ("missing_invoice", 15, 0, 0)) == Verdict(1, [])


@pytest.mark.parametrize(
    ("row", "expectation", "is_blocking"),
    [
        (("refunded", 0, 5, 3), "rows_count_items", True),
        (("refunded", 1, -5, 3), "money_moves_one_way", True),
        (("refunded", 1, 5, -1), "items_have_an_age", False),
        (("missing_invoice", 31, 5, 3), "most_items_are_settled", False),
    ],
)
def test_a_bad_reconciliation_fails_its_expectation(
    home: Home, row: tuple[str, int, int, int], expectation: str, is_blocking: bool
) -> None:
    """30 matched items, then the bad row; 31 of 61 unmatched is more than half."""
    [result] = reconcile(home, ("matched", 30, 100, 3), row).results
    assert (result.expectation, result.is_blocking, result.day) == (expectation, is_blocking, "2026-11-01")
    assert result.rows
