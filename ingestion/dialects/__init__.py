"""The gateways Tollbook can read. A new one is a module of data beside these and one line here."""

from __future__ import annotations

from ingestion.dialects.anthropic import ANTHROPIC
from ingestion.dialects.infery import INFERY
from ingestion.dialects.infron import INFRON
from ingestion.dialects.litellm import LITELLM
from ingestion.dialects.new_api import AISA, NEW_API, ONE_API, TOKENOPEN
from ingestion.dialects.openai import OPENAI
from ingestion.dialects.openrouter import OPENROUTER
from ingestion.dialects.shape import Dialect, Stream

_KNOWN = (INFRON, AISA, TOKENOPEN, NEW_API, ONE_API, INFERY, LITELLM, OPENROUTER, OPENAI, ANTHROPIC)

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in _KNOWN}

__all__ = ["DIALECTS", "Dialect", "Stream"]
