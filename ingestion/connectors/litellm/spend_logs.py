"""Rows of LiteLLM's table `LiteLLM_SpendLogs`: a dump as NDJSON or CSV, or pages of `/spend/logs/v2`.

Times without an offset are UTC. `metadata` is JSON in a string and holds the payload's top-level fields. `cache_hit` is
the text True, False or None. `spend` is 0, or null on its way to the table, where LiteLLM knew no price, which is not
free. Prompt tokens include the cache whatever the provider.

Rulings: docs/decisions/gateway-prices.md#gateway-prices-5.
"""

from __future__ import annotations

from ingestion.connectors.litellm.calls import (
    BREAKDOWN,
    CALL_COLUMNS,
    ERROR,
    MODEL,
    PRICES,
    PROVIDER,
    call_fields,
)
from ingestion.connectors.litellm.token_counts import PLACES, USAGE
from ingestion.streams import (
    CSV,
    ID,
    MONEY,
    NDJSON,
    NO_ADDRESS,
    TEXT,
    TIME,
    Check,
    Column,
    Format,
    Stream,
    below,
    fields,
    json_pages,
)
from ingestion.usage import ANTHROPIC, OPENAI, TIERS, UNCOUNTED, UsageReading, at

_META = "metadata"

#: Rows older than the usage object hold all but the three counts under another name.
_READING = UsageReading(PLACES + at(f"{_META}.additional_usage_values", OPENAI, ANTHROPIC))

_FIELDS = (
    *fields(ID, "request_id", mandatory=True),
    *fields(ID, call_id="litellm_call_id", call_id_in_metadata=f"{_META}.litellm_call_id"),
    *fields(TIME, mandatory=True, started_at="startTime"),
    *fields(TIME, ended_at="endTime", first_token_at="completionStartTime"),
    *fields(TEXT, "status", api_key_hash="api_key"),
    *call_fields(f"{_META}."),
    *fields(
        TEXT,
        cache_hit_text="cache_hit",
        user_id="user",
        team_as_written="team_id",
        organization_as_written="organization_id",
        org_in_metadata=f"{_META}.user_api_key_org_id",
    ),
    *_READING.fields,
    *fields(MONEY, "spend"),
)

_COLUMNS = (
    "request_id",
    Column("litellm_call_id", "VARCHAR", "coalesce(nullif(call_id, ''), call_id_in_metadata)"),
    *CALL_COLUMNS,
    Column("team_id", "VARCHAR", "nullif(team_as_written, '')"),
    Column("org_id", "VARCHAR", "coalesce(nullif(organization_as_written, ''), org_in_metadata)"),
    "cache_hit_text",
    "spend",
)

#: Content, the caller's own data, and figures the declared fields already hold.
_DROPPED = (
    "messages",
    "response",
    "proxy_server_request",
    "request_tags",
    "requester_ip_address",
    "api_base",
    "cache_key",
    "session_id",
    "request_duration_ms",
    "agent_id",
    "billing_agent_id",
    "mcp_namespaced_tool_name",
    "created_at",
    "updated_at",
    USAGE,
    *below(f"{_META}.additional_usage_values", "cost", *UNCOUNTED, *TIERS),
    *below(
        _META,
        BREAKDOWN,
        PRICES,
        ERROR,
        "actor_agent_id",
        "agent_execution_mode",
        "applied_guardrails",
        "autorouter_baseline_observation",
        "autorouter_savings",
        "autorouter_savings_estimate",
        "azure_spillover",
        "batch_failed_requests",
        "batch_models",
        "batch_successful_requests",
        # The row is an earlier attempt that was billed: a separate call with its own id and cost.
        "billed_retry_attempt",
        "billing_agent_id",
        "cold_storage_object_key",
        "compression_savings",
        "eval_information",
        "guardrail_information",
        "internal_call_origin",
        # The row is a copy sent to a second model: not requested, but paid.
        "is_silent_experiment",
        "kubernetes_pod_routing",
        "litellm_gateway_injected_cache",
        "litellm_overhead_time_ms",
        "litellm_roi_estimator",
        "max_retries",
        "mcp_tool_call_metadata",
        "original_model_group",
        "proxy_server_request",
        "requester_ip_address",
        "router_metadata",
        "routing_decision",
        "spend_logs_metadata",
        "status",
        "target_agent_id",
        "upstream_provider",
        "used_client_oauth_token",
        "user_agent",
        "user_api_key",
        "user_api_key_project_alias",
        "user_api_key_project_id",
        "user_api_key_team_id",
        "user_api_key_user_email",
        "user_api_key_user_id",
        "vector_store_request_metadata",
        "verified_human_user_id",
    ),
)


def _rows(stream: str, layout: Format) -> Stream:
    return Stream(
        name=stream,
        table=f"litellm_{stream}",
        format=layout,
        address="requester_ip_address",
        embedded=(_META,),
        watched=(USAGE,),
        occurred_at="started_at",
        fields=_FIELDS,
        columns=(*_COLUMNS, NO_ADDRESS),
        usage=_READING,
        checks=(Check("unknown_status", "status", "status not in ('success', 'failure', '')"),),
        provider=PROVIDER,
        model=MODEL,
        dropped=_DROPPED,
    )


SPEND_LOGS = (
    _rows("spend_logs", NDJSON),
    _rows("spend_logs", CSV),
    _rows("spend_logs_api", json_pages("data")),
)
