"""OpenAI's organization usage and cost APIs: pages of buckets, for reconciliation, never calls.

One table holds the results of every usage endpoint; `object` names it, and fields of other endpoints are null. A bucket
ends before `end_time`. The quantity of a cost is in the line item's own unit: tokens, seconds, images.
"""

from __future__ import annotations

from ingestion.streams import (
    EPOCH,
    FLAG,
    QUANTITY,
    SPEND,
    TEXT,
    TOTAL,
    Column,
    Connector,
    Stream,
    fields,
    json_pages,
    unneeded,
)

_BUCKETS = json_pages("data.results", around=("start_time", "end_time"))
_BUCKET = fields(EPOCH, mandatory=True, start_time="page.start_time", end_time="page.end_time")

# Not needed to compare with the logs.
_SPLITS, _SPLIT = unneeded(
    TOTAL,
    "input_cache_write_30m_tokens",
    "input_cache_write_12h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "output_audio_tokens",
    "output_image_tokens",
    "images",
    "seconds",
    "characters",
    "num_sessions",
    "usage_bytes",
)
_QUANTITIES, _QUANTITY = unneeded(QUANTITY, "quantity")

USAGE = Stream(
    name="usage",
    table="openai_usage",
    format=_BUCKETS,
    fields=(
        *_BUCKET,
        *fields(TEXT, mandatory=True, result_kind="object"),
        *fields(TEXT, "project_id", "user_id", "model", "service_tier", "vector_store_id"),
        *fields(TEXT, "api_key_id"),
        *fields(TEXT, "context_level", image_size="size", image_source="source"),
        *fields(FLAG, "batch"),
        # Sums of a day exceed the limit of one call's token counts.
        *fields(
            TOTAL,
            "num_model_requests",
            "num_requests",
            "input_tokens",
            "input_cached_tokens",
            "input_cache_write_tokens",
            "input_uncached_tokens",
            "output_tokens",
        ),
        *_SPLITS,
    ),
    columns=(
        "start_time",
        "end_time",
        "result_kind",
        "project_id",
        "user_id",
        "api_key_id",
        "model",
        "batch",
        "service_tier",
        "image_size",
        "image_source",
        "vector_store_id",
        "context_level",
        "num_model_requests",
        "num_requests",
        "input_tokens",
        "input_cached_tokens",
        "input_cache_write_tokens",
        "input_uncached_tokens",
        "output_tokens",
        *_SPLIT.values(),
    ),
    dropped=(
        "api_source",
        "input_text_tokens",
        "output_text_tokens",
        "input_cached_text_tokens",
        "input_cached_audio_tokens",
        "input_cached_image_tokens",
    ),
)

COSTS = Stream(
    name="costs",
    table="openai_costs",
    format=_BUCKETS,
    fields=(
        *_BUCKET,
        *fields(SPEND, mandatory=True, amount="amount.value"),
        *fields(TEXT, mandatory=True, currency_as_written="amount.currency"),
        *fields(TEXT, "project_id", "line_item", "quantity_unit"),
        *fields(TEXT, "api_key_id"),
        *_QUANTITIES,
    ),
    columns=(
        "start_time",
        "end_time",
        "amount",
        Column("currency", "VARCHAR", "lower(currency_as_written)"),
        "project_id",
        "line_item",
        "api_key_id",
        _QUANTITY["quantity"],
        "quantity_unit",
    ),
    dropped=("object", "project_name", "organization_id", "organization_name", "user_id", "api_source"),
)

OPENAI = Connector("openai", (USAGE, COSTS))
