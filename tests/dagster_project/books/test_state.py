"""Build state: what is known of days and of nodes, and what is forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from dagster_project.books import state
from dagster_project.books.state import NodeBuild
from dagster_project.dbt_runner.build import NodeResult
from ingestion.home import Home

FCT = "model.tollbook.fct"
TEST = "test.tollbook.fct_is_sound"
RELATIONS = {FCT: "marts.fct"}
BUILDS = {
    FCT: NodeBuild(
        "i", "/home", "2 7", 2, NodeResult(FCT, "fct", "model", "success", 0.1, None, "", "", False)
    ),
    TEST: NodeBuild(
        "j", "/home", None, None, NodeResult(TEST, "fct_is_sound", "test", "warn", 0.1, 3, "", "", True)
    ),
}
FOUND_ON = date(2026, 11, 1)


@pytest.fixture
def built(home: Home) -> Home:
    """A home that remembers a model, whose one lake file is there, and its test."""
    (home.lake / "fct").mkdir(parents=True)
    (home.lake / "fct" / "a.parquet").touch()
    with state.open_build(home, read_only=False) as warehouse:
        state.prepare(warehouse, FOUND_ON, {"fct"})
        warehouse.execute("create schema marts; create table marts.fct as select unnest([1, 2]) as one")
        warehouse.execute(
            "insert into meta.day_builds values ('fct', '2026-11-01', 'f', null, 'fct/a.parquet', 2, 'n', null)"
        )
        state.remember_nodes(warehouse, "code", BUILDS)
    return home


def known(home: Home, code: str = "code") -> dict[str, NodeBuild]:
    return state.known_nodes(home, code, RELATIONS)


def test_nodes_are_known_as_they_were_built_last(built: Home) -> None:
    assert known(built) == BUILDS
    again = replace(BUILDS[FCT], content="3 9", row_count=3)
    with state.open_build(built, read_only=False) as warehouse:
        state.remember_nodes(warehouse, "code", {FCT: again})
    assert known(built) == BUILDS | {FCT: again}


def test_nodes_built_with_other_code_are_not_known(built: Home) -> None:
    assert known(built, "other code") == {}


def test_a_node_that_is_forgotten_is_not_known(built: Home) -> None:
    with state.open_build(built, read_only=False) as warehouse:
        state.forget_nodes(warehouse, [FCT])
    assert known(built) == {TEST: BUILDS[TEST]}


def test_a_model_whose_lake_file_is_gone_is_not_known(built: Home) -> None:
    (built.lake / "fct" / "a.parquet").unlink()
    assert known(built) == {TEST: BUILDS[TEST]}


def test_a_model_whose_relation_is_gone_is_not_known(built: Home) -> None:
    with state.open_build(built, read_only=False) as warehouse:
        warehouse.execute("drop table marts.fct")
    assert known(built) == {TEST: BUILDS[TEST]}


def test_a_deleted_warehouse_knows_nothing(built: Home) -> None:
    built.build_database.unlink()
    assert known(built) == {}


def test_the_content_of_a_table_does_not_depend_on_the_order_of_its_rows(built: Home) -> None:
    with state.open_build(built, read_only=False) as warehouse:
        before = state.contents_of(warehouse, RELATIONS, {})
        warehouse.execute("create or replace table marts.fct as select unnest([2, 1]) as one")
        assert state.contents_of(warehouse, RELATIONS, {}) == before
        warehouse.execute("create or replace table marts.fct as select unnest([1, 1, 2]) as one")
        assert state.contents_of(warehouse, RELATIONS, {}) != before


def test_the_content_of_days_is_what_they_were_built_from(built: Home) -> None:
    with state.open_build(built, read_only=False) as warehouse:
        before = state.contents_of(warehouse, {}, {FCT: "fct", "none": "none"})
        assert (before[FCT][1], before["none"]) == (2, ("no day", 0))
        warehouse.execute("update meta.day_builds set fingerprint = 'g'")
        assert state.contents_of(warehouse, {}, {FCT: "fct"})[FCT] != before[FCT]


def test_days_of_a_model_that_is_gone_are_forgotten(home: Home) -> None:
    """Days that a closing was compared with stand under the name of the model they are of."""
    with state.open_build(home, read_only=False) as warehouse:
        state.prepare(warehouse, FOUND_ON, ())
        for model in ("gone", "gone:closed", "fct", "fct:closed"):
            warehouse.execute(
                "insert into meta.day_builds values ($1, '2026-11-01', 'f', null, null, 0, 'i', null)",
                [model],
            )
        state.prepare(warehouse, FOUND_ON, {"fct", "dim"})
        assert warehouse.sql("select model from meta.day_builds order by 1").fetchall() == [
            ("fct",),
            ("fct:closed",),
        ]
