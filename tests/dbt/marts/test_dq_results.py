"""Kept validation results become the mart dq_results: none in a new home, later ones without a build."""

from __future__ import annotations

import duckdb

from dagster_project.books.build import build
from dagster_project.books.publishing import publish
from dagster_project.dbt_runner.project import project
from dagster_project.quality import results
from dagster_project.quality.suites.raw_day import RAW_DAY
from ingestion.home import Home
from tests.dagster_project.quality.kept_results import RESULT


def built(home: Home) -> None:
    result = build(home, project(), ["+dq_results"])
    assert not result.broken, result.explain()


def rows(home: Home) -> list[tuple]:
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        return session.sql(
            "select expectation, source, stream, day::varchar, observed, passed from marts.dq_results"
        ).fetchall()


def test_a_home_in_which_nothing_was_judged_has_an_empty_mart(home: Home) -> None:
    built(home)
    assert rows(home) == []


def test_results_that_come_after_the_build_are_in_the_mart(home: Home) -> None:
    built(home)
    results.keep(home, RAW_DAY, "east.logs", [RESULT])
    assert rows(home) == [("few_lines_are_rejected", "east", "logs", "2026-11-02", 0.5, False)]


def test_a_publication_holds_the_results_leaves_their_files_and_removes_half_of_one(home: Home) -> None:
    """A killed gate left a temporary file, which no row may come from."""
    results.keep(home, RAW_DAY, "east.logs", [RESULT])
    [kept] = home.dq_results.glob("*/*.parquet")
    half = kept.with_name(".tmp-1.parquet")
    half.write_bytes(kept.read_bytes())
    built(home)
    assert len(rows(home)) == 1
    published = publish(home, [mart for mart in project().marts if mart.name == "dq_results"])
    assert published.rows == {"dq_results": 1}
    assert (kept.exists(), half.exists()) == (True, False)
