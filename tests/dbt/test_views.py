"""Steps between raw/ and a priced request are views: what they show in a night, and in build.duckdb opened later."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dagster_project.books.build import build as build_project
from dagster_project.dbt_runner.project import PROJECT_DIR, DbtProject, project
from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, land, rows

DAYS = ("2026-11-01", "2026-11-02", "2026-11-03")
FACTS = "select event_id, list_cost_usd, variance_reason from {} order by event_id"


def views() -> list[dict[str, Any]]:
    """The models that are views and no marts."""
    return [
        node
        for node in project().models
        if node["config"]["materialized"] == "view" and node["fqn"][1] != "marts"
    ]


@pytest.fixture(scope="module")
def delivered_again(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Three days of a call each; the third was delivered, built, and delivered again as another call."""
    home = Home(tmp_path_factory.mktemp("views") / "home")
    for day in DAYS:
        land(home, day, [infron_line(f"gen-{day}", created_at=f"{day}T07:00:00Z")])
    build(home)
    land(home, DAYS[-1], [infron_line("gen-other", created_at=f"{DAYS[-1]}T07:00:00Z")])
    build(home)
    return home


@pytest.fixture
def warehouse(delivered_again: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(delivered_again.build_database), read_only=True) as connection:
        yield connection


def test_a_step_shows_every_accepted_day_outside_of_a_night(warehouse: duckdb.DuckDBPyConnection) -> None:
    """What was delivered before is still below raw/, and is not shown."""
    shown = warehouse.execute(FACTS.format("intermediate.int_usage_events_explained")).fetchall()
    assert [event_id for event_id, *_ in shown] == [
        "infron:gen-2026-11-01",
        "infron:gen-2026-11-02",
        "infron:gen-other",
    ]
    assert shown == warehouse.execute(FACTS.format("marts.fct_usage_costs")).fetchall()


def test_a_step_shows_the_days_that_are_requested(warehouse: duckdb.DuckDBPyConnection) -> None:
    for variable in ("first_day", "last_day"):
        warehouse.execute(f"set variable {variable} = date '2026-11-02'")
    for relation in ("intermediate.int_usage_events_explained", "marts.fct_usage_costs"):
        shown = warehouse.execute(f"select event_date::varchar from {relation}").fetchall()
        assert shown == [("2026-11-02",)], relation


def test_every_view_can_be_selected_from(warehouse: duckdb.DuckDBPyConnection) -> None:
    built = set(project().graph.with_upstream(["fct_usage_costs"]))
    named = {f"{node['schema']}.{node['name']}" for node in views() if node["unique_id"] in built}
    for view in sorted(named):
        warehouse.execute(f"select * from {view} limit 1").fetchall()
    assert "intermediate.int_usage_events" in named


def test_rows_of_requests_are_read_day_by_day_only() -> None:
    """A plain table over raw rows would go through every day there is, each night."""
    nodes = project().manifest_json["nodes"]
    sources = project().manifest_json["sources"]
    below = {
        node["unique_id"]: {
            name
            for reader in [
                node["unique_id"],
                *(f"model.tollbook.{view}" for view in project().graph.views_below([node["name"]])),
            ]
            for name in nodes[reader]["depends_on"]["nodes"]
        }
        for node in project().models
        if node["config"]["materialized"] not in ("view", "daily", "lake")
    }
    events = {name for name, source in sources.items() if source["config"]["meta"].get("is_event_table")}
    assert events
    assert {name: sorted(read & events) for name, read in below.items() if read & events} == {}


def test_other_code_of_a_view_rebuilds_the_days_that_are_made_of_it(home: Home, tmp_path: Path) -> None:
    land(home, DAYS[0], [infron_line("gen-1", created_at=f"{DAYS[0]}T07:00:00Z")])
    build(home, ["+fct_usage_costs"])
    shutil.copytree(PROJECT_DIR, tmp_path / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    priced = tmp_path / "dbt/models/intermediate/pricing/int_usage_events_priced.sql"
    reason_column = "as unpriced_reason"
    assert priced.read_text().count(reason_column) == 1
    priced.write_text(priced.read_text().replace(reason_column, f"|| '' {reason_column}"))
    result = build_project(home, DbtProject(tmp_path / "dbt"), ["fct_usage_costs"])
    assert not result.broken, result.explain()
    assert result.days_rebuilt["fct_usage_costs"] == 1
    again = build_project(home, DbtProject(tmp_path / "dbt"), ["fct_usage_costs"])
    assert again.days_rebuilt["fct_usage_costs"] == 0
    assert rows(home, "select count(*) from marts.fct_usage_costs") == [(1,)]
