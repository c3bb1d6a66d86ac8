"""OpenRouter: single generations as `GET /api/v1/generation` answers or the activity page exports them, and daily
sums for reconciliation.

A line holds a generation itself or the API's `data` around it. Tokens without `native_` in their name are counted by
one tokenizer for all models and are not billed; those of the export are the native ones. Credits are USD. The cache
saving is a positive `cache_discount` in the API, and a negative `cost_cache` in the export. The export's times are UTC
without an offset, and it has separate columns for model and variant.

Rulings: docs/decisions/copies.md#copies-5.
"""

from __future__ import annotations

from dataclasses import replace

from ingestion.streams import (
    CSV,
    EARLIEST,
    FACTOR,
    FLAG,
    LATEST,
    MONEY,
    SEARCHES,
    SPEND,
    TEXT,
    TIME,
    TOKENS,
    TOTAL,
    Check,
    Column,
    Connector,
    Field,
    Format,
    Kind,
    Stream,
    fields,
    json_pages,
    unneeded,
)
from ingestion.usage import OPENROUTER as OPENROUTER_USAGE
from ingestion.usage import USAGE_COLUMNS, Places, UsageReading

_GENERATION: tuple[tuple[Kind, dict[str, str]], ...] = (
    (TIME, {"created_at": "created_at"}),
    (
        TEXT,
        {
            name: name
            for name in (
                "id",
                "upstream_id",
                "model",
                "provider_name",
                "workspace_id",
                "external_user",
                "api_type",
                "finish_reason",
                "native_finish_reason",
                "service_tier",
            )
        },
    ),
    (FLAG, {name: name for name in ("streamed", "cancelled", "is_byok")}),
    (TOKENS, {path: path for paths in OPENROUTER_USAGE.values() for path in paths}),
    (
        MONEY,
        {
            "total_cost": "total_cost",
            "usage_cost": "usage",
            "cache_discount": "cache_discount",
            "upstream_inference_cost": "upstream_inference_cost",
        },
    ),
    (
        FACTOR,
        {
            "latency_ms": "latency",
            "moderation_latency_ms": "moderation_latency",
            "generation_time_ms": "generation_time",
        },
    ),
    (SEARCHES, {"num_search_results": "num_search_results"}),
)

_WRAPPER = "data"
_LEFT_OUT = (
    "app_id",
    "http_referer",
    "user_agent",
    "origin",
    "router",
    "preset_id",
    "data_region",
    "provider_responses",
    "web_search_engine",
    "num_media_prompt",
    "num_media_completion",
    "num_input_audio_prompt",
    "num_fetches",
)


def _either(kind: Kind, name: str, path: str) -> tuple[Field, Field]:
    return Field(f"{_WRAPPER}.{path}", kind, f"{name}_wrapped"), Field(path, kind, f"{name}_bare")


_READING = UsageReading(
    Places(
        {
            quantity: tuple(field for path in paths for field in _either(TOKENS, path, path))
            for quantity, paths in OPENROUTER_USAGE.items()
        }
    ),
    is_inclusive=True,
)


def _not_stated(*columns: tuple[str, Kind]) -> tuple[Column, ...]:
    return tuple(Column(name, kind.sql_type, f"cast(null as {kind.sql_type})") for name, kind in columns)


GENERATIONS = Stream(
    name="generations",
    table="openrouter_generations",
    occurred_at="created_at",
    fields=tuple(
        field
        for kind, names in _GENERATION
        for name, path in names.items()
        for field in _either(kind, name, path)
    ),
    columns=(
        *(
            Column(name, kind.sql_type, f"coalesce({name}_wrapped, {name}_bare)")
            for kind, names in _GENERATION
            for name in names
        ),
        *_not_stated(("api_key_name", TEXT), ("time_to_first_token_ms", FACTOR)),
        *USAGE_COLUMNS,
        Column("is_export", "BOOLEAN", "false"),
    ),
    checks=tuple(
        Check("missing_field", name, f"{name} is null or cast({name} as varchar) = ''")
        for name in ("id", "created_at", "model")
    ),
    provider="'openrouter'",
    model="model",
    dropped=tuple(f"{prefix}{name}" for prefix in (f"{_WRAPPER}.", "") for name in _LEFT_OUT),
    usage=_READING,
)


# Not needed to compare with the logs.
_PARTS, _PART = unneeded(TOTAL, "reasoning_tokens", "cached_tokens")


