"""Homes landed and built for the tests of the dbt project: real files in, one in-process dbt build, marts out."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, settings

from dagster_project.books.build import build as build_books
from dagster_project.books.restating import Restatement
from dagster_project.dbt_runner.build import BuildResult
from dagster_project.dbt_runner.project import project
from dagster_project.set_up import set_up
from ingestion import accepted, config, landing, load, prices, sources
from ingestion.home import Home

#: Properties of whole builds: a world costs seconds, so few are made, always the same, and none is made smaller.
TWO_WORLDS = settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)

#: The requests, and every check of what they are made of: what most tests look at.
FACTS = ("+fct_usage_costs",)
#: The requests and what is summed of them.
USAGE = (
    "+rpt_usage_by_model_daily",
    "+rpt_usage_by_key_daily",
    "+rpt_usage_by_member_daily",
    "+rpt_usage_by_group_daily",
    "+rpt_usage_by_workspace_daily",
    "+rpt_usage_by_call_type_daily",
    "+rpt_unpriced_usage",
    "+recon_reported_costs",
    "+rpt_source_days",
    "+fct_account_events",
)


@pytest.fixture(scope="session", autouse=True)
def _set_up() -> None:
    """Prepare what an environment prepares once: homes begin with the build of an empty one."""
    set_up()


def infron_line(request_id: str, **changes: Any) -> dict[str, Any]:
    """One call of claude-sonnet-4-5 by Infron's log: 10,000 prompt tokens, 500 completion tokens, no cache."""
    usage = {
        "prompt_tokens": 10000,
        "completion_tokens": 500,
        "total_tokens": 10500,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "cost": 0.0375,
        **changes.pop("usage", {}),
    }
    line = {
        "request_id": request_id,
        "created_at": "2026-11-01T07:21:59.391Z",
        "model": "anthropic/claude-sonnet-4-5",
        "status": "success",
        "api_key_id": "key_1",
        "workspace_id": "ws_1",
        "usage": usage,
    }
    return {**line, **changes}


def land(home: Home, day: str, lines: Sequence[dict[str, Any] | str], name: str = "part.ndjson") -> Path:
    """Put lines into `landing/infron/logs/dt=day/name`."""
    return land_text(home, f"infron/logs/dt={day}/{name}", lines)


def land_text(home: Home, path: str, lines: Sequence[dict[str, Any] | str]) -> Path:
    """Put lines into a file under landing/, gzipped if its name ends in .gz."""
    file = home.landing / path
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())
    return file


@cache
def catalogue() -> tuple[Path, bytes]:
    """The price catalogue's file, made once in a process: its path below a home, and its bytes."""
    with TemporaryDirectory() as folder:
        written = prices.write_catalogue(Home(Path(folder))).path
        return written.relative_to(folder), written.read_bytes()


def ingest(home: Home) -> None:
    """landing/, config/ and the catalogue → raw/."""
    path, content = catalogue()
    if not (home.root / path).exists():
        (home.root / path).parent.mkdir(parents=True, exist_ok=True)
        (home.root / path).write_bytes(content)
    found = sources.load_sources(home)
    load.write_schemas(home)
    config.write_config(home)
    for file in landing.pending(home, found):
        load.convert(home, file)
    for source, records in accepted.as_landed(home, found).items():
        accepted.accept(home, source, records)
    load.forget_vanished(home, found)
    prices.write_catalogue(home)
    prices.resolve_models(home)
    prices.write_formulas(home)


def build(home: Home, select: Sequence[str] = FACTS, restatement: Restatement | None = None) -> BuildResult:
    """Ingest and run dbt over `select`; a broken node fails the test with dbt's message."""
    ingest(home)
    result = build_books(home, project(), select, restatement)
    assert not result.broken, result.explain()
    return result


def rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    """Answer a query over build.duckdb."""
    with duckdb.connect(str(home.build_database), read_only=True) as connection:
        return connection.sql(query).fetchall()


def status_branches(sql: str) -> list[str]:
    """The branches of the CASE that decides a status, as they stand in the SQL."""
    [decision] = re.findall(r"\n +case\n((?:(?!\n +case\n).)*?)\n +end as status\b", sql, re.DOTALL)
    return re.findall(r"\n {12}when\b(?:(?!\n {12}(?:when\b|else\b|--)).)*", "\n" + decision, re.DOTALL)


def compiled_sql(result: BuildResult, model: str) -> str:
    """The SQL a model was built with."""
    [node] = [node for node in result.nodes if node.name == model]
    return Path(node.compiled_path).read_text(encoding="utf-8")


def idle_branches(home: Home, result: BuildResult, mart: str) -> list[str]:
    """The branches of a mart's status that no row of a home needs: without one of them all rows stay as they are."""
    sql = compiled_sql(result, mart)
    found = "select * from ({}) order by all"
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        whole = session.sql(found.format(sql)).fetchall()
        return [
            branch
            for branch in status_branches(sql)
            if session.sql(found.format(sql.replace(branch, "", 1))).fetchall() == whole
        ]


def contract_values(mart: str, column: str) -> set[str]:
    """The values a mart's contract allows in a column."""
    nodes = project().manifest_json["nodes"].values()
    [values] = [
        node["test_metadata"]["kwargs"]["values"]
        for node in nodes
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") == "accepted_values"
        and node["attached_node"] == f"model.tollbook.{mart}"
        and node["column_name"] == column
    ]
    return set(values)


def contract_columns(mart: str) -> set[str]:
    """The columns a mart's contract names."""
    return set(project().manifest_json["nodes"][f"model.tollbook.{mart}"]["columns"])
