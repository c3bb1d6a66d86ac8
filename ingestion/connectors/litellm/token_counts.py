"""The token counts of a LiteLLM call, which its payload and its row in SpendLogs hold in the same places.

A provider's counts are copied unchanged, so one quantity has several names; a pass-through route copies the provider's
own object. The top-level counts are of the same call: all are read as one object.
"""

from __future__ import annotations

from ingestion.streams import below
from ingestion.usage import ANTHROPIC, BEDROCK, GEMINI, OPENAI, UNCOUNTED, Places, UsageReading, at

USAGE = "metadata.usage_object"

_TOP = {"prompt": ("prompt_tokens",), "completion": ("completion_tokens",), "total": ("total_tokens",)}
PLACES: Places = at("", _TOP) + at(USAGE, OPENAI, ANTHROPIC, BEDROCK, GEMINI)

#: The same for a payload and for a row that holds its usage object alone.
USAGE_READING = UsageReading(PLACES)

USAGE_DROPPED = below(USAGE, *UNCOUNTED)
