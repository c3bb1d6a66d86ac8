"""What a home of an earlier version needs before this one writes it; done under the writer lock, cheap when current.

    0.2  marts.duckdb is called tollbook.duckdb; raw/manifests/ is called raw/load_records/

Build state of another shape is dropped where it is made (state.py), which rebuilds every day once; landing files read
by an older reader are read again (ingestion/landing.py).
"""

from __future__ import annotations

from ingestion.home import Home

#: The published file of version 0.2.
OLD_PUBLISHED = "marts.duckdb"


def upgrade(home: Home) -> None:
    """Bring a home to this version. Killed at any moment and done again, it ends the same."""
    old_records = home.raw / "manifests"
    if old_records.exists() and not home.load_records.exists():
        old_records.rename(home.load_records)
    old = home.root / OLD_PUBLISHED
    if old.exists():
        if home.published_database.exists():
            old.unlink()
        else:
            old.rename(home.published_database)
