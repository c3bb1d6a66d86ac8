"""Build state: the schema `meta` of build.duckdb, its tables, and every question Python asks of it.

    day_builds       model × event date: what the day was built from, its lake file, rows; adjustments are extra rows
    published_days   the model × event dates that a publication holds
    replaced_days    event dates whose lake file was replaced and is not yet compared with the new one
    closed_days      event dates of closed months, as lake/closings/ has them        ┐
    run              one row: the day in UTC on which this build finds what it finds │ written before each build
    restatement      at most one row: event dates to rate again, and why             ┘
    node_builds      dbt node: the code and the inputs it was built from last, what it holds, and dbt's result

dbt asks through macros/engine/build_state.sql and writes day_builds and replaced_days; nobody else names a table of
`meta`. All of it may be deleted with build.duckdb: closed months, restatements and published days live in lake/ and
in the published file.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import date

import duckdb

from dagster_project.dbt_runner.build import NodeResult
from ingestion.home import Home

#: Columns of day_builds. Where a build.duckdb has others it was written by another version: every day is rebuilt.
_DAY_BUILDS = {
    "model": "varchar not null",
    "event_date": "date not null",
    "fingerprint": "varchar not null",
    "content": "varchar",
    "file": "varchar",
    "row_count": "bigint not null",
    "invocation_id": "varchar not null",
    "parts": "varchar",
}

_TABLES = """
create schema if not exists meta;
create table if not exists meta.day_builds ({day_builds});
create table if not exists meta.published_days (model varchar, event_date date, fingerprint varchar);
create table if not exists meta.replaced_days (
    restatement_id varchar, restated_at timestamp, event_date date, cause varchar, reason varchar,
    before_file varchar, before_fingerprint varchar
);
create or replace table meta.closed_days (
    month varchar, event_date date, fingerprint varchar, file varchar, row_count bigint
);
create or replace table meta.run (found_on date);
create or replace table meta.restatement (
    restatement_id varchar, first_day date, last_day date, reason varchar
);
create table if not exists meta.node_builds (
    node varchar not null, code varchar not null, inputs varchar not null, place varchar not null, content varchar,
    row_count bigint, result varchar not null
);
create or replace view meta.unpublished_days as
select model, event_date from (
    select model, event_date, fingerprint from meta.day_builds
    except
    select model, event_date, fingerprint from meta.published_days
);
"""


@dataclass(frozen=True)
class NodeBuild:
    """One node of dbt as it was built last.

    Attributes:
        inputs: a hash of the content of all it was built from.
        place: the path of the home where it was built.
        content: what it holds; None for a test, and for a view, which holds nothing.
        row_count: its rows; None for tests and views.
        result: what dbt reported.
    """

    inputs: str
    place: str
    content: str | None
    row_count: int | None
    result: NodeResult


@dataclass(frozen=True)
class DayBuild:
    """One day of one model as it was built last; `file` is below lake/, for models that live there."""

    event_date: date
    fingerprint: str
    file: str | None
    row_count: int


def open_build(home: Home, *, read_only: bool = True) -> duckdb.DuckDBPyConnection:
    """Return a connection to build.duckdb, which must be there if `read_only`."""
    return duckdb.connect(str(home.build_database), read_only=read_only)


def prepare(
    warehouse: duckdb.DuckDBPyConnection,
    found_on: date,
    models: Collection[str],
    closed_days: Sequence[tuple[str, date, str, str | None, int]] = (),
    restatement: tuple[str, date, date, str] | None = None,
) -> None:
    """Make every table, forget the days of models that are gone, and write down what this build is asked for.

    Args:
        warehouse: build.duckdb; the caller holds the lock of its home.
        found_on: the current day in UTC.
        models: the names of all models there are.
        closed_days: (month, event date, fingerprint, file below lake/, rows) of every day of a closed month.
        restatement: (id, first day, last day, reason) of event dates a person wants rated again.
    """
    found = warehouse.sql(
        """
        select column_name from duckdb_columns()
        where schema_name = 'meta' and table_name = 'day_builds'
        order by column_index
        """
    ).fetchall()
    if found and [name for (name,) in found] != list(_DAY_BUILDS):
        warehouse.execute("drop table meta.day_builds cascade")
        warehouse.execute("drop table if exists meta.node_builds")
    columns = ", ".join(f"{name} {sql_type}" for name, sql_type in _DAY_BUILDS.items())
    warehouse.execute(_TABLES.format(day_builds=columns))
    # `<model>:closed` are days of a model, too.
    warehouse.execute(
        "delete from meta.day_builds where not list_contains($1, split_part(model, ':', 1))",
        [list(models)],
    )
    warehouse.execute("insert into meta.run values ($1)", [found_on])
    if closed_days:
        warehouse.executemany("insert into meta.closed_days values ($1, $2, $3, $4, $5)", closed_days)
    if restatement:
        warehouse.execute("insert into meta.restatement values ($1, $2, $3, $4)", restatement)


def days_built(warehouse: duckdb.DuckDBPyConnection, invocation_id: str) -> dict[str, int]:
    """Return the number of days that a dbt invocation built, of every model that is built day by day."""
    return dict(
        warehouse.sql(
            """
            select model, count(*) filter (where invocation_id = $id)
            from meta.day_builds
            group by model
            """,
            params={"id": invocation_id},
        ).fetchall()
    )


def days_of(warehouse: duckdb.DuckDBPyConnection, model: str) -> list[DayBuild]:
    """Return the days of a model in a build.duckdb that is attached as `build`."""
    rows = warehouse.sql(
        """
        select event_date, fingerprint, file, row_count
        from build.meta.day_builds
        where model = $model
        order by event_date, file
        """,
        params={"model": model},
    ).fetchall()
    return [DayBuild(*row) for row in rows]


def contents(warehouse: duckdb.DuckDBPyConnection, model: str) -> dict[str, str]:
    """Return what each day (ISO) of a model was built from, or its rows' hash where the model keeps one."""
    rows = warehouse.sql(
        """
        select event_date::varchar, coalesce(content, fingerprint)
        from meta.day_builds
        where model = $model and file is null
        order by event_date
        """,
        params={"model": model},
    ).fetchall()
    return dict(rows)


