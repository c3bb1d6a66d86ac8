"""Infron: its log as lines or as the page's CSV export, and captured responses, whole or as recorded streams.

Tokens are inclusive of cache, money is in USD. Two generations of `usage` exist: nested details and an older
flat form; the flat names are read as the same columns. A response says nothing of key, member or price list.
"""

from __future__ import annotations

from dataclasses import replace

from ingestion.dialects.shape import (
    COUNT,
    COUNT_LIMIT,
    CSV,
    DISCOUNT,
    EPOCH,
    FLAG,
    KEY_ID,
    MONEY,
    SEARCHES,
    SSE,
    TEXT,
    TIME,
    TOKENS,
    Check,
    Column,
    Dialect,
    Stream,
    column,
    fields,
    prose,
)

_PROVIDER = "left(model, greatest(instr(model, '/') - 1, 0))"
_MODEL = "substr(model, instr(model, '/') + 1)"
_HAS_USAGE = "coalesce(usage_prompt_tokens, usage_completion_tokens, usage_total_tokens) is not null"

_USAGE = (
    *fields(
        TOKENS,
        "usage.prompt_tokens",
        "usage.completion_tokens",
        "usage.total_tokens",
        cached_nested="usage.prompt_tokens_details.cached_tokens",
        cached_flat="usage.prompt_tokens_cache_read",
        written_nested="usage.prompt_tokens_details.cache_write_tokens",
        written_flat="usage.prompt_tokens_cache_write",
        usage_cache_write_1h_tokens="usage.prompt_tokens_details.cache_write_1h_tokens",
        usage_prompt_audio_tokens="usage.prompt_tokens_details.audio_tokens",
        usage_prompt_video_tokens="usage.prompt_tokens_details.video_tokens",
        reasoning_nested="usage.completion_tokens_details.reasoning_tokens",
        reasoning_flat="usage.reasoning_tokens",
        usage_completion_image_tokens="usage.completion_tokens_details.image_tokens",
        usage_completion_audio_tokens="usage.completion_tokens_details.audio_tokens",
    ),
    *fields(
        SEARCHES,
        usage_native_web_search_requests="usage.native_web_search_requests",
        usage_plugin_web_search_requests="usage.plugin_web_search_requests",
    ),
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
    Column("usage_cached_tokens", "BIGINT", "coalesce(cached_nested, cached_flat)"),
    Column("usage_cache_write_tokens", "BIGINT", "coalesce(written_nested, written_flat)"),
    "usage_cache_write_1h_tokens",
    "usage_prompt_audio_tokens",
    "usage_prompt_video_tokens",
    Column("usage_reasoning_tokens", "BIGINT", "coalesce(reasoning_nested, reasoning_flat)"),
    "usage_completion_image_tokens",
    "usage_completion_audio_tokens",
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
    Column("has_usage", "BOOLEAN", _HAS_USAGE),
    "usage_native_web_search_requests",
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
        *fields(TEXT, "request_id", "model", "status", mandatory=True),
        *fields(TIME, "created_at", mandatory=True),
        *fields(KEY_ID, "api_key_id"),
        *fields(
            TEXT,
            "api_key_name",
            "workspace_id",
            "member_id",
            "service_tier",
            group_name="group",
        ),
        *fields(TEXT, error_text="error"),
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
    dropped=("messages", "prompt", "response", "choices", "metadata"),
)

# The page shows milliseconds; a duration with a fraction or in s is in seconds.
_DURATION_MS = (
    r"try_cast(regexp_replace(regexp_replace(duration_text, '^(\d{1,3}),(\d{3})( ?ms)?$', '\1\2'), ' ?m?s$', '')"
    " as double)"
    " * case when duration_text like '%ms' or duration_text not like '%.%'"
    " and duration_text not like '%s' then 1 else 1000 end"
)
# Asked only where the column is null, so that most texts are read once.
_NO_DURATION = f"case when processing_ms is null then {_DURATION_MS} is not null else false end"

EXPORT = Stream(
    name="logs",
    table="infron_logs_csv",
    format=CSV,
    occurred_at="created_at",
    fields=(
        column(TIME, "created_at", "Call Time", mandatory=True),
        column(TEXT, "request_id", "Request ID", mandatory=True),
        column(TEXT, "model", "Model Name", "Model", mandatory=True),
        column(TEXT, "call_status", "Call Status", "Status", mandatory=True),
        column(TOKENS, "usage_prompt_tokens", "Input Tokens"),
        column(TOKENS, "usage_completion_tokens", "Output Tokens"),
        column(TOKENS, "usage_total_tokens", "Total Tokens"),
        column(TOKENS, "usage_cached_tokens", "Cached Tokens"),
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
        "usage_prompt_tokens",
        "usage_completion_tokens",
        "usage_total_tokens",
        "usage_cached_tokens",
        "list_price",
        "discounted_price",
        "cache_optimized_price",
        Column("has_usage", "BOOLEAN", _HAS_USAGE),
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
)

RESPONSES = Stream(
    name="responses",
    table="infron_responses",
    occurred_at="created",
    fields=(
        *fields(TEXT, "id", "model", mandatory=True),
        *fields(EPOCH, "created", mandatory=True),
        *fields(TEXT, "object", "service_tier"),
        *_USAGE,
    ),
    columns=(
        "id",
        "created",
        "model",
        Column("is_stream", "BOOLEAN", "object like '%chunk'"),
        "service_tier",
        *_USAGE_COLUMNS,
        *_MORE_USAGE_COLUMNS,
    ),
    provider=_PROVIDER,
    model=_MODEL,
    dropped=("choices", "system_fingerprint", "provider"),
)

RECORDINGS = replace(RESPONSES, format=SSE)

INFRON = Dialect("infron", (LOGS, EXPORT, RESPONSES, RECORDINGS))
