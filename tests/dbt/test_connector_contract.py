"""What every connector of usage events owes the warehouse, and that docs/add-a-gateway.md shows just that."""

from __future__ import annotations

import re
import shutil
from decimal import Decimal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from dagster_project.books.build import build as build_books
from dagster_project.dbt_runner.project import PROJECT_DIR, DbtProject, project, tables_of
from ingestion.connectors import CONNECTORS
from ingestion.home import Home
from tests.dbt.conftest import ingest, rows
from tests.ingestion.connectors import test_contract

REPOSITORY = PROJECT_DIR.parent
GUIDE = REPOSITORY / "docs" / "add-a-gateway.md"
EVENTS = "model.tollbook.int_usage_events_united"
TABLES = sorted(
    {stream.table for connector in CONNECTORS.values() for stream in connector.streams if stream.occurred_at}
)


def staging_of(table: str) -> list[str]:
    """The models of usage events that read a raw table, directly or through models of the same folder."""
    manifest = project().manifest_json
    readers, found = {f"source.tollbook.raw.{table}"}, []
    for _ in range(4):
        readers |= {
            name
            for name, node in manifest["nodes"].items()
            if name.startswith("model.tollbook.stg_") and readers & set(node["depends_on"]["nodes"])
        }
    for name in sorted(readers):
        if name.endswith("__usage_events"):
            found.append(name)
    return found


@pytest.mark.parametrize("table", TABLES)
def test_a_table_of_events_is_declared_as_one_and_shown_under_its_stream(table: str) -> None:
    source = project().manifest_json["sources"].get(f"source.tollbook.raw.{table}")
    assert source, f"declare {table} in dbt/models/staging/<connector>/_<connector>__sources.yml"
    meta = source["config"]["meta"]
    assert meta.get("is_event_table") is True
    _, connector, stream = meta["dagster"]["asset_key"]
    assert table in tables_of(connector, stream)


@pytest.mark.parametrize("table", TABLES)
def test_events_are_staged_in_the_one_shape_and_counted(table: str) -> None:
    """int_usage_events_united names every column of the shape, so a model that lacks one does not build."""
    [staging] = staging_of(table)
    node = project().manifest_json["nodes"][staging]
    assert node["config"]["materialized"] == "view"
    assert node["description"]
    assert staging in project().manifest_json["nodes"][EVENTS]["depends_on"]["nodes"]


def test_no_table_is_declared_for_events_that_no_reader_writes() -> None:
    declared = {
        node["name"]
        for node in project().manifest_json["sources"].values()
        if node["config"]["meta"].get("is_event_table")
    }
    assert declared == set(TABLES)


def test_the_gateway_of_the_guide_ends_in_the_books(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """List 1,000 × 0.15 + 500 × 0.60 = 450; with 200 of the 1,000 at 0.075: 435; millionths of a USD."""
    shutil.copytree(PROJECT_DIR, tmp_path / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    for name, content in re.findall(r"`([\w/.]+)`:\n\n```\w+\n(.*?)```", GUIDE.read_text(), re.DOTALL):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    events = tmp_path / "dbt" / "models" / "intermediate" / "usage" / "int_usage_events_united.sql"
    events.write_text(events.read_text().replace("set connectors = [", "set connectors = ['acme', "))
    spec = spec_from_file_location("acme", tmp_path / "ingestion" / "connectors" / "acme.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(CONNECTORS, "acme", module.ACME)
    test_contract.test_a_table_is_named_after_its_stream_and_its_connector_or_the_one_it_stems_from(
        "acme", module.CALLS
    )
    test_contract.test_fields_and_columns_have_names_and_paths_of_their_own("acme", module.CALLS)
    test_contract.test_something_of_a_record_is_mandatory_and_of_an_event_its_time("acme", module.CALLS)
    landed = home.landing / "acme" / "calls" / "dt=2026-11-02" / "calls.ndjson"
    landed.parent.mkdir(parents=True)
    shutil.copy(tmp_path / "tests" / "fixtures" / "acme" / "calls.ndjson", landed)
    ingest(home)
    result = build_books(home, DbtProject(tmp_path / "dbt"), ["+fct_usage_costs"])
    models = [node for node in result.nodes if node.resource_type == "model"]
    assert [node.message for node in models if not node.passed] == []
    assert rows(
        home,
        """
        select request_id, uncached_input_tokens, cache_read_tokens, list_cost_usd, cache_optimized_cost_usd,
            reported_cost_usd
        from marts.fct_usage_costs
        """,
    ) == [("a-1", 800, 200, Decimal("0.00045"), Decimal("0.000435"), Decimal("0.000435"))]
