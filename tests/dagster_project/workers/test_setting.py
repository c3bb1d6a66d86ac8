"""TOLLBOOK_WORKERS: what it can be, and what is said of the rest."""

from __future__ import annotations

import pytest

from dagster_project.workers.setting import Setting, WorkersError, setting


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        ("pool:2", "pool"),
        ("spark", "spark"),
        ("spark://127.0.0.1:7077", "spark"),
        ("ray", "ray"),
        ("ray://local", "ray"),
        ("ray://127.0.0.1:10001", "ray"),
    ],
)
def test_it_names_a_place(where: str, kind: str) -> None:
    found = setting({"TOLLBOOK_WORKERS": where})
    assert found == Setting(where, kind)


def test_it_is_unset_by_default() -> None:
    assert setting({}) is None
    assert setting({"TOLLBOOK_WORKERS": ""}) is None


@pytest.mark.parametrize(
    "where", ["pool", "pool:0", "pool:two", "dask://a:1", "spark:local", "ray:2", "pool:2 3"]
)
def test_anything_else_is_refused(where: str) -> None:
    with pytest.raises(WorkersError, match="it can be pool:N, spark, spark://host:port, ray"):
        setting({"TOLLBOOK_WORKERS": where})


def test_a_task_has_memory_threads_and_rows() -> None:
    found = setting(
        {
            "TOLLBOOK_WORKERS": "pool:12",
            "TOLLBOOK_WORKER_MEMORY": "1500MB",
            "TOLLBOOK_WORKER_THREADS": "2",
            "TOLLBOOK_TASK_ROWS": "1000",
        }
    )
    assert found is not None
    assert (found.processes, found.memory_bytes, found.threads, found.task_rows) == (
        12,
        1_500_000_000,
        2,
        1000,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("TOLLBOOK_WORKER_MEMORY", "much"), ("TOLLBOOK_WORKER_THREADS", "0"), ("TOLLBOOK_TASK_ROWS", "-1")],
)
def test_a_wrong_limit_is_named(name: str, value: str) -> None:
    with pytest.raises(WorkersError, match=f"{name} is '{value}'"):
        setting({"TOLLBOOK_WORKERS": "pool:2", name: value})
