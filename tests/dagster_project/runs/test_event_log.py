"""The run history's databases: one engine each, whole after a power cut, and nobody waits for the disk."""

from __future__ import annotations

import dagster as dg

from dagster_project.runs.instance import open_instance
from ingestion.home import Home

NORMAL = 1


def test_an_event_waits_for_no_disk_and_breaks_no_history(home: Home) -> None:
    """In write-ahead mode, normal loses at most the last events to a power cut, and never a database."""
    with open_instance(home) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("any"))
        with instance.event_log_storage.index_connection() as index:
            names = ("journal_mode", "synchronous")
            found = [index.exec_driver_sql(f"pragma {name}").scalar() for name in names]
    assert found == ["wal", NORMAL]


def test_a_database_keeps_its_engine(home: Home) -> None:
    engines = set()
    with open_instance(home) as instance:
        for _ in range(2):
            with instance.event_log_storage.index_connection() as index:
                engines.add(index.engine)
    assert len(engines) == 1
