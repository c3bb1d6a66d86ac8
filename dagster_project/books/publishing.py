"""build.duckdb → tollbook.duckdb, replaced as a whole; then unneeded lake files are removed.

Small tables are copied into a new file; priced requests are a view over exactly the lake files in the build state. The
file appears by one rename, so a reader sees rollups and requests of the same moment, and a reader of the old file keeps
it. A publication's id is a hash of its content; publishing the same content again leaves the file untouched. Whether to
publish is not decided here but by the checks upstream.

Rulings: docs/decisions/days.md#days-4, docs/decisions/pricing.md#pricing-14,
docs/decisions/reports.md#reports-8.
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
from string import Template

import duckdb

from dagster_project.books import closing, janitor, publication, state
from dagster_project.dbt_runner.project import PROJECT_DIR, Mart
from dagster_project.dbt_runner.token_classes import TokenClass, token_classes
from ingestion.files import whole
from ingestion.home import Home

STORAGE_VERSION = "v1.5.0"
FORMAT = "1"


class MartMissing(RuntimeError):
    """A mart is not in build.duckdb; build everything once before publishing."""


@dataclass(frozen=True)
class Publication:
    """What was published: the id, rows per table, and whether the file was replaced."""

    publication_id: str
    rows: dict[str, int]
    replaced: bool
    removed_files: int


def queries() -> list[str]:
    """Return the SQL of the table macros and views published with the marts they read, token classes written out."""
    classes = token_classes()
    written_out = {
        "tokens_at_prices": " + ".join(
            f"coalesce({entry.tokens}, 0) * prices.{entry.price}" for entry in classes
        ),
        "cached_input_tokens": f"({' + '.join(f'coalesce({c.tokens}, 0)' for c in classes if c.is_cache_read)})",
        "class_prices": ", ".join(_class_price(entry) for entry in classes),
    }
    return [
        Template(file.read_text(encoding="utf-8")).substitute(written_out)
        for file in sorted((PROJECT_DIR / "published").glob("*.sql"))
    ]


def _class_price(entry: TokenClass) -> str:
    """Return SQL of a class's price among the unit prices of one cell."""
    prices = ", ".join(
        f"any_value(usd_per_million) filter (where token_class = '{name}')" for name in entry.priced_as
    )
    return f"coalesce({prices}, 0) as {entry.price}"


def publish(home: Home, marts: Sequence[Mart], macros: Sequence[str] = ()) -> Publication:
    """Publish every mart of build.duckdb, and remove unneeded files from the lake.

    Args:
        home: The home; its build.duckdb is complete, checked and closed.
        marts: the models to publish, with the descriptions their columns get.
        macros: the SQL of table macros and views, as `queries` returns it.

    Raises:
        MartMissing: build.duckdb lacks one of `marts`.
    """
    janitor.remove_abandoned(home)
    with _attached(home.build_database) as warehouse:
        contents = [_content(warehouse, mart) for mart in marts]
        publication_id = _publication_id(contents, macros)
        current = publication.current(home)
        replaced = current is None or current[0] != publication_id or not home.is_at(current[1])
        if replaced:
            temporary = home.root / f"{home.published_database.name}.tmp-{os.getpid()}"
            _write(warehouse, home, temporary, publication_id, contents, macros)
            _replace(temporary, home.published_database)
        state.note_published_days(warehouse)
    confirm(home, publication_id)
    rows = {content.mart.name: content.rows for content in contents}
    return Publication(publication_id, rows, replaced, janitor.remove_unneeded(home))


def confirm(home: Home, publication_id: str) -> None:
    """Record that a night has just confirmed this publication, changed or not."""
    with whole(home.confirmation) as temporary:
        # The key is that of version 0.2, because homes are upgraded.
        content = {"publication_id": publication_id, "vouched_at": datetime.now(UTC).isoformat()}
        temporary.write_text(json.dumps(content) + "\n", encoding="utf-8")


