"""Where the usage object of a LiteLLM call names the service tier that served it, in payloads and SpendLogs rows alike.

OpenAI and Anthropic write `service_tier`, Anthropic `speed` beside it, Gemini `trafficType` or `serviceTier`.

Rulings: docs/decisions/pricing.md#pricing-12.
"""

from __future__ import annotations

from ingestion.connectors.litellm.token_counts import USAGE
from ingestion.streams import TEXT, fields

TIER_FIELDS = fields(
    TEXT,
    usage_service_tier=f"{USAGE}.service_tier",
    usage_speed=f"{USAGE}.speed",
    usage_traffic_type=f"{USAGE}.trafficType",
    usage_gemini_tier=f"{USAGE}.serviceTier",
)
TIER_COLUMNS = ("usage_service_tier", "usage_speed", "usage_traffic_type", "usage_gemini_tier")