def published_builds(
    warehouse: duckdb.DuckDBPyConnection, model: str, first: date, end: date
) -> list[tuple[DayBuild, bool]]:
    """Return the days of a model from `first` to before `end`, and whether each is published as it was built."""
    rows = warehouse.sql(
        """
        select
            built.event_date, built.fingerprint, built.file, built.row_count,
            published.event_date is not null
        from meta.day_builds as built
        left join meta.published_days as published
            on
                built.model = published.model
                and built.event_date = published.event_date
                and built.fingerprint = published.fingerprint
        where built.model = $model and built.event_date >= $first and built.event_date < $end
        order by built.event_date, built.file
        """,
        params={"model": model, "first": first, "end": end},
    ).fetchall()
    return [(DayBuild(*row[:4]), row[4]) for row in rows]


def lake_files(home: Home) -> set[str]:
    """Return the files below lake/ that days are made of."""
    with closing(open_build(home)) as warehouse:
        return {
            file
            for (file,) in warehouse.sql("select file from meta.day_builds where file is not null").fetchall()
        }


def note_published_days(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Note that a publication holds every day of the build.duckdb attached as `build`; dbt tests only the others."""
    [(changed,)] = warehouse.sql(
        """
        with
        built as (select model, event_date, fingerprint from build.meta.day_builds),
        published as (select model, event_date, fingerprint from build.meta.published_days)

        select count(*)
        from ((from built except from published) union all (from published except from built))
        """
    ).fetchall()
    if changed:
        warehouse.sql("begin")
        warehouse.sql("delete from build.meta.published_days")
        warehouse.sql(
            """
            insert into build.meta.published_days (model, event_date, fingerprint)
            select model, event_date, fingerprint from build.meta.day_builds
            """
        )
        warehouse.sql("commit")


def restore(home: Home, day_builds: duckdb.DuckDBPyRelation, connection: duckdb.DuckDBPyConnection) -> None:
    """Make a build.duckdb that has these day_builds and nothing else."""
    connection.execute("attach $1 as build", [str(home.build_database)])
    connection.execute("create schema build.meta")
    day_builds.create("build.meta.day_builds")
    connection.execute("detach build")


def known_nodes(home: Home, code: str, relations: Mapping[str, str]) -> dict[str, NodeBuild]:
    """Return the nodes of dbt that were built with this code, by unique id.

    Models whose relation or one of whose lake files is gone are left out.

    Args:
        home: the home.
        code: the digest of the dbt project.
        relations: schema and name of each model, by unique id.
    """
    if not home.build_database.exists():
        return {}
    try:
        with closing(open_build(home)) as warehouse:
            rows = warehouse.execute(
                "select node, inputs, place, content, row_count, result from meta.node_builds where code = $1",
                [code],
            ).fetchall()
            files = warehouse.sql(
                "select distinct model, file from meta.day_builds where file is not null"
            ).fetchall()
            present = {
                relation
                for (relation,) in warehouse.sql(
                    """
                    select concat(schema_name, '.', table_name) from duckdb_tables()
                    union all
                    select concat(schema_name, '.', view_name) from duckdb_views() where not internal
                    """
                ).fetchall()
            }
    except duckdb.CatalogException:
        return {}
    lost = {model for model, file in files if not (home.lake / file).exists()}
    builds = {
        node: NodeBuild(inputs, place, content, row_count, NodeResult(**json.loads(result)))
        for node, inputs, place, content, row_count, result in rows
    }
    return {
        node: build
        for node, build in builds.items()
        if build.result.name not in lost and (node not in relations or relations[node] in present)
    }


def contents_of(
    warehouse: duckdb.DuckDBPyConnection, tables: Mapping[str, str], by_day: Mapping[str, str]
) -> dict[str, tuple[str, int]]:
    """Return (content, rows) of models: a hash of a table's rows in any order, or of what its days were built from.

    Args:
        warehouse: build.duckdb.
        tables: schema and name of each model that holds rows, by id.
        by_day: the name of each model that is built day by day, by id.
    """
    found: dict[str, tuple[str, int]] = {}
    for node, relation in tables.items():
        schema, name = relation.split(".")
        [(row_count, hashes)] = warehouse.sql(
            f'select count(*), coalesce(sum(hash(rows)::hugeint), 0)::varchar from "{schema}"."{name}" as rows'  # noqa: S608
        ).fetchall()
        found[node] = (f"{row_count} {hashes}", row_count)
    days = {
        model: (content, row_count)
        for model, content, row_count in warehouse.sql(
            """
            select
                split_part(model, ':', 1) as model_name,
                md5(string_agg(
                    concat_ws('|', model, event_date, coalesce(content, fingerprint), file), ','
                    order by model, event_date, fingerprint, file
                )),
                coalesce(sum(row_count) filter (where not contains(model, ':')), 0)::bigint
            from meta.day_builds
            group by model_name
            """
        ).fetchall()
    }
    return found | {node: days.get(name, ("no day", 0)) for node, name in by_day.items()}


def remember_nodes(warehouse: duckdb.DuckDBPyConnection, code: str, builds: Mapping[str, NodeBuild]) -> None:
    """Keep what nodes were built from, what they hold and what dbt reported."""
    lines = [
        {
            "node": node,
            "code": code,
            "inputs": build.inputs,
            "place": build.place,
            "content": build.content,
            "row_count": build.row_count,
            "result": json.dumps(asdict(build.result)),
        }
        for node, build in builds.items()
    ]
    forget_nodes(warehouse, builds)
    warehouse.execute(
        """
        insert into meta.node_builds by name
        select unnest(from_json($1, '[{
            "node": "varchar", "code": "varchar", "inputs": "varchar", "place": "varchar",
            "content": "varchar", "row_count": "bigint", "result": "varchar"
        }]'), recursive := true)
        """,
        [json.dumps(lines)],
    )


def forget_nodes(warehouse: duckdb.DuckDBPyConnection, nodes: Collection[str]) -> None:
    """Forget nodes that are about to be built: a build may die half way."""
    warehouse.execute("delete from meta.node_builds where list_contains($1, node)", [list(nodes)])
