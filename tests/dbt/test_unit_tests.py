"""The dbt unit tests (worked bills, edges, the reconciliation's statuses), and what holds of the SQL of every model."""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from dagster_project.books.build import build as build_books
from dagster_project.dbt_runner.build import BuildResult
from dagster_project.dbt_runner.project import project
from ingestion.home import HOME_VARIABLE, Home
from tests.dbt.conftest import compiled_sql, ingest

#: How every model with CTEs ends: `select * from <last>`.
FINAL = "\nselect * from"
CTE = re.compile(r"^(?:with )?(\w+) as \($", re.MULTILINE)
#: An ephemeral model, which dbt puts before the CTEs of its reader together with its own.
EPHEMERAL = re.compile(r"\b(__dbt__cte__\w+) as \(")


@pytest.fixture(scope="module")
def empty_books(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, BuildResult]:
    """A home without a line, built: every relation exists, and the SQL it was built with."""
    home = Home(tmp_path_factory.mktemp("empty") / "home")
    ingest(home)
    duckdb.connect(str(home.build_database)).close()  # It does not begin with the build of an empty home.
    built = build_books(home, project())
    assert not built.broken, built.explain()
    return home, built


def ctes(statement: str, written: str) -> Iterator[str]:
    """The names that the last select of a statement can read; `written` is the model before dbt compiled it."""
    ephemeral = EPHEMERAL.findall(statement)
    yield from ephemeral
    yield from CTE.findall(written if ephemeral else statement)


def repeated_columns(session: duckdb.DuckDBPyConnection, statement: str, written: str) -> Iterator[str]:
    """The columns that stand twice in the statement or in one of its CTEs; DuckDB calls the second `<name>_1`."""
    selects = {"the model": statement}
    for cte in ctes(statement, written):
        selects[cte] = f"{statement[: statement.rindex(FINAL)]}{FINAL} {cte}"
    for name, select in selects.items():
        columns = [column for column, *_ in session.execute(f"describe {select}").fetchall()]
        for column in columns:
            whole = re.fullmatch(r"(.+)_\d+", column)
            if columns.count(column) > 1 or (whole and whole.group(1) in columns):
                yield f"{name}: {column}"


def test_a_column_stands_once_in_a_select(empty_books: tuple[Home, BuildResult]) -> None:
    home, built = empty_books
    found = {}
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        for node in built.nodes:
            if node.resource_type == "model" and node.compiled_path.endswith(".sql"):
                written = project().manifest_json["nodes"][node.unique_id]["raw_code"]
                repeated = sorted(set(repeated_columns(session, compiled_sql(built, node.name), written)))
                found |= {node.name: repeated} if repeated else {}
    assert found == {}


def test_every_dbt_unit_test_passes(
    empty_books: tuple[Home, BuildResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relations must exist so that dbt gets their column types."""
    home, _ = empty_books
    monkeypatch.setenv(HOME_VARIABLE, str(home.root))
    try:
        outcome = dbtRunner(manifest=project().manifest()).invoke(
            [
                *("test", "--select", "test_type:unit"),
                *project().arguments,
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
