"""The credit ledger up to the end of a closed month: lake/closings/<month>.credits.parquet.

A balance depends on all earlier entries, so closing a month closes the ledger up to its end. The file holds the entries
that no earlier closing holds. dbt takes them unchanged (fct_credit_entries) and books differences to today's result as
corrections at the first open instant.

Rulings: docs/decisions/closing.md#closing-3.
"""

from __future__ import annotations

from datetime import date
from hashlib import file_digest
from pathlib import Path
from typing import Any

import duckdb

from ingestion.files import whole
from ingestion.home import Home

LEDGER = "fct_credit_entries"
ENDING = ".credits.parquet"


def keep(
    home: Home, folder: Path, warehouse: duckdb.DuckDBPyConnection, month: str, end: date
) -> dict[str, Any] | None:
    """Write the ledger's entries before `end`, and return their file and hash; None if no ledger was built."""
    if not warehouse.sql(
        "select 1 from duckdb_tables() where schema_name = 'marts' and table_name = $name",
        params={"name": LEDGER},
    ).fetchall():
        return None
    earlier = [str(path) for path in sorted(folder.glob(f"*{ENDING}")) if _is_closed(path)]
    entries = warehouse.sql(f"from marts.{LEDGER} where event_date < $end", params={"end": end})
    if earlier:
        closed = warehouse.read_parquet(earlier, union_by_name=True).project("entry_id")
        entries = entries.join(closed, "entry_id", how="anti")
    target = folder / f"{month}{ENDING}"
    with whole(target) as temporary:
        entries.order("entered_at, entry_id").write_parquet(str(temporary), compression="zstd")
    with target.open("rb") as handle:
        sha256 = file_digest(handle, "sha256").hexdigest()
    return {"file": target.relative_to(home.lake).as_posix(), "sha256": sha256}


def _is_closed(path: Path) -> bool:
    """A file without its record was left by a closing that was killed."""
    return path.with_name(path.name.replace(ENDING, ".json")).exists()
