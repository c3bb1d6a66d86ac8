"""How a usage object is read: where its counts are, in any shape, and which token classes they give.

    fields of a record ─► places: every field of a quantity ─► reading: one SQL expression per class

A connector names the shapes and the path of its usage; the result has the same columns for every gateway. The rules and
the decision table are in docs/reading-usage.md.
"""

from __future__ import annotations

from ingestion.usage.places import (
    ANTHROPIC,
    BEDROCK,
    GEMINI,
    OPENAI,
    OPENROUTER,
    TIERS,
    UNCOUNTED,
    Places,
    at,
)
from ingestion.usage.reading import HAS_USAGE, USAGE_COLUMNS, UsageReading

__all__ = [
    "ANTHROPIC",
    "BEDROCK",
    "GEMINI",
    "HAS_USAGE",
    "OPENAI",
    "OPENROUTER",
    "TIERS",
    "UNCOUNTED",
    "USAGE_COLUMNS",
    "Places",
    "UsageReading",
    "at",
]
