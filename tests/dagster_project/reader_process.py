"""An analyst's process: it reads the published marts in a loop until it is stopped."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path

import duckdb


def read_until_stopped(database: Path, holds: bool, connection: Connection) -> None:
    """Query in a loop, on one connection or a new one each time; send the last count of requests seen."""
    marts = opened(database)
    connection.send("reading")
    stopping = False
    while not stopping:
        stopping = connection.poll()
        if not holds:
            marts.close()
            marts = opened(database)
        rolled_up, counted = counts(marts)
        assert rolled_up == counted
    connection.send(counted)


def opened(database: Path) -> duckdb.DuckDBPyConnection:
    """A connection to the marts as they are now."""
    marts = duckdb.connect()
    marts.execute(f"attach '{database}' as books (read_only)")
    return marts


def counts(marts: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """The number of requests in the rollup, and in the facts."""
    [(rolled_up, counted)] = marts.sql(
        """
        select
            (select sum(requests)::bigint from books.marts.fct_usage_daily),
            (select count(*) from books.marts.fct_usage_costs)
        """
    ).fetchall()
    return rolled_up, counted
