"""The first rows that a failed dbt test found: its compiled SQL, selected again from build.duckdb."""

from __future__ import annotations

from pathlib import Path
from threading import Timer
from typing import Any

import duckdb

from dagster_project.dbt_runner.build import NodeResult
from ingestion.home import Home

MOST_SHOWN = 5
#: A test over every request may take longer than its rows are worth.
PATIENCE_SECONDS = 10.0


def failing_rows(home: Home, node: NodeResult) -> list[dict[str, Any]]:
    """Return the first rows a test found; none where its SQL cannot be read or takes too long."""
    if node.passed or not node.failures or not node.compiled_path:
        return []
    try:
        query = Path(node.compiled_path).read_text(encoding="utf-8")
    except OSError:
        return []
    with duckdb.connect(str(home.build_database), read_only=True) as warehouse:
        patience = Timer(PATIENCE_SECONDS, warehouse.interrupt)
        patience.start()
        try:
            relation = warehouse.sql(f"from ({query}\n) limit {MOST_SHOWN}")
            return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
        except duckdb.Error:
            return []
        finally:
            patience.cancel()
