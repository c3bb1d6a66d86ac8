"""`tollbook incidents`: the list, one incident with its chart, JSON; over a file made by hand and a finished night."""

from __future__ import annotations

import json

import duckdb
import pytest
from typer.testing import CliRunner

from dagster_project.cli import app
from dagster_project.reports import incidents as report
from ingestion.home import Home
from tests.dagster_project.alerts.conftest import incident, publish


def run(home: Home, *arguments: str):
    return CliRunner().invoke(app, ["incidents", *arguments, "--home", str(home.root)])


@pytest.fixture
def books(home: Home) -> Home:
    """Three incidents; 2 USD a day of key_1, 10 on the third of November, one day without a price."""
    publish(
        home,
        [
            incident("aaaa1111"),
            incident("aaaa2222", subject_id="key_2", severity="low", status="resolved"),
            incident("bbbb3333", subject_id="key_3", severity="low"),
        ],
    )
    with duckdb.connect() as marts:
        marts.execute(f"attach '{home.published_database}' as published")
        marts.execute(
            """
            create table published.marts.rpt_usage_by_key_daily as
            select
                day as event_date, 'infron' as source, 'ws_1' as workspace_id, 'key_1' as api_key_id, 7 as requests,
                cast(
                    case when day = date '2026-11-03' then 10 when day != date '2026-11-02' then 2 end
                    as decimal(38, 12)
                ) as cache_optimized_cost_usd
            from (select cast(unnest(range(date '2026-10-30', date '2026-11-05', interval 1 day)) as date) as day)
            """
        )
        marts.execute(
            "create table published.marts.rpt_usage_by_workspace_daily as select date '2026-11-04' as event_date"
        )
    return home


def test_open_incidents_come_first_by_severity_and_end_with_3(books: Home) -> None:
    ended = run(books)
    assert ended.exit_code == 3
    first, second, third = ended.stdout.splitlines()[1:]
    assert first.startswith("aaaa1111")
    assert "high" in first
    assert "8.00" in first
    assert "daily_spend spike: key key_1 (infron, workspace ws_1)" in first
    assert second.startswith("bbbb3333")
    assert third.startswith("aaaa2222")


def test_one_incident_shows_numbers_reason_rows_and_a_chart_of_its_days(books: Home) -> None:
    """10 USD are the longest bar, 2 USD a fifth of it: 32 and 6 signs."""
    ended = run(books, "aaaa1")
    assert ended.exit_code == 3
    for said in ("expected      2.00 USD", "excess        8.00 USD", "explained by  gpt-4o +8.00 USD"):
        assert said in ended.stdout
    chart = {line.split()[0]: line for line in ended.stdout.splitlines() if line.startswith("  2026-")}
    assert chart["2026-11-03"].count("█") == 32
    assert chart["2026-11-03"].endswith("◄")
    assert chart["2026-11-01"].count("█") == 6
    assert "–" in chart["2026-11-02"]
    assert max(chart) == "2026-11-04"
    assert "from fct_usage_costs where api_key_id = 'key_1'" in ended.stdout


def test_json_has_exact_money_and_the_days(books: Home) -> None:
    told = json.loads(run(books, "aaaa1111", "--json").stdout)
    assert told["excess_usd"] == "8.000000000000"
    [peak] = [day for day in told["days"] if day["is_of_the_incident"]]
    assert (peak["day"], peak["spend_usd"], peak["requests"]) == ("2026-11-03", "10.000000000000", 7)
    assert len(json.loads(run(books, "--json").stdout)) == 3


@pytest.mark.parametrize("asked", ["aaaa", "zzzz", ""])
def test_an_id_that_names_none_or_several_ends_with_1(books: Home, asked: str) -> None:
    ended = run(books, asked)
    assert ended.exit_code == 1
    assert "`tollbook incidents` lists them" in ended.stderr


def test_a_status_limits_the_list(books: Home) -> None:
    ended = run(books, "--status", "resolved", "--json")
    assert ended.exit_code == 0
    assert [one["anomaly_id"] for one in json.loads(ended.stdout)] == ["aaaa2222"]


def test_what_was_acknowledged_says_so_until_its_day(books: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    acknowledged = CliRunner().invoke(
        app,
        [
            *("alerts", "acknowledge", "aaaa1", "--until", "2026-11-05", "--reason", "a load test, ours"),
            *("--home", str(books.root)),
        ],
    )
    assert (acknowledged.exit_code, acknowledged.stdout) == (
        0,
        "acknowledged until 2026-11-05: daily_spend spike: key key_1\n",
    )
    for day, status in (("2026-11-05", "acknowledged"), ("2026-11-06", "open")):
        monkeypatch.setenv("TOLLBOOK_TODAY", day)
        told = json.loads(run(books, "aaaa1", "--json").stdout)
        assert told["status"] == status


def test_incidents_of_an_earlier_version_are_shown(home: Home) -> None:
    publish(
        home,
        [incident()],
        without=("subject_type", "subject_id", "status", "evidence_sql", "is_new", "model"),
    )
    [found] = report.incidents(home)
    assert (found.subject, found.status, found.evidence_sql) == ("key key_1", "open", None)


def test_without_a_publication_it_says_how_to_get_one(home: Home) -> None:
    ended = run(home)
    assert ended.exit_code == 1
    assert "tollbook run" in ended.stderr


def test_the_incidents_of_a_night_can_be_shown(finished_night) -> None:
    for found in report.incidents(finished_night.home):
        days = report.course(finished_night.home, found)
        assert [day for day in days if day.is_of_the_incident]
        assert list(report.detail(found, days))
