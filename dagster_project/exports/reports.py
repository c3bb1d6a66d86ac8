"""What a report holds: columns of a mart, the day its rows belong to, and what they can be narrowed by.

Report + Selection → one query. Days are event days for usage and requests, days of issue for invoices, charge periods
for FOCUS; both ends belong to the range. Every value of an option becomes an SQL literal through `literal`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from dagster_project.dbt_runner.token_classes import token_classes
from ingestion.duck import literal

#: What usage can be grouped and filtered by: the column of fct_usage_costs and fct_usage_daily for each option.
USAGE_DIMENSIONS = {
    "day": "event_date",
    "source": "source",
    "workspace": "workspace_id",
    "model": "model_served",
    "key": "api_key_id",
    "member": "member_id",
    "group": "group_name",
    "call-type": "call_type",
    "status": "status",
}
GROUP_BY = ("model", "key", "member", "group", "workspace", "source", "day")

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


class ExportError(ValueError):
    """The export cannot be written; the message says what to change."""


@dataclass(frozen=True)
class Selection:
    """The days and the values of dimensions that an export covers, both ends included; an empty filter selects all."""

    first: date
    last: date
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def given(self) -> dict[str, list[str]]:
        """Return the filters that have a value."""
        return {name: list(values) for name, values in self.filters.items() if values}

    def words(self) -> str:
        """Return the selection in words: `2026-08-01 to 2026-08-31, model gpt-4o or gpt-4o-mini`."""
        span = str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
        return ", ".join([span, *(f"{name} {' or '.join(v)}" for name, v in self.given().items())])


@dataclass(frozen=True)
class Report:
    """The rows of a report before a selection.

    Attributes:
        name: Name on the command line.
        meaning: What a row is, for the list of reports.
        relation: A mart, or a select in brackets.
        day: SQL date that a row belongs to.
        columns: SQL expressions with their names, in order; `*` for all.
        order: SQL that orders the rows completely.
        dimensions: Option → column of `relation` that it narrows.
        conditions: SQL conditions that always hold.
        groups: Columns that rows are summed by, () for one row in all; None lists the rows one by one.
    """

    name: str
    meaning: str
    relation: str
    day: str
    columns: tuple[str, ...]
    order: tuple[str, ...]
    dimensions: Mapping[str, str]
    conditions: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None

    def sql(self, selection: Selection) -> str:
        """Return the query of the report's rows.

        Raises:
            ExportError: the selection names a dimension that the report does not have.
        """
        where = [
            f"{self.day} between date {literal(selection.first)} and date {literal(selection.last)}",
            *self.conditions,
        ]
        for name, values in selection.given().items():
            if name not in self.dimensions:
                known = (
                    ", ".join(f"--{known}" for known in self.dimensions if known != "day")
                    or "--from and --to"
                )
                raise ExportError(f"--{name} does not narrow {self.name}; it has {known}")
            where.append(f"{self.dimensions[name]} in ({', '.join(map(literal, values))})")
        parts = [f"select {', '.join(self.columns)} from {self.relation}", f"where {' and '.join(where)}"]
        if self.groups:
            parts.append(f"group by {', '.join(self.groups)}")
        elif self.groups is not None:
            parts.append("having count(*) > 0")
        if self.order:
            parts.append(f"order by {', '.join(self.order)}")
        return " ".join(parts)


def usage(group_by: Sequence[str] = ()) -> Report:
    """Return usage summed to one row per value of `group_by`, in that order; one row in all without any.

    A cost is the sum of what is priced; it is empty where nothing is, and `unpriced_requests` counts what is missing.

    Raises:
        ExportError: a name of `group_by` is unknown or occurs twice.
    """
    unknown = [name for name in group_by if name not in GROUP_BY]
    if unknown:
        raise ExportError(f"--group-by {unknown[0]!r} is unknown; write {', '.join(GROUP_BY)}")
    if len(set(group_by)) != len(group_by):
        raise ExportError("--group-by names one thing twice; name each once")
    columns = tuple(USAGE_DIMENSIONS[name] for name in group_by)
    labels = ["max(api_key_name) as api_key_name"] if "key" in group_by else []
    sums = [
        *(f"cast(sum({name}) as bigint) as {name}" for name in (*_COUNTS, *_TOKENS)),
        *(f"cast(sum({name}) as decimal(38, 12)) as {name}" for name in _COSTS),
    ]
    return Report(
        name="usage",
        meaning="requests, tokens and costs, summed by what --group-by names",
        relation="fct_usage_daily",
        day="event_date",
        columns=(*columns, *labels, *sums),
        order=columns,
        dimensions=USAGE_DIMENSIONS,
        groups=columns,
    )


REQUESTS = Report(
    name="requests",
    meaning="every request with every column of fct_usage_costs",
    relation="fct_usage_costs",
    day="event_date",
    columns=("*",),
    order=("occurred_at", "event_id"),
    dimensions=USAGE_DIMENSIONS,
)
INVOICES = Report(
    name="invoices",
    meaning="every invoice issued, with the status of its reconciliation",
    relation=(
        "(select invoices.*, items.status as reconciliation_status, items.status_reason as reconciliation_reason,"
        " items.received_amount, items.refunded_amount, items.disputed_amount, items.difference_amount,"
        " items.age_days"
        " from fct_invoices as invoices left join recon_invoice_payments as items using (item_id))"
    ),
    day="cast(issued_at as date)",
    columns=("*",),
    order=("issued_at", "source", "invoice_id"),
    dimensions={"source": "source", "workspace": "workspace_id"},
)
