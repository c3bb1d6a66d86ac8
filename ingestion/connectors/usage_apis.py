"""The usage APIs Tollbook can read, by the `kind` of a source's `api:` settings."""

from __future__ import annotations

from ingestion.connectors.anthropic import usage_api as anthropic
from ingestion.connectors.infery import usage_api as infery
from ingestion.connectors.litellm import usage_api as litellm
from ingestion.connectors.new_api import usage_api as new_api
from ingestion.connectors.openai import usage_api as openai
from ingestion.connectors.openrouter import usage_api as openrouter
from ingestion.usage_apis.feed import UsageApi

USAGE_APIS: dict[str, UsageApi] = {
    "infery": infery,
    "new_api": new_api,
    "openrouter": openrouter,
    "litellm": litellm,
    "openai": openai,
    "anthropic": anthropic,
}
