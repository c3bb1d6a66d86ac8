"""Results as Dagster shows them: a sentence per failure, and the failing rows as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from dagster_project.quality.results import Result, Verdict, sentences
from ingestion.home import Home

#: Metadata of a check: what its failure holds back.
HOLDS_BACK = "holds_back"


def check_result(
    name: str,
    sentences: Sequence[str],
    metadata: Mapping[str, object] | None = None,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    asset: dg.AssetKey | None = None,
) -> dg.AssetCheckResult:
    """Convert sentences to an AssetCheckResult, one line each; the check passed if there are none."""
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not sentences,
        severity=severity,
        description="\n".join(sentences) or None,
        metadata={"failures": len(sentences), **(metadata or {})},
    )


def suite_result(
    name: str, verdict: Verdict, failed: Sequence[Result], home: Home, asset: dg.AssetKey | None = None
) -> dg.AssetCheckResult:
    """Convert failed results of a suite, all blocking or all warnings, to one AssetCheckResult with their rows."""
    severe = any(result.is_blocking for result in failed)
    return check_result(
        name,
        sentences(failed),
        {"days_judged": verdict.judged, **failing_rows(failed), **docs_link(home)},
        dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        asset,
    )


def failing_rows(failed: Sequence[Result]) -> dict[str, dg.MetadataValue]:
    """Return the first failing rows as a table, each with its day and the expectation it fails."""
    rows = [
        {
            "day": result.day,
            **({"source": result.source} if result.source else {}),
            "expectation": result.expectation,
            **row,
        }
        for result in failed
        for row in result.rows or [{"observed": result.observed}]
    ]
    return table(rows)


def table(rows: Sequence[Mapping[str, Any]]) -> dict[str, dg.MetadataValue]:
    """Return rows as the metadata `failing_rows`; nothing without rows."""
    if not rows:
        return {}
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return {
        "failing_rows": dg.MetadataValue.table(
            records=[dg.TableRecord({name: _shown(row.get(name)) for name in columns}) for row in rows],
            schema=dg.TableSchema(columns=[dg.TableColumn(name) for name in columns]),
        )
    }


def docs_link(home: Home) -> dict[str, dg.MetadataValue]:
    """Return the address of the Data Docs."""
    return {"data_docs": dg.MetadataValue.url((home.data_docs / "index.html").as_uri())}


def _shown(value: object) -> str | int | float | bool | None:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
