"""What a connector of the sandbox is: streams, and how a batch of requests reads in each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingestion.sandbox.world.calls import Call
from ingestion.sandbox.world.day import Batch

Lines = list[str | None]
"""One line per request of a batch; None for requests the stream says nothing of."""


@dataclass(frozen=True)
class LogKind:
    """One kind of file a gateway delivers.

    Attributes:
        name: Folder below the connector's.
        lines: How a batch reads.
        suffix: What file names end in, before `.gz`.
        header: First line of every file, if there is one.
    """

    name: str
    lines: Callable[[Batch], Lines]
    suffix: str = ".ndjson"
    header: str = ""


@dataclass(frozen=True)
class Connector:
    """A gateway's way of telling of calls.

    Attributes:
        settings: What its source needs in sources.yml beside its name.
    """

    name: str
    streams: tuple[LogKind, ...]
    settings: Mapping[str, object] = field(default_factory=dict)


def json_lines(row: Callable[[Call], dict[str, Any] | None]) -> Callable[[Batch], Lines]:
    """Return how a batch reads where every call is an object of its own, or nothing."""

    def lines(batch: Batch) -> Lines:
        found = (row(call) for call in batch.calls)
        return [None if one is None else json.dumps(one, separators=(",", ":")) for one in found]

    return lines
