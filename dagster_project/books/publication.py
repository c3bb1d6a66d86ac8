"""The published file, tollbook.duckdb: its schema `meta` and the queries on it.

    publication          one row: id, when, from which home, the last event date
    publication_tables   mart: rows and content
    kept_files           lake files of this publication, and of earlier ones that a reader may still have open
    day_builds           the days of models stored in lake/, as in build.duckdb

No other module uses a table of this `meta`. publishing.py writes the marts themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime

import duckdb

from dagster_project.books import state
from ingestion.duck import literal
from ingestion.home import Home

KEPT_DAYS = 7


def current(home: Home) -> tuple[str, str] | None:
    """Return (publication_id, home) of what is published now; a file that cannot be read counts as none."""
    if not home.published_database.exists():
        return None
    try:
        with closing(duckdb.connect(str(home.published_database), read_only=True)) as marts:
            [found] = marts.sql("select publication_id, home from meta.publication").fetchall()
    except (duckdb.Error, ValueError):
        return None
    return found


def id_of(marts: duckdb.DuckDBPyConnection) -> str:
    """Return the id of the publication that is attached as `tollbook`."""
    [(publication_id,)] = marts.sql("select publication_id from tollbook.meta.publication").fetchall()
    return publication_id


def identity_of(marts: duckdb.DuckDBPyConnection) -> tuple[str, datetime]:
    """Return id and time (UTC) of the publication that is attached as `tollbook`."""
    [found] = marts.sql("select publication_id, published_at from tollbook.meta.publication").fetchall()
    return found


def place_of(marts: duckdb.DuckDBPyConnection) -> str:
    """Return the folder of the home that published what is attached as `tollbook`."""
    [(place,)] = marts.sql("select home from tollbook.meta.publication").fetchall()
    return place


def reads_elsewhere(connection: duckdb.DuckDBPyConnection, home: Home) -> bool:
    """Return whether a view reads Parquet files that are not below this home, as it is named now."""
    [(found,)] = connection.sql(
        """
        select count(*) > 0
        from duckdb_views()
        where
            not internal
            and contains(sql, 'read_parquet(')
            and not contains(sql, $here)
            and not contains(sql, $pattern)
        """,
        params={
            "here": literal(f"{home.root}/").removesuffix("'"),
            "pattern": literal(re.sub(r"([*[])", r"[\1]", f"{home.root}/")).removesuffix("'"),
        },
    ).fetchall()
    return found


def kept_files(home: Home) -> set[str]:
    """Return the lake files that a reader may use through this publication or a recent one."""
    with closing(duckdb.connect(str(home.published_database), read_only=True)) as marts:
        return {file for (file,) in marts.sql("select file from meta.kept_files").fetchall()}


def restore_days(home: Home) -> None:
    """Copy the published days stored in the lake into a new build.duckdb, so that none is rebuilt needlessly.

    Without them a day that changed meanwhile could not be compared with its previous state.
    """
    if home.build_database.exists() or current(home) is None:
        return
    with closing(duckdb.connect()) as connection:
        connection.execute(f"attach {literal(home.published_database)} as publication (read_only)")
        days = connection.sql("select * from publication.meta.day_builds")
        if all((home.lake / file).exists() for (file,) in days.project("file").fetchall()):
            state.restore(home, days, connection)


def write_meta(
    warehouse: duckdb.DuckDBPyConnection,
    home: Home,
    publication_id: str,
    contents: Iterable[tuple[str, int, str]],
) -> None:
    """Write `meta` of a publication.

    Args:
        warehouse: a connection with build.duckdb attached as `build` and the new file as `publication`.
        home: where it is published.
        publication_id: the id of its content.
        contents: (mart, rows, content) of every mart.
    """
    warehouse.sql("create schema publication.meta")
    warehouse.sql(
        """
        create table publication.meta.publication as
        select
            $id as publication_id,
            cast($now as timestamp) as published_at,
            $home as home,
            (select max(event_date) from build.meta.day_builds) as last_event_date
        """,
        params={"id": publication_id, "home": str(home.root), "now": _now()},
    )
    warehouse.sql(
        """
        create table publication.meta.publication_tables (
            table_name varchar, row_count bigint, content varchar
        )
        """
    )
    warehouse.executemany(
        "insert into publication.meta.publication_tables values ($1, $2, $3)", list(contents)
    )
    warehouse.sql(
        """
        create table publication.meta.kept_files as
        select $id as publication_id, cast(null as timestamp) as superseded_at, file
        from build.meta.day_builds
        where file is not null
        """,
        params={"id": publication_id},
    )
    warehouse.sql(
        """
        create table publication.meta.day_builds as
        select * from build.meta.day_builds where file is not null
        """
    )
    if current(home) is not None:
        _keep_files_of_readers(warehouse, home)


def _keep_files_of_readers(warehouse: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Keep the files of publications that were current until recently: a reader may have them open."""
    warehouse.sql(f"attach {literal(home.published_database)} as previous (read_only)")
    warehouse.sql(
        """
        insert into publication.meta.kept_files
        select publication_id, coalesce(superseded_at, cast($now as timestamp)), file
        from previous.meta.kept_files
        where superseded_at is null or superseded_at > cast($now as timestamp) - to_days($days)
        """,
        params={"days": KEPT_DAYS, "now": _now()},
    )
    warehouse.sql("detach previous")


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
