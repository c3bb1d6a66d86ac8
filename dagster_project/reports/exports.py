"""What each report holds: the SQL of usage, requests, invoices and FOCUS over the published marts.

Days are event days for usage and requests, days of issue for invoices, charge periods for FOCUS; both ends belong to
the range. Every value of an option becomes an SQL literal through `literal`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from dagster_project.dbt_runner.token_classes import token_classes
from ingestion.duck import literal

#: What usage can be grouped and filtered by: the marts' column of each name on the command line.
DIMENSIONS = {
    "day": "event_date",
    "model": "model_served",
    "key": "api_key_id",
    "member": "member_id",
    "group": "group_name",
    "workspace": "workspace_id",
    "call-type": "call_type",
    "status": "status",
}
GROUP_BY = ("model", "key", "member", "group", "workspace", "day")

_COUNTS = ("requests", "unpriced_requests")
_TOKENS = (
    "input_tokens",
    *(entry.tokens for entry in token_classes() if entry.side == "input"),
    "output_tokens",
    *(entry.tokens for entry in token_classes() if entry.side == "output"),
    "total_tokens",
)
_COSTS = (
    "list_cost_usd",
    "discounted_cost_usd",
    "cache_optimized_cost_usd",
    "discount_savings_usd",
    "cache_savings_usd",
    "reported_cost_usd",
    "cost_variance_usd",
)


@dataclass(frozen=True)
class Report:
    """One report: its name and the query that yields its rows, in order."""

    name: str
    sql: str


@dataclass(frozen=True)
class Selection:
    """The days and the values of dimensions a report covers; an empty filter selects everything."""

    first: date
    last: date
    values: Mapping[str, Sequence[str]]

    def conditions(self, day: str) -> str:
        """Return the condition on the rows of a mart whose day is the expression `day`."""
        parts = [f"{day} between date {literal(self.first)} and date {literal(self.last)}"]
        for name, values in self.values.items():
            if values:
                parts.append(f"{DIMENSIONS[name]} in ({', '.join(map(literal, values))})")
        return " and ".join(parts)


def usage(selection: Selection, group_by: Sequence[str]) -> Report:
    """Return usage summed to one row per value of `group_by`, in that order; one row in all without any."""
    columns = [DIMENSIONS[name] for name in group_by]
    labels = ["max(api_key_name) as api_key_name"] if "key" in group_by else []
    sums = [
        *(f"cast(sum({name}) as bigint) as {name}" for name in (*_COUNTS, *_TOKENS)),
        *(f"cast(sum({name}) as decimal(38, 12)) as {name}" for name in _COSTS),
    ]
    grouped = f" group by {', '.join(columns)} order by {', '.join(columns)}" if columns else ""
    sql = (
        f"select {', '.join([*columns, *labels, *sums])} from fct_usage_daily"
        f" where {selection.conditions('event_date')}{grouped}"
    )
    return Report("usage", sql)


def requests(selection: Selection) -> Report:
    """Return every request of the selection with every column of fct_usage_costs."""
    where = selection.conditions("event_date")
    return Report("requests", f"select * from fct_usage_costs where {where} order by occurred_at, event_id")


def invoices(selection: Selection) -> Report:
    """Return every invoice issued in the selection with the status of its reconciliation."""
    sql = (
        "select invoices.*, items.status as reconciliation_status, items.status_reason as reconciliation_reason,"
        " items.received_amount, items.refunded_amount, items.disputed_amount, items.difference_amount,"
        " items.age_days"
        " from fct_invoices as invoices left join recon_invoice_payments as items using (item_id)"
        f" where {selection.conditions('cast(invoices.issued_at as date)')}"
        " order by invoices.issued_at, invoices.invoice_id"
    )
    return Report("invoices", sql)


def focus(selection: Selection) -> Report:
    """Return the FOCUS rows whose charge period starts in the selection."""
    where = selection.conditions('cast("ChargePeriodStart" as date)')
    return Report(
        "focus",
        f"select * from focus_cost_and_usage where {where}"
        ' order by "ChargePeriodStart", "BillingAccountId", "SkuPriceId"',
    )
