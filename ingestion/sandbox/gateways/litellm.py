"""LiteLLM: `StandardLoggingPayload` in files, rows of `LiteLLM_SpendLogs` behind the API.

Almost everything is kept: times to the microsecond, all cache classes, reasoning, organization (the workspace), team
(the group), end user (the seat), the cost and its breakdown as floats. A key is its hash; Google's provider is called
gemini; a timeout is a failure; whether a call came from a playground is lost.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from ingestion.sandbox.gateways.shape import Connector, LogKind, json_lines
from ingestion.sandbox.world.calls import Call, usd
from ingestion.sandbox.world.prices import UNKNOWN_MODEL

_PROVIDERS = {"google-ai-studio": "gemini"}
_ERRORS = {
    429: "RateLimitError",
    500: "InternalServerError",
    502: "BadGatewayError",
    503: "ServiceUnavailableError",
    504: "Timeout",
}


def payload(call: Call) -> dict[str, Any]:
    """Return a call as a logging callback receives it."""
    failed = call.status != "success"
    return {
        "id": call.request_id,
        "litellm_call_id": f"call-{call.request_id}",
        "trace_id": f"call-{call.request_id}",
        "call_type": "acompletion",
        "cache_hit": None,
        "stream": call.streamed,
        "status": "failure" if failed else "success",
        "custom_llm_provider": provider(call),
        "saved_cache_cost": 0.0,
        "startTime": call.started_ms / 1000,
        "endTime": call.ended_ms / 1000,
        "completionStartTime": (call.first_token_ms or call.ended_ms) / 1000,
        "model": f"{provider(call)}/{call.model}",
        "model_group": call.slug,
        "model_id": f"deployment-{call.provider}",
        "end_user": call.member_id or "",
        "messages": [{"role": "user", "content": "synthetic"}],
        "metadata": {
            "user_api_key_hash": key_hash(call.api_key_id),
            "user_api_key_alias": call.api_key_name,
            "user_api_key_team_id": call.group,
            "user_api_key_org_id": call.workspace_id,
            "user_api_key_user_id": None,
            "user_api_key_request_route": "/v1/chat/completions",
            "usage_object": _usage(call),
        },
        "response": {},
        "response_cost": usd(call.cost) if call.has_usage else 0.0,
        "response_cost_failure_debug_info": None,
        "cost_breakdown": _breakdown(call),
        "prompt_tokens": call.prompt if call.has_usage else 0,
        "completion_tokens": call.completion if call.has_usage else 0,
        "total_tokens": call.prompt + call.completion if call.has_usage else 0,
        "model_map_information": _price_list(call),
        "error_str": "the upstream failed" if failed else None,
        "error_information": {
            "error_code": str(call.http_status) if failed else "",
            "error_class": _ERRORS[call.http_status] if failed else "",
            "llm_provider": provider(call),
        },
    }


def spend_row(call: Call) -> dict[str, Any]:
    """Return a call as a row of the proxy's database."""
    whole = payload(call)
    metadata = {
        "user_api_key_alias": call.api_key_name,
        "user_api_key_org_id": call.workspace_id,
        "user_api_key_request_route": "/v1/chat/completions",
        "usage_object": whole["metadata"]["usage_object"],
        "cost_breakdown": whole["cost_breakdown"],
        "model_map_information": whole["model_map_information"],
        "error_information": whole["error_information"] if whole["status"] == "failure" else None,
    }
    return {
        "request_id": call.request_id,
        "call_type": "acompletion",
        "api_key": key_hash(call.api_key_id),
        "cache_hit": "None",
        "startTime": _naive(call.started_ms),
        "endTime": _naive(call.ended_ms),
        "completionStartTime": _naive(call.first_token_ms or call.ended_ms),
        "model": whole["model"],
        "user": "",
        "team_id": call.group,
        "organization_id": call.workspace_id,
        "metadata": json.dumps(metadata),
        "spend": whole["response_cost"],
        "total_tokens": whole["total_tokens"],
        "prompt_tokens": whole["prompt_tokens"],
        "completion_tokens": whole["completion_tokens"],
        "end_user": whole["end_user"],
        "custom_llm_provider": whole["custom_llm_provider"],
        "model_group": whole["model_group"],
        "model_id": whole["model_id"],
        "status": whole["status"],
        "litellm_call_id": whole["litellm_call_id"],
        "messages": "{}",
        "response": "{}",
    }


def provider(call: Call) -> str:
    """Return the provider's name as LiteLLM has it."""
    return _PROVIDERS.get(call.provider, call.provider)


@cache
def key_hash(api_key_id: str) -> str:
    """Return what LiteLLM shows instead of a key."""
    return hashlib.sha256(api_key_id.encode()).hexdigest()


def _usage(call: Call) -> dict[str, Any] | None:
    if not call.has_usage:
        return None
    return {
        "prompt_tokens": call.prompt,
        "completion_tokens": call.completion,
        "total_tokens": call.prompt + call.completion,
        "prompt_tokens_details": {
            "cached_tokens": call.cached,
            "cache_creation_tokens": call.written,
            "cache_creation_token_details": {
                "ephemeral_5m_input_tokens": call.written_5m,
                "ephemeral_1h_input_tokens": call.written_1h,
            },
        },
        "completion_tokens_details": {"reasoning_tokens": call.reasoning},
    }


def _breakdown(call: Call) -> dict[str, Any] | None:
    if not call.has_usage:
        return None
    return {
        "input_cost": usd(call.cost - call.completion_cost),
        "output_cost": usd(call.completion_cost),
        "cache_read_cost": usd(call.cached * call.cache_read_price * call.factor // 1000),
        "total_cost": usd(call.cost),
        "tool_usage_cost": 0.0,
        "service_tier": None,
        "original_cost": usd(call.gross),
        "discount_percent": (1000 - call.factor) / 1000,
        "discount_amount": usd(call.gross - call.cost),
        "margin_total_amount": 0.0,
    }


def _price_list(call: Call) -> dict[str, Any]:
    """Return the prices the proxy knew; its map lacks the unknown model."""
    if call.slug == UNKNOWN_MODEL:
        return {"model_map_key": call.slug, "model_map_value": None}
    return {
        "model_map_key": f"{provider(call)}/{call.model}",
        "model_map_value": {
            "input_cost_per_token": usd(call.input_price),
            "output_cost_per_token": usd(call.output_price),
            "cache_read_input_token_cost": usd(call.cache_read_price),
            "cache_creation_input_token_cost": usd(call.cache_write_5m_price),
        },
    }


def _naive(milliseconds: int) -> str:
    """Write epoch milliseconds as the database does: UTC, without an offset."""
    whole = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}000"


LITELLM = Connector("litellm", (LogKind("logs", json_lines(payload)),))
