"""Dagster's run history, written with the connections it already has.

For every event Dagster's SQLite storage makes up to three engines, opens a connection on each and throws them away
again: 2 CPU-seconds of a night that holds hardly any requests. Here each database keeps its engine. Nor is every event
forced to the disk: a backfill of a year has thousands, and what a power cut may take is the end of the history of a run
it broke off, never the books. What is written, when, and under which lock stays Dagster's own; the pinned version is
why a private method may be replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    import dagster as dg
    from sqlalchemy import Connection, Engine


def keep_connections(instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """Let the event log of an instance keep one engine per database, and return the instance."""
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
        SQLITE_BUSY_TIMEOUT_SECONDS,
        SqliteEventLogStorage,
    )
    from sqlalchemy import create_engine, event

    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return instance
    engines: dict[str, Engine] = {}

    @contextmanager
    def connect(shard: str) -> Iterator[Connection]:
        with storage._db_lock:
            if shard not in engines:
                engines[shard] = create_engine(
                    storage.conn_string_for_shard(shard),
                    connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
                )
                event.listen(engines[shard], "connect", _leave_writing_to_checkpoints)
            if shard not in storage._initialized_dbs:
                storage._initdb(engines[shard])
                storage._initialized_dbs.add(shard)
            with engines[shard].connect() as connection, connection.begin():
                yield connection

    def dispose() -> None:
        for engine in engines.values():
            engine.dispose()
        SqliteEventLogStorage.dispose(storage)

    storage._connect = connect
    storage.dispose = dispose
    return instance


def _leave_writing_to_checkpoints(connection: sqlite3.Connection, _: object) -> None:
    """Keep a database in write-ahead mode whole whatever happens, without waiting for the disk at every commit."""
    connection.execute("pragma synchronous = normal")
