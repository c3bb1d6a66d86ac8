"""OpenRouter: bodies of `GET /api/v1/generation` in files, sums of `GET /api/v1/activity` behind the API.

Kept of a call: id, workspace, seat (external user), start, duration, streaming, native token counts with cache reads
and reasoning, the cost, and the cache saving in `cache_discount`. Lost: the key, the group, cache writes, why a call
failed (a timeout is an error like any other). Models have OpenRouter's own slugs; `ALIASES` maps them to the catalogue,
because this world's contract charges the vendors' prices.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ingestion.sandbox.gateways.shape import Connector, LogKind, json_lines
from ingestion.sandbox.world.calls import Call, moment, usd
from ingestion.sandbox.world.prices import MODELS, UNKNOWN_MODEL

_VENDORS = {"google-ai-studio": "google", "mistral": "mistralai"}
_MODELS = {"claude-sonnet-4-5": "claude-sonnet-4.5", "claude-haiku-4-5": "claude-haiku-4.5"}
_SERVED_BY = {
    "google-ai-studio": "Google AI Studio",
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "deepseek": "DeepSeek",
    "mistral": "Mistral",
    "nimbus": "Nimbus",
}
_CATALOGUE = {"google-ai-studio": "google"}
_MODERATION_MS = 40
_BEFORE_GENERATION_MS = 150


def slug(name: str) -> str:
    """Return OpenRouter's slug for one of the world's models."""
    vendor, _, model = name.partition("/")
    return f"{_VENDORS.get(vendor, vendor)}/{_MODELS.get(model, model)}"


ALIASES: tuple[tuple[str, str, str], ...] = tuple(
    (f"openrouter/{slug(name)}", _CATALOGUE.get(vendor, vendor), model)
    for name in MODELS
    if name != UNKNOWN_MODEL
    for vendor, _, model in [name.partition("/")]
)
"""(provider/model, catalogue provider, catalogue model): whose list prices OpenRouter charges here."""


def generation(call: Call) -> dict[str, Any]:
    """Return the body that describes a call."""
    tokens: dict[str, Any] = {
        # Counted by one tokenizer for all models, and not what is billed.
        "tokens_prompt": call.prompt * 97 // 100,
        "tokens_completion": call.completion * 97 // 100,
        "native_tokens_prompt": call.prompt,
        "native_tokens_completion": call.completion,
        "native_tokens_reasoning": call.reasoning,
        "native_tokens_cached": call.cached,
        "native_tokens_completion_images": 0,
    }
    failed = call.status != "success"
    return {
        "data": {
            "id": call.request_id,
            "upstream_id": f"up-{call.request_id}",
            "total_cost": usd(call.cost) if call.has_usage else 0,
            "usage": usd(call.cost) if call.has_usage else 0,
            "cache_discount": usd(call.discounted - call.cost) if call.has_usage else None,
            # Filled in although the key is not the caller's own: adding it to the cost would double it.
            "upstream_inference_cost": usd(call.gross) if call.has_usage else None,
            "created_at": moment(call.started_ms),
            "model": slug(call.slug),
            "app_id": 12345,
            "streamed": call.streamed,
            "cancelled": False,
            "provider_name": _SERVED_BY[call.provider],
            "latency": call.duration_ms,
            "moderation_latency": _MODERATION_MS,
            "generation_time": call.duration_ms - _BEFORE_GENERATION_MS,
            "finish_reason": "error" if failed else "stop",
            "native_finish_reason": f"http_{call.http_status}" if failed else "stop",
            **(tokens if call.has_usage else dict.fromkeys(tokens)),
            "num_media_prompt": None,
            "num_search_results": None,
            "origin": "",
            "is_byok": False,
            "external_user": call.member_id,
            "api_type": "completions",
            "router": None,
            "provider_responses": None,
            "workspace_id": call.workspace_id,
        }
    }


def activity(calls: Iterable[Call]) -> list[dict[str, Any]]:
    """Return the sums per UTC day, model, provider and workspace; the day is the one on which calls began."""
    sums: dict[tuple[str, str, str, str], dict[str, int]] = {}
    for call in calls:
        place = (moment(call.started_ms)[:10], slug(call.slug), _SERVED_BY[call.provider], call.workspace_id)
        own = {
            "usage": call.cost,
            "prompt_tokens": call.prompt,
            "completion_tokens": call.completion,
            "reasoning_tokens": call.reasoning,
            "cached_tokens": call.cached,
        }
        found = sums.setdefault(place, {"requests": 0, **dict.fromkeys(own, 0)})
        found["requests"] += 1
        for name, value in own.items() if call.has_usage else ():
            found[name] += value
    return [
        {
            "date": day,
            "model": model,
            "model_permaslug": model,
            "endpoint_id": f"ep-{served_by.lower().replace(' ', '-')}",
            "provider_name": served_by,
            "workspace_id": workspace,
            "byok_usage_inference": 0,
            **found,
            "usage": usd(found["usage"]),
        }
        for (day, model, served_by, workspace), found in sorted(sums.items())
    ]


OPENROUTER = Connector("openrouter", (LogKind("generations", json_lines(generation)),))
