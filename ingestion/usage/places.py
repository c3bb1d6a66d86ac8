"""The fields of each quantity of a usage object, in each shape that gateways write.

A quantity may be in many fields of one object; all of them are declared, and `reading` combines them into one count.

Rulings: docs/decisions/usage.md#usage-1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingestion.streams import SEARCHES, TEXT, TOKENS, Field

#: Details of the prompt: chat, responses, realtime and transcriptions.
_IN = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_OUT = ("completion_tokens_details", "output_tokens_details", "output_token_details")


def _in(*names: str) -> tuple[str, ...]:
    return tuple(f"{folder}.{name}" for folder in _IN for name in names)


def _out(*names: str) -> tuple[str, ...]:
    return tuple(f"{folder}.{name}" for folder in _OUT for name in names)


#: OpenAI's chat, responses, embeddings, realtime and images, and what gateways add to them.
OPENAI: Mapping[str, tuple[str, ...]] = {
    "prompt": ("prompt_tokens",),
    "input": ("input_tokens",),
    "completion": ("completion_tokens", "output_tokens"),
    "total": ("total_tokens",),
    "reads": (
        *_in("cached_tokens"),
        "cached_tokens",
        "prompt_cache_hit_tokens",
        "prompt_tokens_cache_read",
    ),
    "writes": (*_in("cache_write_tokens", "cache_creation_tokens"), "prompt_tokens_cache_write"),
    "writes_5m": _in("cache_creation_token_details.ephemeral_5m_input_tokens"),
    "writes_1h": _in("cache_creation_token_details.ephemeral_1h_input_tokens", "cache_write_1h_tokens"),
    "tool_use": _in("tool_use_tokens"),
    "text": _in("text_tokens"),
    "audio": _in("audio_tokens"),
    "image": _in("image_tokens"),
    "video": _in("video_tokens"),
    "cached_text": _in("cached_tokens_details.text_tokens"),
    "cached_audio": _in("cached_tokens_details.audio_tokens"),
    "cached_image": _in("cached_tokens_details.image_tokens"),
    "cached_video": _in("cached_tokens_details.video_tokens"),
    "reasoning": (*_out("reasoning_tokens", "thinking_tokens"), "reasoning_tokens"),
    "output_audio": _out("audio_tokens"),
    "output_image": _out("image_tokens"),
    "output_video": _out("video_tokens"),
    "searches": (
        *_in("web_search_requests"),
        "server_tool_use.web_search_requests",
        "native_web_search_requests",
        "num_search_queries",
    ),
}

#: Anthropic's messages. OpenAI also has `input_tokens`; the cache fields differ.
ANTHROPIC: Mapping[str, tuple[str, ...]] = {
    "input": ("input_tokens",),
    "completion": ("output_tokens",),
    "reads_beside": ("cache_read_input_tokens",),
    "writes_beside": ("cache_creation_input_tokens",),
    "writes_beside_5m": ("cache_creation.ephemeral_5m_input_tokens",),
    "writes_beside_1h": ("cache_creation.ephemeral_1h_input_tokens",),
    "reasoning": ("output_tokens_details.thinking_tokens",),
    "searches": ("server_tool_use.web_search_requests",),
}

#: Bedrock's Converse.
BEDROCK: Mapping[str, tuple[str, ...]] = {
    "input": ("inputTokens",),
    "completion": ("outputTokens",),
    "total": ("totalTokens",),
    "reads_beside": ("cacheReadInputTokens", "cacheReadInputTokenCount"),
    "writes_beside": ("cacheWriteInputTokens", "cacheWriteInputTokenCount"),
    "write_parts": ("cacheDetails",),
}

#: Gemini's generateContent and its Live API.
GEMINI: Mapping[str, tuple[str, ...]] = {
    "prompt": ("promptTokenCount",),
    "candidates": ("candidatesTokenCount", "responseTokenCount"),
    "total": ("totalTokenCount",),
    "reads": ("cachedContentTokenCount",),
    "thoughts": ("thoughtsTokenCount",),
    "tool_use_beside": ("toolUsePromptTokenCount",),
    "prompt_parts": ("promptTokensDetails", "promptTokenDetails"),
    "tool_use_parts": ("toolUsePromptTokensDetails",),
    "cached_parts": ("cacheTokensDetails",),
    "candidate_parts": ("candidatesTokensDetails", "responseTokensDetails"),
}

#: OpenRouter's generations. `tokens_*` are counted by one tokenizer for all models, the native ones are billed.
OPENROUTER: Mapping[str, tuple[str, ...]] = {
    "prompt": ("native_tokens_prompt",),
    "prompt_estimate": ("tokens_prompt",),
    "completion": ("native_tokens_completion",),
    "completion_estimate": ("tokens_completion",),
    "reads": ("native_tokens_cached",),
    "reasoning": ("native_tokens_reasoning",),
    "output_image": ("native_tokens_completion_images",),
}

#: Quantities that are lists of objects, kept as JSON text: each entry's keys of label and count.
PARTS = {
    "write_parts": ("ttl", "inputTokens"),
    "prompt_parts": ("modality", "tokenCount"),
    "tool_use_parts": ("modality", "tokenCount"),
    "cached_parts": ("modality", "tokenCount"),
    "candidate_parts": ("modality", "tokenCount"),
}


#: What usage objects hold besides counts that are read: figures of time and money, parts of a count, labels.
#: `num_cached_tokens` is Mistral's, which bills these tokens like all others.
UNCOUNTED = (
    "completion_time",
    "cost_details",
    "inference_geo",
    "is_byok",
    "iterations",
    "num_cached_tokens",
    "prompt_cache_miss_tokens",
    "prompt_time",
    "pydantic_ai_gateway",
    "queue_time",
    "server_tool_use.browser_open_requests",
    "server_tool_use.tool_search_requests",
    "server_tool_use.web_fetch_requests",
    "server_tool_use_details",
    "serverToolUsage",
    "total_time",
    *_out("accepted_prediction_tokens", "rejected_prediction_tokens", "text_tokens"),
)


#: Fields that name the service tier.
TIERS = ("service_tier", "serviceTier", "speed", "trafficType")


@dataclass(frozen=True)
class Places:
    """The fields of each quantity of a usage object; fields of one quantity mean the same."""

    of: Mapping[str, tuple[Field, ...]] = field(default_factory=dict, hash=False)

    def __add__(self, other: Places) -> Places:
        """Return the places of both, each field once."""
        quantities = dict.fromkeys((*self.of, *other.of))
        return Places(
            {
                name: tuple(dict.fromkeys(self.of.get(name, ()) + other.of.get(name, ())))
                for name in quantities
            }
        )

    def fields(self) -> tuple[Field, ...]:
        """Return every field once."""
        return tuple(dict.fromkeys(field for fields in self.of.values() for field in fields))

    def names(self, quantity: str) -> tuple[str, ...]:
        """Return the names of the fields that hold a quantity."""
        return tuple(field.name for field in self.of.get(quantity, ()))


def at(folder: str, *shapes: Mapping[str, tuple[str, ...]]) -> Places:
    """Return the places of these shapes' quantities in the object at a path; '' is the record itself.

    Fields are named after their path below the record.
    """
    found = Places()
    for shape in shapes:
        found += Places(
            {
                quantity: tuple(_field(folder, path, quantity) for path in paths)
                for quantity, paths in shape.items()
            }
        )
    return found


def _field(folder: str, path: str, quantity: str) -> Field:
    whole = f"{folder}.{path}" if folder else path
    kind = TEXT if quantity in PARTS else SEARCHES if quantity == "searches" else TOKENS
    return Field(whole, kind, whole.replace(".", "_"))
