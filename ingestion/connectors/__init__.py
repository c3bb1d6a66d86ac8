"""The gateways Tollbook can read. A new one is a data module in this package and one line here."""

from __future__ import annotations

from ingestion.connectors.anthropic import ANTHROPIC
from ingestion.connectors.infery import INFERY
from ingestion.connectors.infron import INFRON
from ingestion.connectors.litellm import LITELLM
from ingestion.connectors.new_api import AISA, NEW_API, ONE_API, TOKENOPEN
from ingestion.connectors.openai import OPENAI
from ingestion.connectors.openrouter import OPENROUTER
from ingestion.streams import Connector, Stream

_KNOWN = (INFRON, AISA, TOKENOPEN, NEW_API, ONE_API, INFERY, LITELLM, OPENROUTER, OPENAI, ANTHROPIC)

CONNECTORS: dict[str, Connector] = {connector.name: connector for connector in _KNOWN}

__all__ = ["CONNECTORS", "Connector", "Stream"]
