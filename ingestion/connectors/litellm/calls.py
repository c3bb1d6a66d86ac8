"""What a LiteLLM payload and a row of its table SpendLogs tell alike.

What the payload has at its top, the row holds in its `metadata`: the cost breakdown, the entry of the price list
that the proxy used, and the error. The rest stands at the same place in both.
"""

from __future__ import annotations

from ingestion.connectors.litellm.service_tiers import TIER_COLUMNS, TIER_FIELDS
from ingestion.streams import COUNT, DISCOUNT, MONEY, TEXT, UNIT_PRICE, Field, fields
from ingestion.usage import USAGE_COLUMNS

BREAKDOWN = "cost_breakdown"
PRICES = "model_map_information.model_map_value"
ERROR = "error_information"

#: The price key: the deployment's model carries its provider as a prefix for some providers and not for others.
PROVIDER = "coalesce(custom_llm_provider, '')"
MODEL = (
    "case when custom_llm_provider <> '' and starts_with(model, custom_llm_provider || '/')"
    " then substr(model, length(custom_llm_provider) + 2) else coalesce(model, '') end"
)


def call_fields(folder: str = "") -> tuple[Field, ...]:
    """Declare them; `folder` is where what the payload has at its top stands, with the dot."""
    breakdown, prices, error = folder + BREAKDOWN, folder + PRICES, folder + ERROR
    return (
        *fields(TEXT, "call_type", "custom_llm_provider", "model", "model_group", "model_id", "end_user"),
        *fields(
            TEXT,
            api_key_alias="metadata.user_api_key_alias",
            team_alias="metadata.user_api_key_team_alias",
            request_route="metadata.user_api_key_request_route",
            model_map_key=f"{folder}model_map_information.model_map_key",
            map_entry_key=f"{prices}.key",
            breakdown_service_tier=f"{breakdown}.service_tier",
            error_code=f"{error}.error_code",
            error_class=f"{error}.error_class",
        ),
        *TIER_FIELDS,
        *fields(
            MONEY,
            breakdown_total_cost=f"{breakdown}.total_cost",
            breakdown_original_cost=f"{breakdown}.original_cost",
            breakdown_discount_amount=f"{breakdown}.discount_amount",
            breakdown_margin_amount=f"{breakdown}.margin_total_amount",
        ),
        *fields(DISCOUNT, discount_percent=f"{breakdown}.discount_percent"),
        *fields(
            UNIT_PRICE,
            map_input_cost_per_token=f"{prices}.input_cost_per_token",
            map_output_cost_per_token=f"{prices}.output_cost_per_token",
            map_cache_read_cost_per_token=f"{prices}.cache_read_input_token_cost",
            map_cache_creation_cost_per_token=f"{prices}.cache_creation_input_token_cost",
        ),
        *fields(
            COUNT,
            attempted_retries="metadata.attempted_retries",
            attempted_fallbacks="metadata.attempted_fallbacks",
        ),
    )


#: The raw columns of both tables. Those of the ids, the status and the charge are each table's own.
CALL_COLUMNS = (
    "call_type",
    "status",
    "custom_llm_provider",
    "model",
    "model_group",
    "model_id",
    "started_at",
    "ended_at",
    "first_token_at",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    *USAGE_COLUMNS,
    "breakdown_total_cost",
    "breakdown_original_cost",
    "breakdown_discount_amount",
    "breakdown_margin_amount",
    "breakdown_service_tier",
    *TIER_COLUMNS,
    "discount_percent",
    "api_key_hash",
    "api_key_alias",
    "team_alias",
    "user_id",
    "end_user",
    "request_route",
    "model_map_key",
    "map_entry_key",
    "map_input_cost_per_token",
    "map_output_cost_per_token",
    "map_cache_read_cost_per_token",
    "map_cache_creation_cost_per_token",
    "error_code",
    "error_class",
    "attempted_retries",
    "attempted_fallbacks",
)
