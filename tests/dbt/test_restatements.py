"""A day that is built again and says something else leaves what it said before, comparable request by request."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest

from dagster_project.books.closing import close
from dagster_project.books.publishing import publish
from dagster_project.books.restating import NotRestatable, Restatement, records, refuse_closed, summary_lines
from dagster_project.dbt_runner.project import Mart
from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, land, rows

MARTS = [
    Mart(name)
    for name in ("fct_usage_costs", "fct_traffic_minutely", "fct_restatements", "rpt_restated_requests")
]
SELECT = ("+fct_restatements", "+rpt_restated_requests", "+fct_traffic_minutely")
OVERRIDES = "provider,model,token_class,usd_per_mtok,min_input_tokens,variant,valid_from,valid_to,reason\n"
DAYS = """
    select
        event_date::varchar, cause, reason, before_requests, after_requests, before_list_cost_usd,
        after_list_cost_usd
    from marts.fct_restatements
    order by restated_at, event_date
"""
REQUESTS = """
    select event_date::varchar, request_id, change, before_list_cost_usd, after_list_cost_usd
    from marts.rpt_restated_requests
    order by all
"""


def night(home: Home, restatement: Restatement | None = None) -> None:
    build(home, SELECT, restatement)
    publish(home, MARTS)


def test_a_restated_day_keeps_what_it_said_before(home: Home) -> None:
    """Input costs $2/M instead of $3/M from 31 October: 0.0375 - 0.01 = $0.0275 for each of two calls.

    The person asks for the 31st; the 1st is rated again by the same night and says why by itself. Then a late call
    for the 1st arrives: 0.0275 x 2 = $0.055. The database may be deleted in between.
    """
    for day in ("2026-10-30", "2026-10-31", "2026-11-01"):
        land(home, day, [infron_line(f"gen-{day}", created_at=f"{day}T07:00:00Z")])
    night(home)
    assert (rows(home, DAYS), rows(home, REQUESTS), records(home)) == ([], [], [])
    home.config.mkdir()
    (home.config / "price_overrides.csv").write_text(
        OVERRIDES + "anthropic,claude-sonnet-4-5,input,2,,,2026-10-31,,contract\n"
    )
    asked = Restatement.of(date(2026, 10, 30), date(2026, 10, 31), "Anthropic's new contract")
    night(home, asked)
    old, new, twice = Decimal("0.0375"), Decimal("0.0275"), Decimal("0.055")
    assert rows(home, DAYS) == [
        ("2026-10-31", "prices_changed", "Anthropic's new contract", 1, 1, old, new),
        ("2026-11-01", "prices_changed", None, 1, 1, old, new),
    ]
    assert rows(home, REQUESTS) == [
        ("2026-10-31", "gen-2026-10-31", "changed", old, new),
        ("2026-11-01", "gen-2026-11-01", "changed", old, new),
    ]
    [_, line] = summary_lines(home, asked)
    assert line.startswith("2026-10-31  0.037500000000 USD before, 0.027500000000 after, -0.010000000000")

    home.build_database.unlink()
    land(home, "2026-11-03", [infron_line("late", created_at="2026-11-01T08:00:00Z")])
    night(home)
    assert rows(home, DAYS)[2:] == [("2026-11-01", "files_changed", None, 1, 2, new, twice)]
    assert rows(home, REQUESTS)[2:] == [("2026-11-01", "late", "added", None, new)]
    for record in records(home):
        assert (home.lake / record["before_file"]).exists()
    asked_again = Restatement.of(date(2026, 10, 30), date(2026, 11, 3), "to be sure")
    night(home, asked_again)
    assert summary_lines(home, asked_again) == ["nothing changed from 2026-10-30 to 2026-11-03"]

    close(home, "2026-10", date(2026, 11, 4), lambda *_: [], force=False)
    with pytest.raises(NotRestatable, match="closed: 2026-10;"):
        refuse_closed(home, Restatement.of(date(2026, 10, 31), date(2026, 11, 1), "too late"))
    refuse_closed(home, Restatement.of(date(2026, 11, 1), date(2026, 11, 1), "still open"))
    assert json.loads((home.lake / "closings" / "2026-10.json").read_bytes())["month"] == "2026-10"
