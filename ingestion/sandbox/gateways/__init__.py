"""The gateways in whose formats a world can be written; each writes the same calls with the fields of that gateway.

A new one is a module in this package and one line here.
"""

from __future__ import annotations

from ingestion.sandbox.gateways.infery import INFERY
from ingestion.sandbox.gateways.infron import INFRON
from ingestion.sandbox.gateways.litellm import LITELLM
from ingestion.sandbox.gateways.new_api import AISA, TOKENOPEN
from ingestion.sandbox.gateways.openrouter import OPENROUTER
from ingestion.sandbox.gateways.shape import Connector, LogKind

_KNOWN = (INFRON, AISA, TOKENOPEN, INFERY, LITELLM, OPENROUTER)

CONNECTORS: dict[str, Connector] = {connector.name: connector for connector in _KNOWN}

__all__ = ["CONNECTORS", "Connector", "LogKind"]
