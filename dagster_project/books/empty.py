"""The build of a home that has received nothing: what a new home begins with.

Most models of a first night have no rows, and only a build can tell. It is made once per content of dbt/, beside its
parse, when an environment is set up; a home that begins with it builds what its own files change. Without it the first
night builds everything.

Rulings: docs/decisions/runs.md#runs-11.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from dagster_project.dbt_runner.project import DbtProject
from ingestion import config, load, prices, source_status
from ingestion.files import whole
from ingestion.home import Home
from ingestion.locks import held

#: Seconds to wait for another process that makes it.
WAIT_SECONDS = 300.0


def begin(home: Home, project: DbtProject) -> bool:
    """Give a home without a build.duckdb the build of an empty home, if it was made; return whether it did."""
    empty = Home(_place(project))
    if home.build_database.exists() or not empty.build_database.exists():
        return False
    for file in empty.lake.rglob("*"):
        target = home.lake / file.relative_to(empty.lake)
        if file.is_file() and not target.exists():
            _copy(file, target)
    _copy(empty.build_database, home.build_database)
    return True


def make(project: DbtProject, build: Callable[[Home], object]) -> None:
    """Build an empty home and keep its build, unless it was made.

    Args:
        project: the dbt project.
        build: builds everything in a home.
    """
    place = _place(project)
    with held(place.with_name("empty.lock"), WAIT_SECONDS):
        if place.exists():
            return
        with TemporaryDirectory(dir=place.parent) as folder:
            home = Home(Path(folder))
            load.write_schemas(home)
            config.write_config(home)
            prices.write_catalogue(home)
            prices.resolve_models(home)
            prices.write_formulas(home)
            source_status.write(home, [])
            build(home)
            kept = Path(folder) / "kept"
            kept.mkdir()
            home.build_database.rename(Home(kept).build_database)
            home.lake.rename(Home(kept).lake)
            kept.rename(place)


def _place(project: DbtProject) -> Path:
    return project.parse_folder / "empty"


def _copy(file: Path, target: Path) -> None:
    with whole(target) as temporary:
        shutil.copyfile(file, temporary)
