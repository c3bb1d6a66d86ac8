"""One request, explained: who called which model, its bill and savings, what was charged, and its file and line.

published marts → every event of a request id, with its discount rules and later adjustments → text, or JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from dagster_project.books.published import published
from dagster_project.reports.bill import bill, plain
from dagster_project.reports.savings import savings
from ingestion.home import Home

#: Key of an event's discount rules from another mart.
RULES = "discount_rules"
_PEOPLE = ("workspace_id", "api_key_name", "api_key_id", "member_id", "group_name")


def trace(home: Home, request_id: str) -> list[dict[str, Any]]:
    """Return every published event of a request id, as `events_of` does.

    Raises:
        NothingPublished: no run has published yet.
    """
    with published(home) as marts:
        return events_of(marts, request_id)


def events_of(marts: duckdb.DuckDBPyConnection, request_id: str) -> list[dict[str, Any]]:
    """Return every event of a request id, oldest first, later adjustments included; empty if there is none."""
    found = marts.sql(
        "select * from fct_usage_costs where request_id = $id order by occurred_at, event_id",
        params={"id": request_id},
    )
    events = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    for event in events:
        rules = marts.sql(
            """
            select rule_id, kind, discount_factor, reason, config_file, config_line
            from dim_discount_rules
            where
                list_contains(string_split($ids, '+'), rule_id)
                and valid_from <= $day and (valid_to is null or valid_to > $day)
            order by rule_id
            """,
            params={"ids": event["discount_rule_id"] or "", "day": event["event_date"]},
        )
        event[RULES] = [dict(zip(rules.columns, row, strict=True)) for row in rules.fetchall()]
    return events


def as_text(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield an event as lines."""
    yield f"{event['source']} {event['request_id']}: {event['status']} {event['call_type']}, {event['occurred_at']} UTC"
    yield ", ".join(f"{name.removesuffix('_id')} {readable(event[name])}" for name in _PEOPLE)
    yield (
        f"asked for {readable(event['model_requested'])}, served {readable(event['model_served'])},"
        f" priced as {readable(event['priced_model'])} ({readable(event['price_match'])} match)"
    )
    yield ""
    owed = bill(event)
    if owed is None:
        yield f"not priced: {event['unpriced_reason']}"
    else:
        yield from owed.text(_factor_reason(event))
    saved = savings(event)
    if saved is not None:
        yield ""
        yield from saved.text()
    yield ""
    yield from _charged(event)
    yield ""
    yield "where this comes from"
    yield f"  price    {readable(event['price_source'])} {readable(event['price_version'])}"
    for rule in event.get(RULES, ()):
        reason = f"{rule['config_file']}, line {rule['config_line']}: {rule['reason']}"
        yield f"  discount {rule['rule_id']} ({rule['kind']}, × {plain(rule['discount_factor'])}), {reason}"
    if event.get("adjusts_event_id"):
        yield (
            f"  adjusts  {event['adjusts_event_id']} of the closed {event['adjusts_event_date']}"
            f" ({event['adjustment_kind']})"
        )
    yield f"  usage    {_usage(event)}"
    yield f"  log      landing/{event['raw_file']}, line {event['raw_line']}"
    yield ""
    yield "every field"
    for name, value in event.items():
        if name != RULES:
            yield f"  {name:<30} {readable(value)}"


def as_json(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event with its bill and savings as plain JSON values; money as text."""
    owed, saved = bill(event), savings(event)
    return {name: _json_value(value) for name, value in event.items()} | {
        "bill": None if owed is None else owed.as_json(),
        "savings": None if saved is None else saved.as_json(),
    }


def readable(value: Any) -> str:
    """Return a value as text."""
    if value is None or value == "":
        return "–"
    if isinstance(value, Decimal):
        return plain(value)
    return f"{value} UTC" if isinstance(value, datetime) else str(value)


def _usage(event: Mapping[str, Any]) -> str:
    """Return where the counts come from and which of them include which."""
    source, reading = event["usage_source"], event.get("usage_reading")
    return f"{source}, read as {reading}" if reading else readable(source)


def _factor_reason(event: Mapping[str, Any]) -> str:
    if event["discount_rule_id"]:
        return f"rule {event['discount_rule_id']}"
    return "no discount" if event["discount_factor"] in (None, 1) else "the gateway's factor"


def _charged(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the gateway charged, compared with what it should have."""
    yield "what the gateway charged"
    yield f"  reported cost  {readable(event['reported_cost_usd'])} USD"
    if event["cost_variance_usd"] is not None:
        yield f"  difference     {plain(event['cost_variance_usd'])} USD: {event['variance_reason']}"
    else:
        yield f"  difference     unknown: {event['variance_reason']}"
    if event["quota_used"] is not None:
        yield f"  quota units    {event['quota_used']:,} (should be {readable(event.get('expected_quota'))})"
    if event["credits_used"] is not None:
        yield f"  credits        {event['credits_used']:,}"


def _json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, list):
        return [{name: _json_value(field) for name, field in one.items()} for one in value]
    return value.isoformat() if isinstance(value, date | datetime) else value
