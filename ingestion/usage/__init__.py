"""How a usage object is read: where counts stand, whatever the shape, and which classes of tokens they are.

    fields of a record ─► places: every name a quantity has ─► reading: one SQL expression a class

A connector says in which shapes and under which path its records carry usage; what comes out has the same columns
for every gateway. The laws and the table of decisions are in docs/reading-usage.md.
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
