"""The notebooks over the marts of one finished night, which is built once for all tests of a session."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from dagster_project.notebooks.marts import Marts, open_marts
from ingestion.home import HOME_VARIABLE, Home
from tests.conftest import REPOSITORY
from tests.dagster_project.conftest import FinishedNight, finished_night  # noqa: F401

NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("[0-9]*.py"))


def imported(path: Path) -> ModuleType:
    """Return a notebook as a module."""
    spec = importlib.util.spec_from_file_location(f"notebook_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def published_home(finished_night: FinishedNight, monkeypatch: pytest.MonkeyPatch) -> Home:  # noqa: F811
    """The home with a finished night, which is also the one `$TOLLBOOK_HOME` names; for reading only."""
    monkeypatch.setenv(HOME_VARIABLE, str(finished_night.home.root))
    return finished_night.home


@pytest.fixture
def marts(published_home: Home) -> Marts:
    """Its published marts."""
    return open_marts(published_home)


@pytest.fixture
def run(published_home: Home) -> Callable[..., dict]:
    """A function that runs a notebook, named by its number, and returns its variables; some may be given."""

    def run(number: str, **given: object) -> dict:
        [path] = [path for path in NOTEBOOKS if path.name.startswith(f"{number}_")]
        _, shown = imported(path).app.run(defs=given)
        return dict(shown)

    return run
