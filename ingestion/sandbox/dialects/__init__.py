"""The gateways whose files a world can be written in; each tells of the same calls what that gateway knows.

A new one is a module beside these and one line here.
"""

from __future__ import annotations

from ingestion.sandbox.dialects.infery import INFERY
from ingestion.sandbox.dialects.infron import INFRON
from ingestion.sandbox.dialects.litellm import LITELLM
from ingestion.sandbox.dialects.new_api import AISA, TOKENOPEN
from ingestion.sandbox.dialects.openrouter import OPENROUTER
from ingestion.sandbox.dialects.shape import Dialect, Stream

_KNOWN = (INFRON, AISA, TOKENOPEN, INFERY, LITELLM, OPENROUTER)

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in _KNOWN}

__all__ = ["DIALECTS", "Dialect", "Stream"]
