"""A build of the same inputs is not made again; anything else is another input."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from dagster_project.books import state
from dagster_project.books.inputs import inputs
from dagster_project.dbt_runner.build import BuildResult, NodeResult
from dagster_project.dbt_runner.project import project
from ingestion.home import Home

RESULT = BuildResult(
    invocation_id="i",
    nodes=[NodeResult("model.tollbook.fct", "fct", "model", "success", 0.1, None, "", "", False)],
    log_tail=["Done."],
    rows={"fct": 3},
    days_rebuilt={"fct": 2},
)


@pytest.fixture
def built(home: Home) -> Home:
    """A home with a raw file, a setting, a lake file, and a warehouse that remembers a build of them."""
    for file in (
        "raw/infron_logs/dt=2026-11-01/a.parquet",
        "raw/config_currencies/config.parquet",
        "lake/f/a.parquet",
    ):
        (home.root / file).parent.mkdir(parents=True)
        (home.root / file).write_text("content")
    with duckdb.connect(str(home.build_database)) as warehouse:
        warehouse.sql("create schema meta")
        warehouse.sql("create table meta.day_builds as select 'f/a.parquet' as file")
    state.remember(home, inputs(home, project()), RESULT)
    return home


def recalled(home: Home) -> BuildResult | None:
    return state.recall(home, inputs(home, project()))


def test_the_same_inputs_have_the_same_results_and_rebuild_no_day(built: Home) -> None:
    said = recalled(built)
    assert (said.nodes, said.rows, said.days_rebuilt) == (RESULT.nodes, {"fct": 3}, {"fct": 0})


@pytest.mark.parametrize(
    "file",
    [
        "raw/infron_logs/dt=2026-11-01/b.parquet",
        "raw/infron_logs/dt=2026-11-01/a.parquet",
        "raw/config_currencies/config.parquet",
        "raw/accepted/infron.ndjson",
        "rejects/infron/logs/dt=2026-11-01/a.parquet",
    ],
)
def test_another_file_or_other_content_is_built(built: Home, file: str) -> None:
    path = built.root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("other content")
    assert recalled(built) is None


def test_settings_written_again_with_the_same_content_are_the_same(built: Home) -> None:
    (built.raw / "config_currencies" / "config.parquet").write_text("content")
    assert recalled(built) is not None


def test_unfinished_work_of_a_dead_process_is_no_input(built: Home) -> None:
    (built.raw / ".tmp-1").mkdir()
    (built.raw / ".tmp-1" / "a.parquet").touch()
    assert recalled(built) is not None


def test_a_lake_file_that_is_gone_is_built_again(built: Home) -> None:
    (built.lake / "f" / "a.parquet").unlink()
    assert recalled(built) is None


def test_a_build_that_has_begun_is_remembered_only_when_it_is_complete(built: Home) -> None:
    state.forget(built)
    assert recalled(built) is None


def test_a_deleted_warehouse_remembers_nothing(built: Home) -> None:
    Path(built.build_database).unlink()
    assert recalled(built) is None


def test_days_of_a_model_that_is_gone_are_forgotten(home: Home) -> None:
    """Days that a closing was compared with stand under the name of the model they are of."""
    found_on = date(2026, 11, 1)
    state.prepare(home, found_on, ())
    with duckdb.connect(str(home.build_database)) as warehouse:
        for model in ("gone", "gone:closed", "fct", "fct:closed"):
            warehouse.execute(
                "insert into meta.day_builds values ($1, '2026-11-01', 'f', null, null, 0, 'i', null)",
                [model],
            )
    state.prepare(home, found_on, {"fct", "dim"})
    with duckdb.connect(str(home.build_database), read_only=True) as warehouse:
        assert warehouse.sql("select model from meta.day_builds order by 1").fetchall() == [
            ("fct",),
            ("fct:closed",),
        ]
