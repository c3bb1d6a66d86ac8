"""build.duckdb → marts.duckdb, replaced whole; then the lake files nobody needs any more go.

The small tables are copied into a new file, the priced requests stay where they are: a view over exactly
the lake files the day ledger names. The file appears by one rename, so a reader sees rollups and requests
of the same moment, and whoever holds the old file open keeps it. A publication is named by the content it
holds; publishing the same content again leaves the file untouched. Decides nothing about whether a night
deserves publishing: the checks upstream do.

Rulings: docs/decisions/days.md#days-4, docs/decisions/pricing.md#pricing-14.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from dagster_project.books import closing, restating
from dagster_project.dbt_runner.project import PROJECT_DIR, Mart
from ingestion.duck import literal
from ingestion.files import whole
from ingestion.home import Home

KEPT_DAYS = 7
STORAGE_VERSION = "v1.5.0"
FORMAT = "1"


class MartMissing(RuntimeError):
    """A model that should be published is not in build.duckdb; build everything once before publishing."""


@dataclass(frozen=True)
class Publication:
    """What was published: its content's name, rows per table, and whether the file was replaced."""

    publication_id: str
    rows: dict[str, int]
    replaced: bool
    swept_files: int


def queries() -> list[Path]:
    """Return the files of the table macros that are published beside the marts they read."""
    return sorted((PROJECT_DIR / "published").glob("*.sql"))


def publish(home: Home, marts: Sequence[Mart], asked: Sequence[Path] = ()) -> Publication:
    """Publish every mart of build.duckdb and sweep the lake.

    Args:
        home: whose build.duckdb is complete and checked, and open nowhere.
        marts: the models to publish, with the descriptions their columns get.
        asked: files with a table macro each, for the questions that take an argument.

    Raises:
        MartMissing: build.duckdb lacks one of `marts`.
    """
    remove_abandoned(home)
    with _attached(home.build_database) as warehouse:
        contents = [_content(warehouse, mart) for mart in marts]
        publication_id = _publication_id(contents, asked)
        current = _current(home)
        replaced = current is None or current[0] != publication_id or not home.is_at(current[1])
        if replaced:
            temporary = home.root / f"marts.duckdb.tmp-{os.getpid()}"
            _write(warehouse, home, temporary, publication_id, contents, asked)
            _replace(temporary, home.marts_database)
        _remember_published_days(warehouse)
    vouch(home, publication_id)
    rows = {content.mart.name: content.rows for content in contents}
    return Publication(publication_id, rows, replaced, sweep(home))


def vouch(home: Home, publication_id: str) -> None:
    """Note that a night has just found this publication to be what its inputs say, changed or not."""
    with whole(_vouched_file(home)) as temporary:
        said = {"publication_id": publication_id, "vouched_at": datetime.now(UTC).isoformat()}
        temporary.write_text(json.dumps(said) + "\n", encoding="utf-8")


def vouched_at(home: Home) -> datetime | None:
    """Return when a night last stood behind the published marts, UTC with zone; None if none ever did."""
    try:
        return datetime.fromisoformat(json.loads(_vouched_file(home).read_bytes())["vouched_at"])
    except FileNotFoundError:
        return None


def _vouched_file(home: Home) -> Path:
    return home.dagster / "publication.json"


def remove_abandoned(home: Home) -> None:
    """Remove files of publications that died half written."""
    for path in home.root.glob("marts.duckdb.tmp-*"):
        path.unlink()


def sweep(home: Home) -> int:
    """Remove lake files that nothing names: ledger, publications, closings, restatements."""
    kept = closing.kept_files(home) | restating.kept_files(home)
    with duckdb.connect(str(home.build_database), read_only=True) as build:
        needed = kept | {file for (file,) in build.sql("select file from meta.day_builds").fetchall()}
    with duckdb.connect(str(home.marts_database), read_only=True) as marts:
        needed |= {file for (file,) in marts.sql("select file from meta.kept_files").fetchall()}
    swept = 0
    for path in home.lake.rglob("*.parquet"):
        file = path.relative_to(home.lake).as_posix()
        if file not in needed and not path.name.startswith("."):
            path.unlink()
            swept += 1
    for folder in sorted(home.lake.rglob("event_date=*")):
        if not any(folder.iterdir()):
            folder.rmdir()
    return swept


