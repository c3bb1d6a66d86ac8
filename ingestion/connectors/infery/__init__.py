"""Infery: calls in credits, in five exports that share the request id; sums, plans and the billing history.

Only captured responses have a cache split, only the drill-down has the member and the requested model. Sums of the
usage API have another contract than its calls and are never events. Invoice amounts are decimal strings in major units
of `currency`.
"""

from __future__ import annotations

from dataclasses import replace

from ingestion.connectors import captured
from ingestion.streams import (
    COUNT,
    CSV,
    FLAG,
    ID,
    INVOICE_AMOUNT,
    SSE,
    TEXT,
    TIME,
    TOTAL,
    VAT_RATE,
    Column,
    Connector,
    Stream,
    fields,
    json_pages,
)
from ingestion.usage import USAGE_COLUMNS, UsageReading, at

#: The model that served; its slug may name the provider before the first slash.
_SERVED = "coalesce(model, '')"
_PROVIDER = "left({0}, greatest(instr({0}, '/') - 1, 0))"
_MODEL = "substr({0}, instr({0}, '/') + 1)"

_COUNTS = {"prompt": ("prompt_tokens",), "completion": ("completion_tokens",)}
_CALL_USAGE = UsageReading(at("", _COUNTS))
_REQUEST_USAGE = UsageReading(at("", {**_COUNTS, "total": ("total_tokens",)}))

#: The nine columns of the export; the usage API has the same names.
_CALL = (
    *fields(TIME, "timestamp", mandatory=True),
    *fields(ID, "request_id", mandatory=True),
    *fields(TEXT, "model", mandatory=True),
    *fields(TEXT, "api_key_id"),
    *_CALL_USAGE.fields,
    *fields(COUNT, "credits_used", "latency_ms", "fallback_depth"),
)
_CALL_COLUMNS = (
    "request_id",
    "timestamp",
    "model",
    "api_key_id",
    "prompt_tokens",
    "completion_tokens",
    "credits_used",
    "latency_ms",
    "fallback_depth",
    *USAGE_COLUMNS,
)

USAGE = Stream(
    name="usage",
    table="infery_usage",
    format=CSV,
    occurred_at="timestamp",
    fields=_CALL,
    columns=_CALL_COLUMNS,
    provider=_PROVIDER.format(_SERVED),
    model=_MODEL.format(_SERVED),
    usage=_CALL_USAGE,
)

USAGE_API = Stream(
    name="usage_api",
    table="infery_usage_api",
    format=json_pages("data"),
    occurred_at="timestamp",
    fields=_CALL,
    columns=_CALL_COLUMNS,
    provider=_PROVIDER.format(_SERVED),
    model=_MODEL.format(_SERVED),
    usage=_CALL_USAGE,
)

USAGE_API_GROUPED = Stream(
    name="usage_api_grouped",
    table="infery_usage_api_grouped",
    format=json_pages("data", around=("group_by", "start", "end"), marked_by="group_by"),
    fields=(
        *fields(TEXT, mandatory=True, group_by="page.group_by"),
        *fields(TIME, mandatory=True, period_start="page.start", period_end="page.end"),
        *fields(TEXT, "model"),
        *fields(TEXT, key_id="api_key_id", key_alone="key"),
        *fields(TEXT, member="member_id", member_alone="member"),
        *fields(TOTAL, "requests", "prompt_tokens", "completion_tokens", "credits_used"),
    ),
    columns=(
        "group_by",
        "period_start",
        "period_end",
        "model",
        Column("api_key_id", "VARCHAR", "coalesce(key_id, key_alone)"),
        Column("member_id", "VARCHAR", "coalesce(member, member_alone)"),
        "requests",
        "prompt_tokens",
        "completion_tokens",
        "credits_used",
    ),
)

#: The API returns sums at the same address, so their files may be among those of its calls.
SUMS_AMONG_CALLS = replace(USAGE_API_GROUPED, name="usage_api")

_REQUEST_SERVED = "coalesce(model_used, model_requested, '')"

REQUESTS = Stream(
    name="requests",
    table="infery_requests",
    occurred_at="gateway_out",
    fields=(
        *fields(ID, "request_id", mandatory=True),
        *fields(TIME, mandatory=True, gateway_out="timings.gateway_out"),
        *fields(
            TIME,
            gateway_in="timings.gateway_in",
            provider_in="timings.provider_in",
            provider_out="timings.provider_out",
        ),
        *fields(TEXT, "model_requested", "model_used", "member_id", "workspace_id"),
        *fields(TEXT, "api_key_id"),
        *fields(TEXT, origin="source"),
        *_REQUEST_USAGE.fields,
        *fields(COUNT, "credits_used"),
        *fields(FLAG, "fallback"),
    ),
    columns=(
        "request_id",
        "gateway_in",
        "provider_in",
        "provider_out",
        "gateway_out",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "credits_used",
        "model_requested",
        "model_used",
        "fallback",
        "member_id",
        "workspace_id",
        "api_key_id",
        "origin",
        *USAGE_COLUMNS,
    ),
    provider=_PROVIDER.format(_REQUEST_SERVED),
    model=_MODEL.format(_REQUEST_SERVED),
    usage=_REQUEST_USAGE,
)

