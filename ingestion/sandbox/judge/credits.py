"""Compare the credit ledger and its reconciliations with the truth about the sandbox's wallets.

totals       every sum of the ledger over the wallets of a unit, credits and quota
wallets, lots   how many agree in all their sums; an unplanted one adds to the found statuses     how many items of a
reconciliation have the status they were planted with

Rulings: docs/decisions/sandbox.md#sandbox-3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import duckdb

from ingestion.sandbox.judge.comparison import Comparison

MEASURES = ("granted", "burned", "expired", "adjusted", "overage", "closing", "used")

#: Per reconciliation, the day that identifies its items together with the wallet.
_STATUS_DAYS = {
    "recon_credit_balances": "balance_on",
    "recon_credit_burn": "event_date",
    "recon_credit_grants": "cast(promised_at as date)",
}

_WALLETS = """
    with
    balances as (
        select
            source, workspace_id, unit,
            sum(granted_micro) as granted, sum(burned_micro) as burned, sum(expired_micro) as expired,
            sum(adjusted_micro) as adjusted, sum(overage_micro) as overage,
            max_by(closing_micro, event_date) as closing
        from fct_credit_balances_daily
        group by all
    ),
    logged as (
        select source, workspace_id, sum(logged_micro + returned_micro) as used
        from recon_credit_burn
        group by all
    )
    select
        balances.source, balances.workspace_id, unit,
        columns(['granted', 'burned', 'expired', 'adjusted', 'overage', 'closing', 'used'])
            ::decimal(38, 0) * 0.000001
    from (select balances.*, coalesce(used, 0) as used from balances left join logged using (source, workspace_id))
        as balances
    where list_contains($sources, balances.source)
"""

_LOTS = """
    select
        concat_ws('/', source, workspace_id, cast(granted_at as date)) as subject,
        grant_kind as kind,
        columns(['granted_micro', 'used_micro', 'expired_micro', 'remaining_micro'])::decimal(38, 0) * 0.000001
    from fct_credit_grants
    where list_contains($sources, source)
"""


def compare(marts: duckdb.DuckDBPyConnection, planted: Mapping[str, Any]) -> Iterator[Comparison]:
    """Compare the ledger of the planted wallets' sources with the truth about them."""
    found = found_in(marts, sorted({wallet["source"] for wallet in planted["wallets"]}))
    for unit in sorted({wallet["unit"] for wallet in planted["wallets"]}):
        for measure in MEASURES:
            yield Comparison(
                f"{unit}s {measure}" if unit == "credit" else f"{unit} {measure}",
                _total(planted["wallets"], unit, measure),
                _total(found["wallets"], unit, measure),
            )
    for what in ("wallets", "lots"):
        yield _agreeing(f"credit {what}", _counted(planted[what]), _counted(found[what]))
    for mart in _STATUS_DAYS:
        of_planted, of_found = (
            Counter((one["status"], one["subject"]) for one in side["statuses"] if one["mart"] == mart)
            for side in (planted, found)
        )
        for status in sorted({status for status, _ in [*of_planted, *of_found]}):
            yield _agreeing(
                f"{mart.removeprefix('recon_')} {status}",
                Counter({one: count for one, count in of_planted.items() if one[0] == status}),
                Counter({one: count for one, count in of_found.items() if one[0] == status}),
            )


def found_in(marts: duckdb.DuckDBPyConnection, sources: list[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the marts' data on some sources' wallets, in the shape of the truth."""
    amounts = ("granted", "used", "expired", "remaining")
    return {
        "wallets": _rows(marts, _WALLETS, sources, ("source", "workspace_id", "unit", *MEASURES)),
        "lots": _rows(marts, _LOTS, sources, ("subject", "kind", *amounts)),
        "statuses": [
            row
            for mart, day in _STATUS_DAYS.items()
            for row in _rows(
                marts,
                f"""
                select '{mart}', concat_ws('/', source, workspace_id, {day}), status
                from {mart}
                where list_contains($sources, source)
                """,  # noqa: S608
                sources,
                ("mart", "subject", "status"),
            )
        ],
    }


def _rows(
    marts: duckdb.DuckDBPyConnection, query: str, sources: list[str], names: Iterable[str]
) -> list[dict[str, Any]]:
    found = marts.sql(query, params={"sources": sources}).fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]


def _total(wallets: Iterable[Mapping[str, Any]], unit: str, measure: str) -> str:
    total = sum((Decimal(wallet[measure]) for wallet in wallets if wallet["unit"] == unit), Decimal())
    return f"{total.normalize():f}"


def _counted(rows: Iterable[Mapping[str, Any]]) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(sorted(row.items())) for row in rows)


def _agreeing(what: str, planted: Counter[Any], found: Counter[Any]) -> Comparison:
    """Count what is on both sides as found, plus one for each that was not planted."""
    extra = (found - planted).total() if not planted - found else 0
    return Comparison(what, str(planted.total()), str((planted & found).total() + extra))