def restore_days(home: Home) -> None:
    """Give a new build.duckdb the published days that live in the lake, so that none is rebuilt for nothing.

    Without them a day that changed meanwhile could not be compared with what it was.
    """
    if home.build_database.exists() or _current(home) is None:
        return
    with duckdb.connect() as connection:
        connection.sql(f"attach '{_text(home.marts_database)}' as publication (read_only)")
        days = connection.sql("select * from publication.meta.day_builds")
        there = [(home.lake / file).exists() for (file,) in days.project("file").fetchall()]
        if not all(there):
            return
        connection.sql(f"attach '{_text(home.build_database)}' as build")
        connection.sql("create schema build.meta")
        connection.sql("create table build.meta.day_builds as from publication.meta.day_builds")


def reads_elsewhere(connection: duckdb.DuckDBPyConnection, home: Home) -> bool:
    """Tell whether a view reads Parquet files that are not below this home's lake, as it is named now."""
    [(found,)] = connection.sql(
        """
        select count(*) > 0
        from duckdb_views()
        where not internal and contains(sql, 'read_parquet(') and not contains(sql, $here)
        """,
        params={"here": literal(f"{home.lake}/").removesuffix("'")},
    ).fetchall()
    return found


@dataclass(frozen=True)
class _Content:
    """One mart as it stands in build.duckdb: its fingerprint, and its lake files if it lives there."""

    mart: Mart
    fingerprint: str
    rows: int
    columns: Sequence[tuple[str, str]]
    files: Sequence[str] = ()


@contextmanager
def _attached(build_database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.sql(f"attach '{_text(build_database)}' as build")
        yield connection


def _content(warehouse: duckdb.DuckDBPyConnection, mart: Mart) -> _Content:
    """Know a mart kept by the day ledger by its days' fingerprints, any other by the hashes of its rows."""
    columns = warehouse.sql(
        """
        select column_name, data_type
        from duckdb_columns()
        where database_name = 'build' and schema_name = 'marts' and table_name = $name
        order by column_index
        """,
        params={"name": mart.name},
    ).fetchall()
    if not columns:
        raise MartMissing(f"build.duckdb has no marts.{mart.name}; build all models before publishing")
    days = warehouse.sql(
        """
        select event_date, fingerprint, file, row_count
        from build.meta.day_builds
        where model = $name
        order by event_date, file
        """,
        params={"name": mart.name},
    ).fetchall()
    described = repr((FORMAT, mart.name, mart.description, dict(mart.columns), columns))
    if days:
        files = [file for _, _, file, _ in days if file]
        rows = sum(row_count for *_, row_count in days)
        content = repr([(str(day), fingerprint, file) for day, fingerprint, file, _ in days])
    else:
        relation = f'build.marts."{mart.name}"'
        [(rows, row_hashes)] = warehouse.sql(
            f"select count(*), sum(hash(mart)::hugeint)::varchar from {relation} as mart"  # noqa: S608
        ).fetchall()
        files, content = [], repr((rows, row_hashes))
    fingerprint = hashlib.sha256(f"{described}{content}".encode()).hexdigest()
    return _Content(mart, fingerprint, rows, columns, files)


def _publication_id(contents: Sequence[_Content], asked: Sequence[Path]) -> str:
    lines = sorted(f"{content.mart.name} {content.fingerprint}" for content in contents)
    lines += [file.read_text(encoding="utf-8") for file in asked]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _current(home: Home) -> tuple[str, str] | None:
    """Return (publication_id, home) of what is published now; a file that cannot be read counts as none."""
    if not home.marts_database.exists():
        return None
    try:
        with duckdb.connect(str(home.marts_database), read_only=True) as marts:
            [current] = marts.sql("select publication_id, home from meta.publication").fetchall()
    except (duckdb.Error, ValueError):
        return None
    return current


def _write(
    warehouse: duckdb.DuckDBPyConnection,
    home: Home,
    temporary: Path,
    publication_id: str,
    contents: Sequence[_Content],
    asked: Sequence[Path],
) -> None:
    warehouse.sql(f"attach '{_text(temporary)}' as publication (storage_version '{STORAGE_VERSION}')")
    warehouse.sql("create schema publication.marts")
    warehouse.sql("create schema publication.meta")
    for content in contents:
        _copy(warehouse, home, content)
        _comment(warehouse, content)
    _write_queries(warehouse, asked)
    _write_meta(warehouse, home, publication_id, contents)
    warehouse.sql("checkpoint publication")
    warehouse.sql("detach publication")


def _copy(warehouse: duckdb.DuckDBPyConnection, home: Home, content: _Content) -> None:
    name = content.mart.name
    if content.files:
        warehouse.sql(f'create view publication.marts."{name}" as {_rows_of_files(home, content)}')
    else:
        warehouse.sql(f'create table publication.marts."{name}" as from build.marts."{name}"')


def _rows_of_files(home: Home, content: _Content) -> str:
    """Return the query over a mart's lake files; those of closed months may lack what the mart has today."""
    files = ", ".join(f"'{_text(home.lake / file)}'" for file in content.files)
    hive = "hive_partitioning = true, hive_types = {event_date: date}"
    if not closing.closings(home):
        return f"select * from read_parquet([{files}], {hive})"  # noqa: S608
    casts = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind in content.columns)
    nulls = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in content.columns)
    return (
        f"select {casts} from (select * from read_parquet([{files}], union_by_name = true, {hive})"  # noqa: S608
        f" union all by name select {nulls} where false)"
    )


