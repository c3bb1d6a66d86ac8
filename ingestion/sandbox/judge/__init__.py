"""Compare the marts with the faults planted by the sandbox (truth.json).

Rulings: docs/decisions/sandbox.md#sandbox-1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from ingestion.sandbox.judge import credits
from ingestion.sandbox.judge.comparison import Comparison

_TOTALS = {
    "requests": "sum(requests)",
    "unpriced": "sum(unpriced_requests)",
    "input_tokens": "sum(input_tokens)",
    "output_tokens": "sum(output_tokens)",
    "list_usd": "sum(list_cost_usd)",
    "discounted_usd": "sum(discounted_cost_usd)",
    "cache_optimized_usd": "sum(cache_optimized_cost_usd)",
    "reported_usd": "sum(reported_cost_usd)",
}

#: Kinds that are counted per delivery, in rpt_source_days.
_DELIVERED = {
    "duplicate_delivery": "duplicates",
    "revised_row": "revisions",
    "malformed_line": "rejects",
    "late_file": "late_rows",
}


#: The variance_reason that fct_usage_costs must give a planted mischarge.
_REASONS = {
    "discount_not_applied": "discount_missing",
    "cache_read_charged_as_input": "cache_priced_as_input",
    "stale_price": "stale_price",
    "failed_but_charged": "failed_but_charged",
    "cache_write_missing": "cache_write_missing",
    "double_charged_cache": "double_charged_cache",
    "token_mismatch": "contradictory_usage",
    "wrong_tier": "wrong_tier",
    "contradictory_usage": "contradictory_usage",
    "service_tier_not_served": "service_tier_not_served",
    "unknown_surcharge": "price_mismatch",
}

#: Reasons that need no action, or that another line compares (usage without a price).
_QUIET_REASONS = ("match", "rounding", "settlement", "subscription_paid", "not_comparable", "unpriced")


@dataclass(frozen=True)
class _Judge:
    """A mart with one verdict per row, compared with faults of the kinds `<name>_<verdict>`; `quiet` verdicts are no
    findings.

    `where` excludes rows that are compared elsewhere.
    """

    name: str
    mart: str
    subject: str
    verdict: str
    quiet: tuple[str, ...] = ()
    where: str = "true"


_JUDGES = (
    _Judge("settlement", "recon_payment_settlements", "object_id", "status", ("settled", "pending")),
    _Judge("arithmetic", "recon_invoice_arithmetic", "document_id", "reasons"),
    _Judge(
        "usage_api",
        "recon_usage_api",
        "event_date || '/' || model_served",
        "status",
        ("match",),
        # Sums of other sources are compared in credits.py.
        "source = 'new_api_reports'",
    ),
)


def compare(truth: Mapping[str, Any], marts: duckdb.DuckDBPyConnection) -> list[Comparison]:
    """Compare published marts with the truth: totals to the last digit, then every kind of fault.

    Args:
        truth: what truth.json holds.
        marts: a connection whose unqualified names are the published marts.
    """
    marts.execute(
        """
        create temporary table faults (
            kind varchar, day date, subject varchar, status varchar, reason varchar, requests bigint, lines bigint
        )
        """
    )
    for fault in truth["faults"]:
        marts.execute(
            "insert into faults values ($1, $2, $3, $4, $5, $6, $7)",
            [
                *(fault[name] for name in ("kind", "day", "subject", "status")),
                _REASONS.get(fault["kind"]),
                fault["detail"].get("requests", 1),
                fault["detail"].get("lines", 1),
            ],
        )
    verdicts = (line for judge in _JUDGES for line in _verdicts(marts, judge))
    return [
        *_totals(marts, truth["events"], connectors_of(truth["world"])),
        *_deliveries(marts),
        *_findings(marts),
        *verdicts,
        *credits.compare(marts, truth["credits"]),
    ]


def connectors_of(world: Mapping[str, Any]) -> list[str]:
    """Return the connectors of a world; truth.json of version 0.2 calls them dialects."""
    return world.get("connectors") or world["dialects"]


def _totals(
    marts: duckdb.DuckDBPyConnection, events: Mapping[str, Any], sources: list[str]
) -> Iterator[Comparison]:
    columns = ", ".join(f"coalesce({expression}, 0)::varchar" for expression in _TOTALS.values())
    [found] = marts.sql(
        f"select {columns} from fct_usage_daily where list_contains($sources, source)",  # noqa: S608
        params={"sources": sources},
    ).fetchall()
    for name, value in zip(_TOTALS, found, strict=True):
        yield Comparison(name, _plain(str(events[name])), _plain(value))


def _deliveries(marts: duckdb.DuckDBPyConnection) -> Iterator[Comparison]:
    for kind, column in _DELIVERED.items():
        [(planted, found)] = marts.sql(
            f"""
            select
                (select coalesce(sum(lines), 0)::bigint::varchar from faults where kind = $kind),
                (select coalesce(sum({column}), 0)::bigint::varchar from rpt_source_days)
            """,  # noqa: S608
            params={"kind": kind},
        ).fetchall()
        yield Comparison(f"{kind} ({column})", planted, found)


def _findings(marts: duckdb.DuckDBPyConnection) -> Iterator[Comparison]:
    """Per kind: the planted faults that a mart reports in the right place, and findings that were not planted.

    Incidents of a model or a source are of prices that change in the catalogue, of usage without a price, of late or
    missing files: other lines compare these. Credits are compared in credits.py.
    """
    rows = marts.sql(
        """
        with
        models as (
            select faults.*, sum(unpriced.requests) as found
            from faults
            left join rpt_unpriced_usage as unpriced
                on faults.day = unpriced.event_date and faults.subject = unpriced.model_requested
            where kind = 'unknown_model'
            group by all
        ),
        charges as (
            select faults.kind, faults.subject, costs.request_id as found
            from faults
            left join fct_usage_costs as costs
                on faults.subject = costs.request_id
                and faults.reason = costs.variance_reason
            where faults.reason is not null
        ),
        spends as (
            select faults.*, anomalies.anomaly_id
            from faults
            left join fct_anomalies as anomalies
                on faults.subject = anomalies.api_key_id
                and faults.day between anomalies.first_date and anomalies.last_date
            where kind in ('leaked_key', 'runaway_loop', 'new_spender')
        ),
        payments as (
            select faults.*, items.status as found_status
            from faults
            left join recon_invoice_payments as items
                on faults.subject in (items.invoice_id, items.payment_intent_id)
            where faults.status is not null
        ),
        flags as (
            select item_id, invoice_id, payment_intent_id, flag
            from (
                unpivot recon_invoice_payments
                on columns('^(is|has)_') into name flag value is_set
            )
            where is_set
        ),
        sources as (
            select
                source,
                unnest([
                    'held_back_' || held_back_reason,
                    case when is_silent then 'silent_source' end
                ]) as kind
            from rpt_source_status
        ),
        unknown_fields as (
            select example_request_id as subject, 'unknown_surcharge' as kind, requests, reason_requests
            from rpt_unknown_fields
            where is_unexplained
        ),
        revisions as (
            select distinct request_id as subject, 'revised_row' as kind
            from recon_copies
        )
        select kind, sum(requests)::bigint, coalesce(sum(found), 0)::bigint from models group by kind
        union all
        select faults.kind, count(*), count(sources.source)
        from faults
        left join sources on faults.kind = sources.kind and faults.subject = sources.source
        where faults.kind = 'silent_source' or starts_with(faults.kind, 'held_back_')
        group by faults.kind
        union all
        select 'other sources held back or silent', 0, count(*)
        from sources
        where kind is not null and not exists (
            select 1 from faults where faults.kind = sources.kind and faults.subject = sources.source
        )
        union all
        select 'unknown fields on unexplained rows', count(*), count(unknown_fields.subject)
        from faults left join unknown_fields using (kind, subject)
        where kind = 'unknown_surcharge'
        having count(*) > 0
        union all
        select 'other unknown fields', 0, count(*)
        from unknown_fields anti join faults using (kind, subject)
        union all
        select 'other copies that differ', 0, count(*)
        from revisions anti join faults using (kind, subject)
        union all
        select faults.kind, count(distinct faults.subject), count(distinct flags.item_id)
        from faults
        left join flags
            on faults.subject in (flags.invoice_id, flags.payment_intent_id) and faults.kind = 'flag_' || flags.flag
        where faults.kind like 'flag_%'
        group by faults.kind
        union all
        select 'other flags', 0, count(*)
        from flags
        where
            not exists (
                select 1
                from faults
                where
                    faults.subject in (flags.invoice_id, flags.payment_intent_id)
                    and faults.kind = 'flag_' || flags.flag
            )
        union all
        select kind, count(distinct subject), count(distinct found) from charges group by kind
        union all
        select 'other charges', 0, count(*)
        from fct_usage_costs as costs
        where
            not list_contains($quiet, costs.variance_reason)
            and not exists (select 1 from charges where charges.found = costs.request_id)
        union all
        select
            kind,
            count(distinct (day, subject)),
            count(distinct (day, subject)) filter (where anomaly_id is not null)
        from spends
        group by kind
        union all
        select kind, count(*), count(*) filter (where status = found_status) from payments group by kind
        union all
        select 'other anomalies', 0, count(*)
        from fct_anomalies as anomalies
        where
            anomalies.subject_type in ('key', 'member', 'workspace')
            and not exists (
                select 1 from spends where spends.anomaly_id = anomalies.anomaly_id
            )
        union all
        select 'other unmatched payments', 0, count(*)
        from recon_invoice_payments as items
        where
            items.status not like 'matched%'
            and not exists (
                select 1
                from faults
                where
                    faults.status = items.status
                    and faults.subject in (items.invoice_id, items.payment_intent_id)
            )
        order by 1
        """,
        params={"quiet": list(_QUIET_REASONS)},
    ).fetchall()
    for kind, planted, found in rows:
        yield Comparison(kind, str(planted), str(found))


def _verdicts(marts: duckdb.DuckDBPyConnection, judge: _Judge) -> Iterator[Comparison]:
    """Per verdict of a mart: how many were planted, how many of these were found, and others."""
    rows = marts.sql(
        f"""
        with found as (
            select {judge.subject} as subject, $name || '_' || {judge.verdict} as kind
            from {judge.mart}
            where {judge.verdict} is not null and not list_contains($quiet, {judge.verdict}) and {judge.where}
        )
        select kind, count(*), count(found.subject)
        from faults left join found using (kind, subject)
        where starts_with(kind, $name || '_')
        group by kind
        union all
        select 'other ' || $name || ' verdicts', 0, count(*)
        from found anti join faults using (kind, subject)
        order by 1
        """,  # noqa: S608
        params={"name": judge.name, "quiet": list(judge.quiet)},
    ).fetchall()
    for kind, planted, found in rows:
        yield Comparison(kind, str(planted), str(found))


def _plain(number: str) -> str:
    """Drop trailing zeros."""
    return number.rstrip("0").rstrip(".") if "." in number else number
