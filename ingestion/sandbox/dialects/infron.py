"""Infron: every column of the truth. The lines themselves are put together in infron_log.py, whole columns
at a time, because this is the dialect worlds of millions are written in.
"""

from __future__ import annotations

from ingestion.sandbox.day import Batch
from ingestion.sandbox.dialects.shape import Dialect, Lines, Stream
from ingestion.sandbox.infron_log import lines


def _lines(batch: Batch) -> Lines:
    return list(lines(batch.world, batch.seed, batch.rows, batch.charged))


INFRON = Dialect("infron", (Stream("logs", _lines),))
