"""Infron: its log as lines or as the page's CSV export, and captured responses, whole or as recorded streams.

Tokens are inclusive of cache, money is in USD. Two generations of `usage` exist: nested details and an older
flat form; the flat names are read as the same columns. A response has no key, member or price list.
"""

from __future__ import annotations

from dataclasses import replace

from ingestion.connectors import captured
from ingestion.streams import (
    COUNT,
    COUNT_LIMIT,
    CSV,
    DISCOUNT,
    FLAG,
    ID,
    MONEY,
    PROSE,
    SEARCHES,
    SSE,
    TEXT,
    TIME,
    TOKENS,
    Check,
    Column,
    Connector,
    Stream,
    column,
    fields,
    prose,
)
from ingestion.usage import HAS_USAGE, USAGE_COLUMNS, Places, UsageReading

_SLUG = "coalesce(model, '')"
_PROVIDER = f"left({_SLUG}, greatest(instr({_SLUG}, '/') - 1, 0))"
_MODEL = f"substr({_SLUG}, instr({_SLUG}, '/') + 1)"

_USAGE = (
    *captured.USAGE.fields,
    *fields(SEARCHES, usage_plugin_web_search_requests="usage.plugin_web_search_requests"),
    *fields(
        MONEY,
        "usage.cost",
        cost_prompt="usage.cost_details.prompt_cost",
        cost_completion="usage.cost_details.completion_cost",
        cost_cache_read="usage.cost_details.prompt_cache_read_cost",
        cost_cache_write="usage.cost_details.prompt_cache_write_cost",
        cost_cache_write_5m="usage.cost_details.prompt_cache_write_5_min",
        cost_cache_write_1h="usage.cost_details.prompt_cache_write_1_h",
        cost_reasoning="usage.cost_details.reasoning_cost",
        cost_byok="usage.cost_details.byok_cost",
        cost_image="usage.cost_details.image_cost",
        cost_video="usage.cost_details.video_cost",
        cost_audio="usage.cost_details.audio_cost",
        cost_native_web_search="usage.cost_details.native_web_search_cost",
        cost_plugin_web_search="usage.cost_details.plugin_web_search_cost",
        cost_tools="usage.cost_details.tools_cost",
    ),
    *fields(DISCOUNT, discount_rate="usage.cost_details.discount_rate"),
    *fields(FLAG, is_byok="usage.cost_details.is_byok"),
)

_USAGE_COLUMNS = (
    "usage_prompt_tokens",
    "usage_completion_tokens",
    "usage_total_tokens",
    *USAGE_COLUMNS,
    "usage_cost",
    "cost_prompt",
    "cost_completion",
    "cost_cache_read",
    "cost_cache_write",
    "cost_cache_write_5m",
    "cost_cache_write_1h",
    "cost_reasoning",
    "cost_byok",
    "discount_rate",
    "is_byok",
)
_MORE_USAGE_COLUMNS = (
    HAS_USAGE,
    "usage_plugin_web_search_requests",
    "cost_image",
    "cost_video",
    "cost_audio",
    "cost_native_web_search",
    "cost_plugin_web_search",
    "cost_tools",
)

LOGS = Stream(
    name="logs",
    table="infron_logs",
    occurred_at="created_at",
    fields=(
        *fields(ID, "request_id", mandatory=True),
        *fields(TEXT, "model", "status", mandatory=True),
        *fields(TIME, "created_at", mandatory=True),
        *fields(TEXT, "api_key_id"),
        *fields(
            TEXT,
            "api_key_name",
            "workspace_id",
            "member_id",
            "service_tier",
            group_name="group",
        ),
        *fields(PROSE, error_text="error"),
        *fields(FLAG, "stream"),
        *fields(COUNT, "processing_ms", "http_status"),
        *_USAGE,
        *fields(MONEY, "list_price", "discounted_price", "cache_optimized_price"),
    ),
    columns=(
        "request_id",
        "created_at",
        "model",
        "status",
        "api_key_id",
        "api_key_name",
        "workspace_id",
        "member_id",
        "stream",
        "processing_ms",
        "http_status",
        prose("error", "error_text"),
        *_USAGE_COLUMNS,
        "list_price",
        "discounted_price",
        "cache_optimized_price",
        "group_name",
        "service_tier",
        *_MORE_USAGE_COLUMNS,
    ),
    checks=(
        Check("unknown_status", "status", "status not in ('success', 'failure', 'timeout')"),
        Check("missing_field", "usage", "status = 'success' and not has_usage"),
    ),
    provider=_PROVIDER,
    model=_MODEL,
    dropped=("messages", "prompt", "response", "choices", "metadata", *captured.USAGE_DROPPED),
    usage=captured.USAGE,
)

