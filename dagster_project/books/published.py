"""The only way reports open the published marts: read-only, under a catalog name that no schema has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from dagster_project.books.publication import place_of, reads_elsewhere
from dagster_project.books.upgrade import OLD_PUBLISHED
from ingestion.duck import literal
from ingestion.home import Home

#: What to do about a home that is not there.
NO_HOME = "correct --home or $TOLLBOOK_HOME, or make one with `tollbook sandbox` or `tollbook run`"


class NothingPublished(RuntimeError):
    """There is no tollbook.duckdb yet; the message says how to get one."""


class PublishedElsewhere(NothingPublished):
    """The home was copied or moved: tollbook.duckdb reads its requests from files at the old path."""


@contextmanager
def published(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection whose unqualified names are the published marts.

    The file is attached under the name it has when it is opened directly, `tollbook`.

    Raises:
        NothingPublished: no run has published yet.
        PublishedElsewhere: no run has published since the home was moved or copied.
    """
    file = home.published_database
    if not file.exists():
        file = home.root / OLD_PUBLISHED
    if not home.root.exists():
        raise NothingPublished(f"there is no home at {home.root}; {NO_HOME}")
    if not file.exists():
        raise NothingPublished(f"{home.published_database} does not exist; `tollbook run` publishes it")
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(file)} as tollbook (read_only)")
        if reads_elsewhere(connection, home):
            place = place_of(connection)
            if not home.is_at(place):
                raise PublishedElsewhere(
                    f"{home.published_database} was published at {place} and reads its requests there;"
                    " `tollbook run` publishes it here, and rebuilds nothing"
                )
        connection.execute("use tollbook.marts")
        yield connection
