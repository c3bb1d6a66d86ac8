"""New-API log items, as AIsa (time at completion) and TokenOpen (time at reception) deliver them.

Kept of a call: request id, model, key, group, streaming, all cache classes, the account (a workspace's number) as user.
Coarser: times and durations are whole seconds, truncated; the cost is whole quota units of 0.000002 USD, rounded
half up and at least one. Lost: seat, reasoning tokens, the workspace's name, and whether a failure was a timeout. The
ratios are the unit prices over the input price, and `group_ratio` is the factor to pay, so the quota formula gives the
cost again.

A failed call is an error row without tokens. A failed call that was charged all the same is a consume row,
whose stream ended in an error. Calls of Anthropic's models count tokens Anthropic's way for about half of
the keys.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ingestion.sandbox.gateways.shape import Connector, LogKind, json_lines
from ingestion.sandbox.world.calls import Call

QUOTA_PER_USD = 500_000
_UNITS_PER_QUOTA = 10**12 // QUOTA_PER_USD
_CONSUME, _ERROR = 2, 5
_DAY_MS, _ITEMS_A_DAY = 86_400_000, 100_000_000
_ERRORS = {
    429: "rate limit reached",
    500: "provider error",
    502: "bad gateway",
    503: "provider overloaded",
    504: "no answer within 60 s",
}


def log_item(call: Call, at_ms: int) -> dict[str, Any]:
    """Return the log item of a call whose time is `at_ms`."""
    prompt = call.plain if counts_as_anthropic(call) else call.prompt
    return {
        "id": call.started_ms // _DAY_MS * _ITEMS_A_DAY + call.number + 1,
        "user_id": call.account,
        "created_at": at_ms // 1000,
        "type": _CONSUME if call.has_usage else _ERROR,
        "content": "" if call.has_usage else _ERRORS[call.http_status],
        "username": call.workspace_id,
        "token_name": call.api_key_name,
        "model_name": call.slug,
        "quota": quota(call) if call.has_usage else 0,
        "prompt_tokens": prompt if call.has_usage else 0,
        "completion_tokens": call.completion if call.has_usage else 0,
        "use_time": call.duration_ms // 1000,
        "is_stream": call.streamed,
        "channel": 12,
        "token_id": call.key,
        "group": call.group,
        "ip": "",
        "request_id": call.request_id,
        "other": json.dumps(_billing(call) if call.has_usage else _failing(call), separators=(",", ":")),
    }


def completed(call: Call) -> dict[str, Any]:
    """Return a call's log item with the time at which it was complete."""
    return log_item(call, call.ended_ms)


def received(call: Call) -> dict[str, Any]:
    """Return a call's log item with the time at which it came in."""
    return log_item(call, call.started_ms)


def counts_as_anthropic(call: Call) -> bool:
    """Return whether a call's prompt tokens exclude the cache."""
    return call.provider == "anthropic" and call.key // 8 % 2 == 0


def quota(call: Call) -> int:
    """Return what a call cost in quota units; a call with a cost costs at least one."""
    units = (call.cost + _UNITS_PER_QUOTA // 2) // _UNITS_PER_QUOTA
    return max(units, 1) if call.cost else 0


def _billing(call: Call) -> dict[str, Any]:
    """Return how the quota comes about; a model ratio of 1 is 2 USD per million input tokens."""
    out: dict[str, Any] = {
        "model_ratio": call.input_price / _UNITS_PER_QUOTA,
        "group_ratio": call.factor / 1000,
        "completion_ratio": call.output_price / call.input_price,
        "cache_tokens": call.cached,
        "cache_ratio": call.cache_read_price / call.input_price,
        "model_price": -1,
        "user_group_ratio": -1,
        "frt": float(call.first_token_ms - call.started_ms) if call.first_token_ms else -1000.0,
        "request_path": _path(call),
    }
    if call.written:
        out |= {
            "cache_creation_tokens": call.written,
            "cache_creation_ratio": call.cache_write_5m_price / call.input_price,
            "cache_creation_tokens_5m": call.written_5m,
            "cache_creation_ratio_5m": call.cache_write_5m_price / call.input_price,
            "cache_creation_tokens_1h": call.written_1h,
            "cache_creation_ratio_1h": call.cache_write_1h_price / call.input_price,
        }
    if counts_as_anthropic(call):
        out |= {"claude": True, "usage_semantic": "anthropic"}
    if call.status != "success":
        out["stream_status"] = {"status": "error", "end_reason": "upstream_error", "error_count": 1}
    return out


def _failing(call: Call) -> dict[str, Any]:
    return {
        "error_type": "new_api_error",
        "error_code": _ERRORS[call.http_status].replace(" ", "_"),
        "status_code": call.http_status,
        "request_path": _path(call),
    }


def _path(call: Call) -> str:
    return "/pg/chat/completions" if call.member_id else "/v1/chat/completions"


def _connector(name: str, row: Callable[[Call], dict[str, Any]]) -> Connector:
    # Read by an administrator: corrected rows are identified by their id.
    return Connector(name, (LogKind("logs", json_lines(row)),), {"trusted_ids": "true"})


AISA = _connector("aisa", completed)
TOKENOPEN = _connector("tokenopen", received)
