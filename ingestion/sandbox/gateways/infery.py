"""Infery: the usage export in nine columns, and the drill-down of the same calls.

Kept of a call: request id, model, key (export), workspace, member and origin (drill-down), token totals, completion
time and duration in milliseconds. Coarser: the cost is whole credits of a cent, rounded up per call. Lost: failed calls
without cost (Infery lists what it charged), the status of those that did, streaming, the cache split and reasoning
tokens, the pricing group.
"""

from __future__ import annotations

from typing import Any

from ingestion.sandbox.gateways.shape import Connector, Lines, LogKind, json_lines
from ingestion.sandbox.world.calls import Call, moment
from ingestion.sandbox.world.day import Batch

_UNITS_PER_CREDIT = 10**10
_HEADER = (
    "timestamp,model,api_key_id,prompt_tokens,completion_tokens,"
    "credits_used,request_id,latency_ms,fallback_depth"
)
_ON_THE_WAY_IN_MS, _ON_THE_WAY_OUT_MS = 12, 5


def usage_row(call: Call) -> dict[str, Any] | None:
    """Return a call as the export and the usage API list it; the API's rows also have the member."""
    if not call.has_usage:
        return None
    return {
        "timestamp": moment(call.ended_ms),
        "model": call.slug,
        "api_key_id": call.api_key_id,
        "prompt_tokens": call.prompt,
        "completion_tokens": call.completion,
        "credits_used": credits_used(call),
        "request_id": call.request_id,
        "latency_ms": call.duration_ms,
        "fallback_depth": 0,
    }


def request(call: Call) -> dict[str, Any] | None:
    """Return a call as the drill-down shows it."""
    if not call.has_usage:
        return None
    return {
        "request_id": call.request_id,
        "timings": {
            "gateway_in": moment(call.started_ms),
            "provider_in": moment(call.started_ms + _ON_THE_WAY_IN_MS),
            "provider_out": moment(call.ended_ms - _ON_THE_WAY_OUT_MS),
            "gateway_out": moment(call.ended_ms),
        },
        "prompt_tokens": call.prompt,
        "completion_tokens": call.completion,
        "total_tokens": call.prompt + call.completion,
        "credits_used": credits_used(call),
        "model_requested": call.slug,
        "model_used": call.slug,
        "fallback": False,
        "member_id": call.member_id,
        "workspace_id": call.workspace_id,
        "source": "playground" if call.member_id else "api",
    }


def credits_used(call: Call) -> int:
    """Return the cost of a call in credits, rounded up."""
    return -(-call.cost // _UNITS_PER_CREDIT)


def _exported(batch: Batch) -> Lines:
    """Return the export's lines; no value of the sandbox needs quotes."""
    found = (usage_row(call) for call in batch.calls)
    return [None if row is None else ",".join(map(str, row.values())) for row in found]


INFERY = Connector(
    "infery",
    (LogKind("usage", _exported, ".csv", _HEADER), LogKind("requests", json_lines(request))),
    {"usd_per_credit": 0.01},
)