_HEADER_SERVED = "coalesce(model_used, '')"
_HEADERS = {"model_used": "x-model-used", "fallback_from": "x-fallback-from"}

HEADERS = Stream(
    name="headers",
    table="infery_headers",
    occurred_at="captured_at",
    fields=(
        *fields(ID, mandatory=True, request_id="x-request-id"),
        *fields(TIME, mandatory=True, captured_at="at"),
        *fields(TEXT, **_HEADERS),
        *fields(COUNT, credits_used="x-credits-used"),
        *captured.USAGE.fields,
    ),
    columns=("request_id", "captured_at", *_HEADERS, "credits_used", *USAGE_COLUMNS),
    provider=_PROVIDER.format(_HEADER_SERVED),
    model=_MODEL.format(_HEADER_SERVED),
    dropped=captured.USAGE_DROPPED,
    usage=captured.USAGE,
)

#: A body states its credits. Where headers were kept too, they state the credits and the model that served.
RESPONSES = Stream(
    name="responses",
    table="infery_responses",
    occurred_at="created",
    fields=(
        *captured.FIELDS,
        *fields(TEXT, **_HEADERS),
        *fields(COUNT, credits_of_body="credits_used", credits_of_header="x-credits-used"),
        *captured.USAGE.fields,
    ),
    columns=(
        captured.identity("request_id"),
        captured.moment("created"),
        Column("model", "VARCHAR", f"coalesce({captured.MODEL.sql}, nullif(model_used, ''))"),
        *_HEADERS,
        captured.IS_STREAM,
        "service_tier",
        Column("credits_used", "BIGINT", "coalesce(credits_of_body, credits_of_header)"),
        *USAGE_COLUMNS,
    ),
    checks=captured.checks("request_id", "created"),
    provider=_PROVIDER.format(_SERVED),
    model=_MODEL.format(_SERVED),
    dropped=(*captured.DROPPED, *captured.USAGE_DROPPED),
    usage=captured.USAGE,
)

RECORDINGS = replace(RESPONSES, format=SSE)

PLANS = Stream(
    name="plans",
    table="infery_plans",
    fields=(
        *fields(TEXT, "workspace_id", "plan", mandatory=True),
        *fields(TIME, "valid_from", mandatory=True),
        *fields(COUNT, "monthly_credits"),
        *fields(FLAG, "monthly_credits_expire"),
    ),
    columns=("workspace_id", "plan", "monthly_credits", "monthly_credits_expire", "valid_from"),
)

INVOICES = Stream(
    name="invoices",
    table="infery_invoices",
    fields=(
        *fields(TEXT, "invoice_id", "workspace_id", mandatory=True),
        *fields(TEXT, currency_as_written="currency", mandatory=True),
        *fields(TIME, "issued_at", mandatory=True),
        *fields(INVOICE_AMOUNT, "total", mandatory=True),
        *fields(TEXT, "kind", "vat_treatment", "pack", "payment_intent", "stripe_invoice"),
        *fields(TEXT, "pdf_url", "receipt_url", "billing_contact", "status"),
        *fields(TIME, "period_start", "period_end"),
        *fields(INVOICE_AMOUNT, "net", "vat"),
        *fields(VAT_RATE, "vat_rate"),
        *fields(COUNT, "credits"),
    ),
    columns=(
        "invoice_id",
        "workspace_id",
        "kind",
        "issued_at",
        "period_start",
        "period_end",
        Column("currency", "VARCHAR", "lower(currency_as_written)"),
        "net",
        "vat_rate",
        "vat",
        "total",
        "vat_treatment",
        "credits",
        "pack",
        "payment_intent",
        "stripe_invoice",
        "pdf_url",
        "receipt_url",
        "billing_contact",
        "status",
    ),
)

INFERY = Connector(
    "infery",
    (
        USAGE,
        USAGE_API,
        SUMS_AMONG_CALLS,
        USAGE_API_GROUPED,
        REQUESTS,
        HEADERS,
        RESPONSES,
        RECORDINGS,
        PLANS,
        INVOICES,
    ),
)