# The page shows milliseconds; a duration with a fraction or in s is in seconds.
_DURATION_MS = (
    r"try_cast(regexp_replace(regexp_replace(duration_text, '^(\d{1,3}),(\d{3})( ?ms)?$', '\1\2'), ' ?m?s$', '')"
    " as double)"
    " * case when duration_text like '%ms' or duration_text not like '%.%'"
    " and duration_text not like '%s' then 1 else 1000 end"
)
# Evaluated only where the column is null, so that most texts are read once.
_NO_DURATION = f"case when processing_ms is null then {_DURATION_MS} is not null else false end"

_EXPORT_READING = UsageReading(
    Places(
        {
            "prompt": (column(TOKENS, "input_tokens_as_written", "Input Tokens"),),
            "completion": (column(TOKENS, "output_tokens_as_written", "Output Tokens"),),
            "total": (column(TOKENS, "total_tokens_as_written", "Total Tokens"),),
            "reads": (column(TOKENS, "cached_tokens_as_written", "Cached Tokens"),),
        }
    )
)

EXPORT = Stream(
    name="logs",
    table="infron_logs_csv",
    format=CSV,
    occurred_at="created_at",
    fields=(
        column(TIME, "created_at", "Call Time", mandatory=True),
        column(ID, "request_id", "Request ID", mandatory=True),
        column(TEXT, "model", "Model Name", "Model", mandatory=True),
        column(TEXT, "call_status", "Call Status", "Status", mandatory=True),
        *_EXPORT_READING.fields,
        column(TEXT, "duration_text", "Processing Duration", "Processing Duration (ms)"),
        column(MONEY, "list_price", "List Price"),
        column(MONEY, "discounted_price", "Discounted Price"),
        column(MONEY, "cache_optimized_price", "Cache-Optimized Price", "Cache Optimized Price"),
    ),
    columns=(
        "request_id",
        "created_at",
        "model",
        Column("status", "VARCHAR", "lower(call_status)"),
        Column("processing_ms", "BIGINT", f"try_cast(round({_DURATION_MS}) as bigint)"),
        *USAGE_COLUMNS,
        "list_price",
        "discounted_price",
        "cache_optimized_price",
        HAS_USAGE,
    ),
    checks=(
        Check("unknown_status", "Call Status", "status not in ('success', 'failure', 'timeout')"),
        Check(
            "integer_out_of_range",
            "Processing Duration",
            f"processing_ms not between -{COUNT_LIMIT} and {COUNT_LIMIT} or {_NO_DURATION}",
        ),
    ),
    provider=_PROVIDER,
    model=_MODEL,
    usage=_EXPORT_READING,
)

RESPONSES = Stream(
    name="responses",
    table="infron_responses",
    occurred_at="created",
    fields=(*captured.FIELDS, *_USAGE),
    columns=(
        captured.identity("id"),
        captured.moment("created"),
        captured.MODEL,
        captured.IS_STREAM,
        "service_tier",
        *_USAGE_COLUMNS,
        *_MORE_USAGE_COLUMNS,
    ),
    checks=captured.checks("id", "created"),
    provider=_PROVIDER,
    model=_MODEL,
    dropped=(*captured.DROPPED, *captured.USAGE_DROPPED),
    usage=captured.USAGE,
)

RECORDINGS = replace(RESPONSES, format=SSE)

INFRON = Connector("infron", (LOGS, EXPORT, RESPONSES, RECORDINGS))
