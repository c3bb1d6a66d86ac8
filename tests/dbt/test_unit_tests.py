"""The dbt unit tests, run where the rest of the tests run: worked bills, edges, the reconciliation's statuses."""

from __future__ import annotations

from dagster_project import dbt_build
from dagster_project.dbt_project import project
from ingestion.home import Home
from tests.dbt.conftest import ingest


def test_every_dbt_unit_test_passes(home: Home) -> None:
    ingest(home)
    dbt_build.build(home, project())
    result = dbt_build.unit_tests(home, project())
    assert result.nodes
    assert not result.broken, result.explain()
