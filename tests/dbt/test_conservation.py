"""Lines in are counted against the rows that really are in the facts, so a row that is lost on the way is missed."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from dagster_project.books.build import build as build_books
from dagster_project.dbt_runner.project import project
from ingestion.home import Home
from tests.dbt.conftest import FACTS, build, infron_line, land, land_text, rows

FIXTURES = Path(__file__).parents[1] / "fixtures"
ASKED = "assert_every_line_is_accounted_for"
LOST = "lost"
INVOICES = len((FIXTURES / "infery" / "invoices.ndjson").read_text().splitlines())


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, list[str]]:
    """Books of every kind of line, and the tests that failed after one request went from the lake.

    Infron: a call, a rejected line and a blank one; the next day the same call again, another with other usage than
    the day before, and the one that gets lost. AISA: account events, delivered twice. Infery: invoices.
    """
    home = Home(tmp_path_factory.mktemp("conservation") / "home")
    revised = infron_line("revised", usage={"completion_tokens": 600, "total_tokens": 10600})
    land(home, "2026-11-02", [infron_line("twice"), infron_line("revised"), "garbage", ""])
    land(home, "2026-11-03", [infron_line("twice"), revised, infron_line(LOST)])
    events = (FIXTURES / "new_api" / "account_events.ndjson").read_text().splitlines()
    for day in ("2026-11-02", "2026-11-03"):
        land_text(home, f"aisa/logs/dt={day}/events.ndjson", events)
    invoices = (FIXTURES / "infery" / "invoices.ndjson").read_text().splitlines()
    land_text(home, "infery/invoices/dt=2026-11-02/invoices.ndjson", invoices)
    build(home, FACTS)
    _lose_a_request(home)
    # By name, so that the test of the requests themselves, which fails too, is not run and ends nothing.
    graph = project().graph
    later = set(graph.with_upstream(["rpt_source_days"])) - set(graph.with_upstream(["fct_usage_costs"]))
    models = [graph.nodes[node].name for node in later if not graph.nodes[node].is_test]
    result = build_books(home, project(), models)
    return home, [node.name for node in result.broken]


def test_every_kind_of_line_is_counted_where_it_ended(books: tuple[Home, list[str]]) -> None:
    """Of the second day's 3 calls 2 are in the facts; what they repeat is a duplicate and a revision of the first day.

    6 account events came twice: 6 duplicates, then 6 events. Invoices are no events and count as delivered.
    """
    home, _ = books
    assert rows(
        home,
        "select source, stream, delivered_on::varchar, lines, events, duplicates, revisions, rejects, blank_lines"
        " from marts.rpt_source_days order by all",
    ) == [
        ("aisa", "logs", "2026-11-02", 6, 0, 6, 0, 0, 0),
        ("aisa", "logs", "2026-11-03", 6, 6, 0, 0, 0, 0),
        ("infery", "invoices", "2026-11-02", INVOICES, INVOICES, 0, 0, 0, 0),
        ("infron", "logs", "2026-11-02", 4, 0, 1, 1, 1, 1),
        ("infron", "logs", "2026-11-03", 3, 2, 0, 0, 0, 0),
    ]


def test_a_request_that_is_lost_on_the_way_fails_the_night(books: tuple[Home, list[str]]) -> None:
    assert ASKED in books[1]


def _lose_a_request(home: Home) -> None:
    """Take one row out of the lake, as a staging model that filters too much would."""
    [(file,)] = rows(
        home,
        "select file from meta.day_builds where model = 'fct_usage_costs' and file is not null"
        " and event_date = '2026-11-01'",
    )
    path = home.lake / file
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select * from read_parquet('{path}', hive_partitioning = false) where request_id != '{LOST}')"
            f" to '{path}.less' (format parquet)"
        )
    path.with_name(f"{path.name}.less").replace(path)
