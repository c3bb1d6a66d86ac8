"""A summary of the published marts: days, events, the three cost tiers, anomalies, payments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.books.publication import id_of
from dagster_project.books.published import published
from ingestion.home import Home


@dataclass(frozen=True)
class Summary:
    """Totals over everything published; money in USD, exact."""

    publication_id: str
    first_day: str | None
    last_day: str | None
    days: int
    events: int
    rejects: int
    unpriced: int
    list_cost_usd: Decimal
    discounted_cost_usd: Decimal
    cache_optimized_cost_usd: Decimal
    anomalies: Mapping[str, int]
    reconciliation: Mapping[str, int]
    not_up_to_date: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; money as text, so that no digit is lost."""
        return {
            name: f"{value:f}" if isinstance(value, Decimal) else value
            for name, value in asdict(self).items()
        }

    def lines(self) -> Iterator[str]:
        """Yield the summary as lines."""
        span = f"{self.first_day} to {self.last_day}, " if self.days else ""
        yield f"days      {span}{self.days:,}"
        yield f"events    {self.events:,}   rejects {self.rejects:,}   unpriced {self.unpriced:,}"
        yield f"list      {self.list_cost_usd:>20,.12f} USD"
        yield f"discount  {self.discounted_cost_usd:>20,.12f} USD"
        yield f"optimized {self.cache_optimized_cost_usd:>20,.12f} USD"
        yield f"anomalies {counted(self.anomalies)}"
        yield f"payments  {counted(self.reconciliation)}"
        for source in self.not_up_to_date:
            yield f"source    {source}"


def counted(counts: Mapping[str, int]) -> str:
    """Join names and counts, the most frequent first."""
    if not counts:
        return "none"
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {number:,}" for name, number in ordered)


def summarize(home: Home) -> Summary:
    """Read the summary from tollbook.duckdb.

    Raises:
        NothingPublished: no run has published yet.
    """
    with published(home) as marts:
        publication_id = id_of(marts)
        [totals] = marts.sql(
            """
            select
                min(event_date)::varchar,
                max(event_date)::varchar,
                count(distinct event_date),
                coalesce(sum(requests), 0)::bigint,
                (select coalesce(sum(rejects), 0)::bigint from rpt_source_days),
                coalesce(sum(unpriced_requests), 0)::bigint,
                coalesce(sum(list_cost_usd), 0),
                coalesce(sum(discounted_cost_usd), 0),
                coalesce(sum(cache_optimized_cost_usd), 0)
            from fct_usage_daily
            """
        ).fetchall()
        anomalies = marts.sql("select direction, count(*) from fct_anomalies group by direction").fetchall()
        not_up_to_date = tuple(_not_up_to_date(marts))
        statuses = marts.sql("select status, count(*) from recon_invoice_payments group by status").fetchall()
    return Summary(publication_id, *totals, dict(anomalies), dict(statuses), not_up_to_date)


def _not_up_to_date(marts: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield the status of each source that is held back or silent; nothing if the marts lack that table."""
    try:
        rows = marts.sql(
            """
            select source, as_of_date, held_back_reason, silent_since
            from rpt_source_status
            where is_held_back or is_silent
            order by source
            """
        ).fetchall()
    except duckdb.CatalogException:
        return
    for source, as_of, reason, silent_since in rows:
        parts = [f"as of {as_of}" if as_of else "nothing yet"]
        parts += [f"held back: {reason}"] if reason else []
        parts += [f"silent since {silent_since}"] if silent_since else []
        yield f"{source} {', '.join(parts)}"
