"""A few numbers of the marts in build.duckdb, per model, for Dagster's plots."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from ingestion.home import Home

_NUMBERS = {
    "fct_usage_daily": """
        select
            coalesce(sum(requests), 0)::bigint as requests,
            coalesce(sum(unpriced_requests), 0)::bigint as unpriced,
            coalesce(sum(list_cost_usd), 0)::double as list_cost_usd,
            coalesce(sum(cache_optimized_cost_usd), 0)::double as cost_usd
        from marts.fct_usage_daily
    """,
    "rpt_source_days": """
        select coalesce(sum(rejects), 0)::bigint as rejects, coalesce(sum(lines), 0)::bigint as lines
        from marts.rpt_source_days
    """,
    "recon_invoice_payments": """
        select
            count(*) as items,
            count(*) filter (where status not like 'matched%') as unmatched
        from marts.recon_invoice_payments
    """,
}


def numbers_of(home: Home) -> dict[str, Mapping[str, int | float]]:
    """Return numbers by model, for built models."""
    if not home.build_database.exists():
        return {}
    found = {}
    with duckdb.connect(str(home.build_database), read_only=True) as warehouse:
        built = {
            name
            for (name,) in warehouse.sql(
                "select table_name from duckdb_tables() where schema_name = 'marts'"
            ).fetchall()
        }
        for model, query in _NUMBERS.items():
            if model in built:
                numbers = warehouse.sql(query)
                found[model] = dict(zip(numbers.columns, numbers.fetchall()[0], strict=True))
    return found
