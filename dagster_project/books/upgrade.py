"""Upgrade a home of an earlier version before this one writes it; done under the writer lock, cheap when current.

    0.2  marts.duckdb is called tollbook.duckdb; raw/manifests/ is called raw/load_records/

state.py drops build state of another shape, which rebuilds every day once; ingestion/landing.py reads files of an older
reader again.
"""

from __future__ import annotations

from ingestion.home import Home

#: The published file of version 0.2.
OLD_PUBLISHED = "marts.duckdb"


def upgrade(home: Home) -> None:
    """Upgrade a home to this version. Safe to kill and repeat."""
    old_records = home.raw / "manifests"
    if old_records.exists() and not home.load_records.exists():
        old_records.rename(home.load_records)
    old = home.root / OLD_PUBLISHED
    if old.exists():
        if home.published_database.exists():
            old.unlink()
        else:
            old.rename(home.published_database)
