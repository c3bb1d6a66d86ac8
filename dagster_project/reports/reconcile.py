"""The reconciliations, status by status: items, amount, oldest day, what to do next.

published recon_ marts → one count per reconciliation, status and currency → lines, or JSON. `next_steps.py` says what
to do about a status; dbt decides the status of an item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from dagster_project.books.published import published
from dagster_project.reports.next_steps import RECONCILIATIONS, REPORTED_COSTS, Reconciliation
from dagster_project.reports.unknown_fields import unknown_fields
from ingestion.duck import literal
from ingestion.home import Home


@dataclass(frozen=True)
class Standing:
    """All items of one reconciliation that share a status and a currency.

    `unknown_fields` lists, for unexplained variances, the undeclared fields on their rows.
    """

    reconciliation: str
    status: str
    items: int
    currency: str
    amount: Decimal
    oldest: date | None
    next_step: str | None
    unknown_fields: tuple[str, ...] = ()

    @property
    def needs_a_person(self) -> bool:
        """Whether the status needs action."""
        return self.next_step is not None

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; money as text."""
        return {
            "reconciliation": self.reconciliation,
            "status": self.status,
            "items": self.items,
            "currency": self.currency,
            "amount": f"{self.amount:f}",
            "oldest": self.oldest.isoformat() if self.oldest else None,
            "next_step": self.next_step,
            **({"unknown_fields": list(self.unknown_fields)} if self.unknown_fields else {}),
        }


def reconcile(home: Home, month: date | None = None) -> list[Standing]:
    """Return the state of every reconciliation, what needs attention first.

    Args:
        home: Whose published marts are read.
        month: First day of the month the items belong to; every month without it.

    Raises:
        NothingPublished: no run has published yet.
    """
    with published(home) as marts:
        standings, unknown = [], unknown_fields(marts, month)
        there = {name for (name,) in marts.sql("select table_name from duckdb_tables()").fetchall()}
        # Marts published by an earlier version lack newer tables.
        for reconciliation in (one for one in RECONCILIATIONS if one.mart in there):
            found = marts.sql(_query(reconciliation, month)).fetchall()
            standings += [
                Standing(
                    reconciliation.mart,
                    status,
                    *rest,
                    reconciliation.next_steps.get(status),
                    tuple(f"{field.source}: {field}" for field in unknown if status in field.reasons)
                    if reconciliation is REPORTED_COSTS
                    else (),
                )
                for status, *rest in found
            ]
    return standings


def lines(standings: Sequence[Standing]) -> Iterator[str]:
    """Yield the standings as lines, one block per reconciliation."""
    for reconciliation in RECONCILIATIONS:
        own = [standing for standing in standings if standing.reconciliation == reconciliation.mart]
        yield f"{reconciliation.title} ({reconciliation.mart})"
        if not own:
            yield "    nothing to reconcile"
        for standing in sorted(own, key=lambda one: (not one.needs_a_person, -one.items, one.status)):
            yield (
                f"    {standing.status:<26} {standing.items:>8,}  {standing.amount:>20,f} {standing.currency:<7}"
                f"  since {standing.oldest or '–'}"
            )
            if standing.next_step:
                yield f"        → {standing.next_step}"
            for field in standing.unknown_fields:
                yield f"        → {field}"


def _query(reconciliation: Reconciliation, month: date | None) -> str:
    where = f"date_trunc('month', {reconciliation.day}) = date {literal(month)}" if month else "true"
    return f"""
        select
            {reconciliation.status} as status,
            cast({reconciliation.items} as bigint) as items,
            upper({reconciliation.currency}) as currency,
            cast(coalesce(sum({reconciliation.amount}), 0) as {reconciliation.amount_type}) as amount,
            cast(min({reconciliation.day}) as date) as oldest
        from {reconciliation.mart}
        where {where}
        group by all
        order by all
    """  # noqa: S608