def _write_queries(warehouse: duckdb.DuckDBPyConnection, asked: Sequence[Path]) -> None:
    """Give readers the questions that take an argument, as table macros beside the marts they read."""
    warehouse.execute("use publication.marts")
    for file in asked:
        warehouse.execute(file.read_text(encoding="utf-8"))
    warehouse.execute("use memory.main")


def _comment(warehouse: duckdb.DuckDBPyConnection, content: _Content) -> None:
    """Give the published columns the words of the dbt project, so that a BI tool shows them."""
    relation = f'publication.marts."{content.mart.name}"'
    kind = "view" if content.files else "table"
    if content.mart.description:
        warehouse.sql(f"comment on {kind} {relation} is '{_text(content.mart.description)}'")
    for column, description in content.mart.columns.items():
        if description:
            warehouse.sql(f"comment on column {relation}.\"{column}\" is '{_text(description)}'")


def _write_meta(
    warehouse: duckdb.DuckDBPyConnection, home: Home, publication_id: str, contents: Sequence[_Content]
) -> None:
    """Name this publication, its tables, and the lake files a reader may still need."""
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
        "insert into publication.meta.publication_tables values ($1, $2, $3)",
        [(content.mart.name, content.rows, content.fingerprint) for content in contents],
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
    if _current(home) is not None:
        _keep_files_of_readers(warehouse, home)


def _keep_files_of_readers(warehouse: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Carry over the files of publications that were current until recently: someone may have them open."""
    warehouse.sql(f"attach '{_text(home.marts_database)}' as previous (read_only)")
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


def _replace(temporary: Path, published: Path) -> None:
    """Make the content durable before its name is: a power cut leaves the old file or the new one, whole."""
    _sync(temporary, os.O_RDWR)
    temporary.replace(published)
    _sync(published.parent, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remember_published_days(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Tell dbt which days a publication holds: its tests look at the others only."""
    [(changed,)] = warehouse.sql(
        """
        select count(*) from (
            (
                select model, event_date, fingerprint from build.meta.day_builds
                except
                select model, event_date, fingerprint from build.meta.published_days
            )
            union all
            (
                select model, event_date, fingerprint from build.meta.published_days
                except
                select model, event_date, fingerprint from build.meta.day_builds
            )
        )
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


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _text(value: object) -> str:
    return str(value).replace("'", "''")
