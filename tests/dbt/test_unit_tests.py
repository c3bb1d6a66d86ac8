"""The dbt unit tests, run where the rest of the tests run: worked bills, edges, the reconciliation's statuses."""

from __future__ import annotations

import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from dagster_project.books.build import build as build_books
from dagster_project.dbt_runner.project import PROJECT_DIR, project
from ingestion.home import HOME_VARIABLE, Home
from tests.dbt.conftest import ingest


def test_every_dbt_unit_test_passes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The relations must exist for dbt to know their column types, so an empty home is built first."""
    ingest(home)
    built = build_books(home, project())
    assert not built.broken, built.explain()
    monkeypatch.setenv(HOME_VARIABLE, str(home.root))
    try:
        outcome = dbtRunner(manifest=project().manifest()).invoke(
            [
                *("test", "--select", "test_type:unit"),
                *("--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)),
                *("--target-path", str(home.dagster / "unit"), "--log-path", str(home.dagster / "unit")),
                *("--log-level", "none", "--log-level-file", "none"),
            ]
        )
    finally:
        DuckDBConnectionManager.close_all_connections()
    verdicts = {
        result.node.name: (str(result.status), result.message)
        for result in outcome.result.results
        if result.node.resource_type == "unit_test"
    }
    assert verdicts
    assert {name: verdict for name, verdict in verdicts.items() if verdict[0] != "pass"} == {}
