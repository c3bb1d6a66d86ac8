"""Infron: every column of the truth. infron_log.py builds the lines column by column, because worlds of millions of
requests are written with this connector.
"""

from __future__ import annotations

from ingestion.sandbox.gateways.infron_log import lines
from ingestion.sandbox.gateways.shape import Connector, Lines, LogKind
from ingestion.sandbox.world.day import Batch


def _lines(batch: Batch) -> Lines:
    return list(lines(batch.world, batch.seed, batch.rows, batch.charged))


INFRON = Connector("infron", (LogKind("logs", _lines),))
