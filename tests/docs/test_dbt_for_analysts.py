"""docs/dbt.md: its commands run at the root of a checkout, over a published home, and leave it as it was."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import duckdb
import pytest

from dagster_project.dbt_runner.build import close_connections
from ingestion.home import HOME_VARIABLE, Home
from tests.dagster_project.conftest import FinishedNight

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "dbt.md").read_text(encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what dbt reads, so that nothing is written into the repository."""
    shutil.copytree(ROOT / "dbt", tmp_path / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    (tmp_path / "profiles.yml").symlink_to("dbt/profiles.yml")
    return tmp_path


def test_the_profile_at_the_root_is_that_of_the_project() -> None:
    assert (ROOT / "profiles.yml").resolve() == ROOT / "dbt" / "profiles.yml"


def test_the_commands_answer_and_build_beside_the_published_file(
    finished_night: FinishedNight, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two questions, then a model of one's own, which counts what the published mart counts."""
    from dbt.cli.main import dbtRunner

    home = Home(checkout / "home")
    home.root.mkdir()
    shutil.copyfile(finished_night.home.published_database, home.published_database)
    before = home.published_database.read_bytes()
    monkeypatch.setenv(HOME_VARIABLE, str(home.root))
    monkeypatch.chdir(checkout)
    [name] = set(re.findall(r"dbt/models/marts/usage/(\w+)\.sql", DOCUMENT))
    [model] = re.findall(r"```sql\n(\{\{ config.*?)```", DOCUMENT, re.DOTALL)
    (checkout / "dbt" / "models" / "marts" / "usage" / f"{name}.sql").write_text(model)
    commands = re.findall(r"^\.venv/bin/dbt (.+)$", DOCUMENT, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        try:
            outcome = dbtRunner().invoke([*shlex.split(command), "--quiet", "--log-level-file", "none"])
        finally:
            close_connections()
        assert outcome.success, (command, outcome.exception)
    with duckdb.connect(str(home.root / "own.duckdb"), read_only=True) as own:
        [counted] = own.sql(f"select sum(requests) from marts.{name}").fetchall()
    with duckdb.connect(str(home.published_database), read_only=True) as published:
        assert published.sql("select sum(requests) from marts.fct_usage_daily").fetchall() == [counted]
    assert home.published_database.read_bytes() == before