#: SQL of the generations' columns from the export's, where it has them.
_EXPORTED = {
    "id": "generation_id",
    "created_at": "created_at",
    "model": "case when variant in ('', 'standard') or variant is null then model_permaslug"
    " else concat(model_permaslug, ':', variant) end",
    "provider_name": "provider_name",
    "external_user": "external_user",
    "finish_reason": "finish_reason_normalized",
    "native_finish_reason": "finish_reason_raw",
    "streamed": "streamed",
    "cancelled": "cancelled",
    "is_byok": "coalesce(byok_usage_inference, 0) <> 0",
    "native_tokens_prompt": "tokens_prompt_as_written",
    "native_tokens_completion": "tokens_completion_as_written",
    "native_tokens_reasoning": "tokens_reasoning",
    "native_tokens_cached": "tokens_cached",
    "total_cost": "cost_total",
    "cache_discount": "-cost_cache",
    "upstream_inference_cost": "byok_usage_inference",
    "generation_time_ms": "generation_milliseconds",
}

#: The export's counts are the native ones, under the API's names for the others.
_EXPORT_READING = UsageReading(
    Places(
        {
            "prompt": fields(TOKENS, tokens_prompt_as_written="tokens_prompt"),
            "completion": fields(TOKENS, tokens_completion_as_written="tokens_completion"),
            "reads": fields(TOKENS, "tokens_cached"),
            "reasoning": fields(TOKENS, "tokens_reasoning"),
        }
    ),
    is_inclusive=True,
)

EXPORT = Stream(
    name="generations",
    table="openrouter_generations",
    format=replace(CSV, marked_by="generation_id"),
    occurred_at="created_at",
    fields=(
        *fields(TIME, "created_at", mandatory=True),
        *fields(TEXT, "generation_id", "model_permaslug", mandatory=True),
        *fields(TEXT, "variant", "provider_name", "api_key_name", external_user="user"),
        *fields(TEXT, "finish_reason_raw", "finish_reason_normalized"),
        *fields(FLAG, "streamed", "cancelled"),
        *_EXPORT_READING.fields,
        *fields(MONEY, "cost_total", "cost_cache", "byok_usage_inference"),
        *fields(FACTOR, "time_to_first_token_ms", generation_milliseconds="generation_time_ms"),
    ),
    columns=(
        *(
            name
            if _EXPORTED.get(name) == name
            else Column(name, kind.sql_type, _EXPORTED.get(name, f"cast(null as {kind.sql_type})"))
            for kind, names in _GENERATION
            for name in names
        ),
        "api_key_name",
        "time_to_first_token_ms",
        *USAGE_COLUMNS,
        Column("is_export", "BOOLEAN", "true"),
    ),
    provider="'openrouter'",
    model="model",
    dropped=("cost_web_search", "cost_file_processing", "api_key_disabled", "app_name"),
    usage=_EXPORT_READING,
)

#: The page that exports generations and its file are called Activity.
EXPORT_AMONG_SUMS = replace(EXPORT, name="activity")


def _activity(layout: Format) -> Stream:
    return Stream(
        name="activity",
        table="openrouter_activity",
        format=layout,
        fields=(
            *fields(TEXT, "model", date_as_written="date", mandatory=True),
            *fields(TEXT, "model_permaslug", "endpoint_id", "provider_name", "workspace_id"),
            *fields(TOTAL, "requests", "prompt_tokens", "completion_tokens"),
            *_PARTS,
            *fields(SPEND, "byok_usage_inference", usage_usd="usage"),
        ),
        columns=(
            # A UTC day, whatever the time zone of the source's other times.
            Column("activity_date", "DATE", "try_cast(left(date_as_written, 10) as date)"),
            "model",
            "model_permaslug",
            "endpoint_id",
            "provider_name",
            "workspace_id",
            "requests",
            "prompt_tokens",
            "completion_tokens",
            *_PART.values(),
            "usage_usd",
            "byok_usage_inference",
        ),
        checks=(
            Check("invalid_time", "date", "activity_date is null"),
            Check(
                "time_out_of_range",
                "date",
                f"activity_date not between date '{EARLIEST}' and date '{LATEST}'",
            ),
        ),
    )


OPENROUTER = Connector(
    "openrouter",
    (GENERATIONS, EXPORT, _activity(json_pages("data")), _activity(CSV), EXPORT_AMONG_SUMS),
)
