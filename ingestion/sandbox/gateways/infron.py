"""Infron: every column of the truth. The lines themselves are put together in infron_log.py, whole columns
at a time, because this is the connector worlds of millions are written in.
"""

from __future__ import annotations

from ingestion.sandbox.gateways.infron_log import lines
from ingestion.sandbox.gateways.shape import Connector, Lines, LogKind
from ingestion.sandbox.world.day import Batch


def _lines(batch: Batch) -> Lines:
    return list(lines(batch.world, batch.seed, batch.rows, batch.charged))


INFRON = Connector("infron", (LogKind("logs", _lines),))
