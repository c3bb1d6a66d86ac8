"""Undeclared fields, with the variance of their rows: new field x on 41 of 41 unexplained rows.

Rulings: docs/decisions/reading.md#reading-7.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb

from ingestion.duck import literal

#: Fields shown per source.
MOST_FIELDS = 5


@dataclass(frozen=True)
class UnknownField:
    """An undeclared field on rows with an unexplained charge.

    Attributes:
        source: Name of the source.
        name: Of the field.
        reasons: Variance reasons of those rows.
        requests: How many of them have the field.
        unexplained: All such rows on the days and with the reasons on which it was seen.
        amount: Their variance, or their charge where they have no price, USD.
        example: Id of one of them.
    """

    source: str
    name: str
    reasons: tuple[str, ...]
    requests: int
    unexplained: int
    amount: Decimal
    example: str | None

    def __str__(self) -> str:
        """Return it as a clause."""
        return (
            f"new field {self.name} on {self.requests:,} of {self.unexplained:,} unexplained rows,"
            f" {self.amount:,.2f} USD"
        )


def unknown_fields(marts: duckdb.DuckDBPyConnection, month: date | None = None) -> list[UnknownField]:
    """Return the fields by source, those on the largest share of unexplained rows first, at most MOST_FIELDS per
    source.

    Empty for marts without the table.
    """
    if not marts.sql(
        "select 1 from duckdb_columns() where table_name = 'rpt_unknown_fields' limit 1"
    ).fetchall():
        return []
    where = f" and date_trunc('month', event_date) = date {literal(month)}" if month else ""
    found = marts.sql(
        f"""
        select
            source,
            field_name,
            list_sort(list_distinct(list(variance_reason))) as reasons,
            cast(sum(requests) as bigint) as field_requests,
            cast(sum(reason_requests) as bigint) as unexplained_requests,
            cast(sum(cost_variance_usd + unpriced_charge_usd) as decimal(38, 12)) as amount,
            min(example_request_id) as example
        from rpt_unknown_fields
        where is_unexplained{where}
        group by source, field_name
        having field_requests > 0
        qualify row_number() over (
            partition by source
            order by field_requests * 1000000 // unexplained_requests desc, field_requests desc, field_name
        ) <= {MOST_FIELDS}
        order by source, field_requests * 1000000 // unexplained_requests desc, field_requests desc, field_name
        """  # noqa: S608
    ).fetchall()
    return [UnknownField(source, name, tuple(reasons), *rest) for source, name, reasons, *rest in found]
