"""Anthropic's organization usage and cost reports: pages of buckets, for reconciliation, never calls.

Input tokens do not include cache reads and writes. A cost is a decimal string in *cents* with a fraction: "123.45" is
$1.2345. A bucket ends before `ending_at`.
"""

from __future__ import annotations

from ingestion.streams import (
    TEXT,
    TIME,
    TOTAL,
    Column,
    Connector,
    Kind,
    Stream,
    fields,
    json_pages,
    unneeded,
)

#: Ten decimals of a cent are twelve of a dollar; a day may cost more than a million dollars.
CENTS = Kind("decimal", "DECIMAL(24,10)", 10)

_BUCKETS = json_pages("data.results", around=("starting_at", "ending_at"))
_BUCKET = fields(TIME, mandatory=True, starting_at="page.starting_at", ending_at="page.ending_at")

_SEARCHES, _SEARCHED = unneeded(TOTAL, web_search_requests="server_tool_use.web_search_requests")

USAGE = Stream(
    name="usage",
    table="anthropic_usage",
    format=_BUCKETS,
    fields=(
        *_BUCKET,
        *fields(TOTAL, "uncached_input_tokens", "output_tokens", mandatory=True),
        *fields(
            TOTAL,
            "cache_read_input_tokens",
            cache_creation_5m_tokens="cache_creation.ephemeral_5m_input_tokens",
            cache_creation_1h_tokens="cache_creation.ephemeral_1h_input_tokens",
        ),
        *_SEARCHES,
        *fields(TEXT, "api_key_id"),
        *fields(TEXT, "workspace_id", "account_id", "service_account_id", "model"),
        *fields(TEXT, "service_tier", "context_window", "inference_geo", "speed"),
    ),
    columns=(
        "starting_at",
        "ending_at",
        "api_key_id",
        "workspace_id",
        "account_id",
        "service_account_id",
        "model",
        "service_tier",
        "context_window",
        "inference_geo",
        "speed",
        "uncached_input_tokens",
        "cache_read_input_tokens",
        "cache_creation_5m_tokens",
        "cache_creation_1h_tokens",
        "output_tokens",
        *_SEARCHED.values(),
    ),
)

COSTS = Stream(
    name="costs",
    table="anthropic_costs",
    format=_BUCKETS,
    fields=(
        *_BUCKET,
        *fields(CENTS, mandatory=True, amount_cents="amount"),
        *fields(TEXT, mandatory=True, currency_as_written="currency"),
        *fields(TEXT, "workspace_id", "description", "cost_type", "token_type", "model"),
        *fields(TEXT, "service_tier", "context_window", "inference_geo", "speed"),
    ),
    columns=(
        "starting_at",
        "ending_at",
        "amount_cents",
        Column("currency", "VARCHAR", "lower(currency_as_written)"),
        "workspace_id",
        "description",
        "cost_type",
        "token_type",
        "model",
        "service_tier",
        "context_window",
        "inference_geo",
        "speed",
    ),
)

ANTHROPIC = Connector("anthropic", (USAGE, COSTS))
