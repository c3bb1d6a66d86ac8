"""The steps over closed and restated days: what their columns are, and what they show to whoever opens build.duckdb.

Rulings: docs/decisions/closing.md#closing-6
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest
import yaml

from dagster_project.books.closing import close
from dagster_project.books.publishing import publish
from dagster_project.dbt_runner.project import PROJECT_DIR, Mart, project
from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, land

SELECT = ["+fct_usage_costs", "+fct_usage_daily", "+fct_restatements", "+rpt_restated_requests"]
MARTS = [Mart(name) for name in ("fct_usage_costs", "fct_usage_daily")]
STEPS = ("closed", "booked", "differing", "adjusted", "before", "after", "restated")


def variables() -> dict[str, Any]:
    return yaml.safe_load((PROJECT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]


def contract(mart: str) -> dict[str, str]:
    columns = project().manifest_json["nodes"][f"model.tollbook.{mart}"]["columns"]
    return {name: column["data_type"] for name, column in columns.items()}


def test_of_every_number_it_is_said_what_an_adjustment_has() -> None:
    """Money is added up with twelve decimals, everything else in whole numbers."""
    listed = variables()["adjustment_columns"]
    columns = contract("fct_usage_costs")
    numbers = {name for name, kind in columns.items() if kind == "bigint" or kind.startswith("decimal")}
    tokens = {name for name in numbers if name.endswith("_tokens")}
    additive = [*tokens, *listed["amounts"], *listed["differences"]]
    prices = {name for name in numbers if name.endswith("_usd_per_mtok")}
    told = [*additive, *listed["described"], *prices]
    assert (set(told), len(told)) == (numbers, len(numbers))
    assert {columns[name] for name in additive if name.endswith("_usd")} == {"decimal(18,12)"}
    assert {columns[name] for name in additive if not name.endswith("_usd")} == {"bigint"}
    assert set(listed["attribution"]) <= columns.keys() - numbers


def test_a_restated_request_is_shown_in_all_it_is_compared_by() -> None:
    listed = variables()["restatement_columns"]
    shown = [f"{side}_{name}" for name in listed["shown"] for side in ("before", "after")]
    assert [
        name for name in contract("rpt_restated_requests") if name.startswith(("before_", "after_"))
    ] == shown
    assert set(listed["unremarkable"]) < set(listed["shown"]) <= contract("fct_usage_costs").keys()


def night(home: Home, today: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLBOOK_TODAY", today)
    build(home, SELECT)
    publish(home, MARTS)


def test_steps_show_what_the_books_hold_of_closed_days_and_two_files_of_a_day(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """October has two calls at $0.0375; one is found late, on 3 November, and one more of the open 1 November.

    Outside of a build every closed day is looked at, or those from first_day to last_day, and nothing differs any more:
    everything was booked. Nothing is restated, unless files are named: 1 November had one call and has two.
    """
    for day in ("2026-10-30", "2026-10-31", "2026-11-01"):
        land(home, day, [infron_line(f"gen-{day}", created_at=f"{day}T07:00:00Z")])
    night(home, "2026-11-02", monkeypatch)
    with duckdb.connect(str(home.build_database), read_only=True) as warehouse:
        for step in STEPS:
            assert warehouse.sql(f"from intermediate.int_usage_costs_{step}").fetchall() == [], step
        assert warehouse.sql("from intermediate.int_days_restated").fetchall() == []
    close(home, "2026-10", date(2026, 11, 2), lambda *_: [], force=False)
    late = [
        infron_line(name, created_at=at)
        for name, at in (("late", "2026-10-31T08:00:00Z"), ("more", "2026-11-01T08:00:00Z"))
    ]
    land(home, "2026-11-02", late)
    night(home, "2026-11-03", monkeypatch)

    booked = """
        select booked_event_id, booked_event_date::varchar, booked_list_cost_usd, booked_requests::bigint
        from intermediate.int_usage_costs_booked
        order by all
    """
    cost = Decimal("0.0375")
    october = [
        ("infron:gen-2026-10-30", "2026-10-30", cost, 1),
        ("infron:gen-2026-10-31", "2026-10-31", cost, 1),
        ("infron:late", "2026-10-31", cost, 1),
    ]
    with duckdb.connect(str(home.build_database), read_only=True) as warehouse:
        assert warehouse.sql(booked).fetchall() == october
        for step in ("differing", "adjusted", "before", "after", "restated"):
            assert warehouse.sql(f"from intermediate.int_usage_costs_{step}").fetchall() == [], step
        for variable in ("first_day", "last_day"):
            warehouse.sql(f"set variable {variable} = date '2026-10-30'")
        assert warehouse.sql(booked).fetchall() == october[:1]
        for side in ("before", "after"):
            warehouse.sql(
                f"""
                set variable {side}_files = (
                    select list('{home.lake}/' || {side}_file) from marts.fct_restatements where cause = 'files_changed'
                )
                """
            )
            [(requests,)] = warehouse.sql(
                f"select count(*) from intermediate.int_usage_costs_{side}"
            ).fetchall()
            assert requests == {"before": 1, "after": 2}[side]
