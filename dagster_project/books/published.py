"""The one way reports open the published marts: read-only, under a name no schema has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from dagster_project.books.publishing import reads_elsewhere
from ingestion.duck import literal
from ingestion.home import Home


class NothingPublished(RuntimeError):
    """There is no marts.duckdb yet; the message says how to get one."""


class PublishedElsewhere(NothingPublished):
    """The home was copied or moved: what marts.duckdb shows of requests are the files of the place it came from."""


@contextmanager
def published(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection whose unqualified names are the published marts.

    marts.duckdb opened directly would be a catalog named like its own schema, and `marts.x` ambiguous.

    Raises:
        NothingPublished: no run has published yet.
        PublishedElsewhere: none has since the home is where it is.
    """
    if not home.marts_database.exists():
        raise NothingPublished(f"{home.marts_database} is not there; `tollbook run` publishes it")
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(home.marts_database)} as tollbook (read_only)")
        if reads_elsewhere(connection, home):
            [(place,)] = connection.sql("select home from tollbook.meta.publication").fetchall()
            if not home.is_at(place):
                raise PublishedElsewhere(
                    f"{home.marts_database} was published at {place} and reads its requests there;"
                    " `tollbook run` publishes it here, and rebuilds nothing"
                )
        connection.execute("use tollbook.marts")
        yield connection
