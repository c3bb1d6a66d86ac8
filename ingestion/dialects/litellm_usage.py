"""The token counts of a LiteLLM call, which its payload and its row in SpendLogs hold in the same places.

What a provider counts is copied as it came, so one quantity has several names.
"""

from __future__ import annotations

from ingestion.dialects.shape import TOKENS, fields

USAGE = "metadata.usage_object"
IN = f"{USAGE}.prompt_tokens_details"
OUT = f"{USAGE}.completion_tokens_details"
_WRITES = f"{IN}.cache_creation_token_details"

TOKEN_FIELDS = fields(
    TOKENS,
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    cached_nested=f"{IN}.cached_tokens",
    cached_anthropic=f"{USAGE}.cache_read_input_tokens",
    written_nested=f"{IN}.cache_creation_tokens",
    written_openai=f"{IN}.cache_write_tokens",
    written_anthropic=f"{USAGE}.cache_creation_input_tokens",
    cache_write_5m_tokens=f"{_WRITES}.ephemeral_5m_input_tokens",
    cache_write_1h_tokens=f"{_WRITES}.ephemeral_1h_input_tokens",
    reasoning_tokens=f"{OUT}.reasoning_tokens",
    prompt_audio_tokens=f"{IN}.audio_tokens",
    completion_audio_tokens=f"{OUT}.audio_tokens",
)
#: What follows the cache's own columns in both raw tables.
CLASS_COLUMNS = (
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "prompt_audio_tokens",
    "completion_audio_tokens",
)
