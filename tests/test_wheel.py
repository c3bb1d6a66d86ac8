"""The wheel holds all that an installed Tollbook needs, and nothing a build left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    [path] = folder.glob("tollbook-*.whl")
    return path


def test_the_dbt_project_the_notebooks_and_the_default_tables_travel_in_it(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = "dagster_project/_shipped"
    assert f"{shipped}/dbt/dbt_project.yml" in names
    assert f"{shipped}/dbt/models/marts/usage/fct_usage_costs.sql" in names
    assert f"{shipped}/notebooks/01_usage_explorer.py" in names
    assert "ingestion/config/shipped/currencies.csv" in names
    assert not [name for name in names if "/target/" in name or "/logs/" in name or name.startswith("dbt/")]


def test_what_is_installed_finds_its_own_dbt_project(wheel: Path, tmp_path: Path) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "from dagster_project.dbt_runner.project import PROJECT_DIR, project;"
        "print(PROJECT_DIR); print(project().parse_folder); print(len(project().marts))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site"), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        check=True,
        capture_output=True,
        text=True,
    )
    project_dir, parse_folder, marts = ended.stdout.splitlines()[-3:]
    assert Path(project_dir) == tmp_path / "site" / "dagster_project" / "_shipped" / "dbt"
    assert Path(parse_folder).is_relative_to(tmp_path / "cache")
    assert int(marts) > 40
