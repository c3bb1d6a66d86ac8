"""A new home begins with the build of an empty one, which was made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.books import empty
from dagster_project.books.state import open_build
from dagster_project.dbt_runner.project import DbtProject
from ingestion.home import Home


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DbtProject:
    """A project whose parse is a folder of this test's own."""
    folder = tmp_path / "parse"
    folder.mkdir()
    monkeypatch.setattr(DbtProject, "parse_folder", folder)
    return DbtProject(tmp_path)


def build(home: Home) -> None:
    """Stands for a build: a table, and a file below the lake."""
    (home.lake / "dq_results").mkdir(parents=True, exist_ok=True)
    (home.lake / "dq_results" / "none.parquet").write_text("no row")
    with open_build(home, read_only=False) as warehouse:
        warehouse.execute("create table built as select 1 as one")


def test_a_new_home_has_the_build_and_its_files(project: DbtProject, home: Home) -> None:
    empty.make(project, build)
    assert empty.begin(home, project)
    with open_build(home) as warehouse:
        assert warehouse.sql("select one from built").fetchall() == [(1,)]
    assert (home.lake / "dq_results" / "none.parquet").read_text() == "no row"


def test_it_is_made_once(project: DbtProject) -> None:
    empty.make(project, build)
    empty.make(project, lambda home: pytest.fail("it was made twice"))


def test_a_build_that_failed_leaves_none(project: DbtProject, home: Home) -> None:
    def fail(home: Home) -> None:
        build(home)
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        empty.make(project, fail)
    assert not empty.begin(home, project)
    assert not home.build_database.exists()


def test_a_home_that_was_built_keeps_its_build(project: DbtProject, home: Home) -> None:
    empty.make(project, build)
    with open_build(home, read_only=False) as warehouse:
        warehouse.execute("create table own as select 2 as two")
    assert not empty.begin(home, project)
    with open_build(home) as warehouse:
        assert warehouse.sql("select two from own").fetchall() == [(2,)]


def test_files_that_are_there_stay(project: DbtProject, home: Home) -> None:
    empty.make(project, build)
    kept = home.lake / "dq_results" / "none.parquet"
    kept.parent.mkdir(parents=True)
    kept.write_text("own")
    empty.begin(home, project)
    assert kept.read_text() == "own"