def confirmed_at(home: Home) -> datetime | None:
    """Return when a night last confirmed the published marts, UTC with zone; None if none ever did."""
    try:
        return datetime.fromisoformat(json.loads(home.confirmation.read_bytes())["vouched_at"])
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class _Content:
    """One mart in build.duckdb: its fingerprint, and its lake files if it is stored in the lake."""

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
    """Fingerprint a mart that is built by day from its days' fingerprints, any other from its rows."""
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
    days = state.days_of(warehouse, mart.name)
    described = repr((FORMAT, mart.name, mart.description, dict(mart.columns), columns))
    if days:
        files = [day.file for day in days if day.file]
        rows = sum(day.row_count for day in days)
        content = repr([(str(day.event_date), day.fingerprint, day.file) for day in days])
    else:
        relation = f'build.marts."{mart.name}"'
        [(rows, row_hashes)] = warehouse.sql(
            f"select count(*), sum(hash(mart)::hugeint)::varchar from {relation} as mart"  # noqa: S608
        ).fetchall()
        files, content = [], repr((rows, row_hashes))
    fingerprint = hashlib.sha256(f"{described}{content}".encode()).hexdigest()
    return _Content(mart, fingerprint, rows, columns, files)


def _publication_id(contents: Sequence[_Content], macros: Sequence[str]) -> str:
    lines = sorted(f"{content.mart.name} {content.fingerprint}" for content in contents)
    lines += macros
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _write(
    warehouse: duckdb.DuckDBPyConnection,
    home: Home,
    temporary: Path,
    publication_id: str,
    contents: Sequence[_Content],
    macros: Sequence[str],
) -> None:
    warehouse.sql(f"attach '{_text(temporary)}' as publication (storage_version '{STORAGE_VERSION}')")
    warehouse.sql("create schema publication.marts")
    for content in contents:
        _copy(warehouse, home, content)
        _comment(warehouse, content)
    _write_queries(warehouse, macros)
    publication.write_meta(
        warehouse,
        home,
        publication_id,
        [(content.mart.name, content.rows, content.fingerprint) for content in contents],
    )
    warehouse.sql("checkpoint publication")
    warehouse.sql("detach publication")


def _copy(warehouse: duckdb.DuckDBPyConnection, home: Home, content: _Content) -> None:
    name = content.mart.name
    if content.files:
        warehouse.sql(f'create view publication.marts."{name}" as {_rows_of_files(home, content)}')
    else:
        warehouse.sql(f'create table publication.marts."{name}" as from build.marts."{name}"')


def _rows_of_files(home: Home, content: _Content) -> str:
    """Return the query over a mart's lake files; those of closed months may lack newer columns."""
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


def _write_queries(warehouse: duckdb.DuckDBPyConnection, macros: Sequence[str]) -> None:
    """Publish what is asked of the marts and never stored: table macros, and views over them."""
    warehouse.execute("use publication.marts")
    for macro in macros:
        warehouse.execute(macro)
    warehouse.execute("use memory.main")


def _comment(warehouse: duckdb.DuckDBPyConnection, content: _Content) -> None:
    """Add the dbt descriptions to the published columns, so that a BI tool shows them."""
    relation = f'publication.marts."{content.mart.name}"'
    kind = "view" if content.files else "table"
    if content.mart.description:
        warehouse.sql(f"comment on {kind} {relation} is '{_text(content.mart.description)}'")
    for column, description in content.mart.columns.items():
        if description:
            warehouse.sql(f"comment on column {relation}.\"{column}\" is '{_text(description)}'")


def _replace(temporary: Path, published: Path) -> None:
    """Sync the content before the rename: a power cut leaves the complete old file or the complete new one."""
    _sync(temporary, os.O_RDWR)
    temporary.replace(published)
    _sync(published.parent, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _text(value: object) -> str:
    return str(value).replace("'", "''")
