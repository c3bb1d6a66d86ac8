"""A connector of the sandbox: its streams, and the lines of a batch of requests in each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingestion.sandbox.world.calls import Call
from ingestion.sandbox.world.day import Batch

Lines = list[str | None]
"""One line per request of a batch; None for requests that the stream omits."""


@dataclass(frozen=True)
class LogKind:
    """One kind of file a gateway delivers.

    Attributes:
        name: Folder below the connector's.
        lines: Returns the lines of a batch.
        suffix: End of file names, before `.gz`.
        header: First line of every file, if there is one.
    """

    name: str
    lines: Callable[[Batch], Lines]
    suffix: str = ".ndjson"
    header: str = ""


@dataclass(frozen=True)
class Connector:
    """A gateway's way of writing calls.

    Attributes:
        settings: Settings of its source in sources.yml.
    """

    name: str
    streams: tuple[LogKind, ...]
    settings: Mapping[str, object] = field(default_factory=dict)


def json_lines(row: Callable[[Call], dict[str, Any] | None]) -> Callable[[Batch], Lines]:
    """Return a function that writes every call of a batch as a JSON object, or omits it."""

    def lines(batch: Batch) -> Lines:
        found = (row(call) for call in batch.calls)
        return [None if one is None else json.dumps(one, separators=(",", ":")) for one in found]

    return lines
