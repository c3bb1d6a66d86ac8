"""The one way reports open the published marts: read-only, under a name no schema has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from ingestion.home import Home


class NothingPublished(RuntimeError):
    """There is no marts.duckdb yet; the message says how to get one."""


@contextmanager
def published(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection whose unqualified names are the published marts.

    marts.duckdb opened directly would be a catalog named like its own schema, and `marts.x` ambiguous.

    Raises:
        NothingPublished: no run has published yet.
    """
    if not home.marts_database.exists():
        raise NothingPublished(f"{home.marts_database} is not there; `tollbook run` publishes it")
    with duckdb.connect() as connection:
        path = str(home.marts_database).replace("'", "''")
        connection.execute(f"attach '{path}' as tollbook (read_only)")
        connection.execute("use tollbook.marts")
        yield connection
