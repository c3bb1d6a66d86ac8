"""Runs the dbt models of the detectors over the tables of a world, without dbt: their compiled SQL, in dbt's order.

dbt compile, once per process ─► SQL of every model from the settings to fct_anomalies
tables of a world ─► the relations that these models read ─► the models as tables of a session
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl

from dagster_project.dbt_runner.project import project
from ingestion.environment import environment_with
from ingestion.home import HOME_VARIABLE, Home

MODELS = (
    "fct_day_completeness",
    "int_anomaly_settings",
    "int_source_coverage",
    "int_subject_days",
    "int_subject_residuals",
    "fct_anomaly_days",
    "fct_anomaly_contributors",
    "fct_anomalies",
)

SETTINGS = {"setting": pl.String, "setting_value": pl.Float64}
"""Columns of stg_config__anomaly_settings that the detectors read."""


def detect(
    tables: Mapping[str, pl.DataFrame],
    as_of: date,
    settings: Mapping[str, float] | None = None,
    acknowledged: Mapping[str, date] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Return a session that holds the inputs and every model; `fct_anomalies` is a name in it.

    Args:
        tables: relations by name with their schema, `intermediate.int_key_hours`; see world.py for which.
        as_of: the day of the run.
        settings: what anomaly_settings.csv states.
        acknowledged: anomaly_ids and the days until which they are acknowledged.
    """
    session = duckdb.connect(config={"threads": 1})
    session.execute("attach ':memory:' as build; use build")
    for schema in ("staging", "intermediate", "marts", "meta"):
        session.execute(f"create schema {schema}")
    stated = pl.DataFrame(
        {"setting": list(settings or {}), "setting_value": list((settings or {}).values())}, schema=SETTINGS
    )
    known = pl.DataFrame(
        {"anomaly_id": list(acknowledged or {}), "until_date": list((acknowledged or {}).values())},
        schema={"anomaly_id": pl.String, "until_date": pl.Date},
    )
    configuration = {
        "staging.stg_config__anomaly_settings": stated,
        "staging.stg_config__incident_acknowledgements": known,
    }
    # Through Parquet: DuckDB reads polars by way of pyarrow, which is not installed.
    with TemporaryDirectory() as folder:
        for name, frame in {**tables, **configuration}.items():
            frame.write_parquet(f"{folder}/{name}.parquet")
            session.execute(f"create table {name} as from '{folder}/{name}.parquet'")
    session.execute("create table meta.run as select ?::date as found_on", [as_of])
    for relation, sql in compiled():
        session.execute(f"create table {relation} as\n{sql}")
    session.execute("set search_path = 'build.marts,build.intermediate'")
    return session


@functools.cache
def compiled() -> tuple[tuple[str, str], ...]:
    """Return relation and compiled SQL of every model, in an order in which each finds what it reads."""
    from dbt.cli.main import dbtRunner

    with TemporaryDirectory() as folder, _home(Path(folder)) as home:
        outcome = dbtRunner(manifest=project().manifest()).invoke(
            [
                *("compile", "--select", *MODELS, *project().arguments, "--no-write-json"),
                *("--target-path", str(home.dbt_work), "--log-path", str(home.dbt_work)),
                *("--log-level", "none", "--log-level-file", "none"),
            ]
        )
        assert outcome.success, outcome.exception
        nodes = {result.node.name: result.node for result in outcome.result.results}
    upstream = {name: [read.rpartition(".")[2] for read in _reads(nodes[name].unique_id)] for name in MODELS}
    return tuple(
        (nodes[name].relation_name, nodes[name].compiled_code)
        for name in TopologicalSorter(upstream).static_order()
        if name in nodes
    )


def _reads(unique_id: str) -> Iterator[str]:
    """Yield what a model reads, directly or through ephemeral models."""
    nodes = project().manifest_json["nodes"]
    for read in nodes[unique_id]["depends_on"]["nodes"]:
        yield read
        if read in nodes and nodes[read]["config"]["materialized"] == "ephemeral":
            yield from _reads(read)


@contextmanager
def _home(folder: Path) -> Iterator[Home]:
    with environment_with({HOME_VARIABLE: str(folder)}):
        yield Home(folder)
