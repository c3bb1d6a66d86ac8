"""Workers for tests: two processes, which the tests of a module share, and tasks of a few rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dagster_project.workers.driving import close_all


@pytest.fixture(scope="module")
def _processes() -> Iterator[None]:
    """End the processes with the module."""
    yield
    close_all()


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch, _processes: None) -> None:
    """A pool of two, for which one row is worth a task."""
    monkeypatch.setenv("TOLLBOOK_WORKERS", "pool:2")
    monkeypatch.setenv("TOLLBOOK_TASK_ROWS", "1")
    monkeypatch.setenv("TOLLBOOK_WORKER_MEMORY", "500MB")
