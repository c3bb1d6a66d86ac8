"""The one way reports open the published marts: read-only, under a name no schema has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from dagster_project.books.publication import place_of, reads_elsewhere
from dagster_project.books.upgrade import OLD_PUBLISHED
from ingestion.duck import literal
from ingestion.home import Home


class NothingPublished(RuntimeError):
    """There is no tollbook.duckdb yet; the message says how to get one."""


class PublishedElsewhere(NothingPublished):
    """The home was copied or moved: what tollbook.duckdb shows of requests are the files of the place it came from."""


@contextmanager
def published(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection whose unqualified names are the published marts.

    The file is attached under the name it has when it is opened directly, `tollbook`.

    Raises:
        NothingPublished: no run has published yet.
        PublishedElsewhere: none has since the home is where it is.
    """
    file = home.published_database
    if not file.exists():
        file = home.root / OLD_PUBLISHED
    if not file.exists():
        raise NothingPublished(f"{home.published_database} is not there; `tollbook run` publishes it")
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
