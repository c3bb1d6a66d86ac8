"""OpenRouter: single generations as `GET /api/v1/generation` answers, and daily sums for reconciliation.

A generation stands in its line bare or in the API's `data`. Tokens without `native_` in their name are
counted by one tokenizer for all models and are not what is billed. Credits are USD.
"""

from __future__ import annotations

from ingestion.dialects.shape import (
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
    Dialect,
    Field,
    Format,
    Kind,
    Stream,
    fields,
    json_pages,
    unneeded,
)

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
    (
        TOKENS,
        {
            name: name
            for name in (
                "tokens_prompt",
                "tokens_completion",
                "native_tokens_prompt",
                "native_tokens_completion",
                "native_tokens_reasoning",
                "native_tokens_cached",
                "native_tokens_completion_images",
            )
        },
    ),
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
    columns=tuple(
        Column(name, kind.sql_type, f"coalesce({name}_wrapped, {name}_bare)")
        for kind, names in _GENERATION
        for name in names
    ),
    checks=tuple(
        Check("missing_field", name, f"{name} is null or cast({name} as varchar) = ''")
        for name in ("id", "created_at", "model")
    ),
    provider="'openrouter'",
    model="model",
    dropped=tuple(f"{prefix}{name}" for prefix in (f"{_WRAPPER}.", "") for name in _LEFT_OUT),
)


# No comparison with the logs needs them.
_PARTS, _PART = unneeded(TOTAL, "reasoning_tokens", "cached_tokens")


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
            # A UTC day, whatever zone the source's other times are in.
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


OPENROUTER = Dialect("openrouter", (GENERATIONS, _activity(json_pages("data")), _activity(CSV)))
