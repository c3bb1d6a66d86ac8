"""One small world for the tests of the sandbox, read back independently of the sandbox's code."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.sandbox import Truth, write_world

DAYS, REQUESTS_PER_DAY, SEED = 33, 120, 7


@dataclass(frozen=True)
class World:
    """A sandbox on disk and its truth."""

    home: Path
    truth: Truth

    def lines(self) -> list[tuple[str, str]]:
        """Every log line as (file, text), in order of delivery."""
        out = []
        for path in sorted((self.home / "landing/infron/logs").glob("dt=*/*")):
            with gzip.open(path, "rt", encoding="utf-8") as handle:
                name = path.relative_to(self.home).as_posix()
                out += [(name, line.rstrip("\n")) for line in handle]
        return out

    def latest_rows(self) -> list[dict[str, Any]]:
        """The last delivered version of each request, numbers as Decimal; damaged lines left out."""
        damaged = {fault.subject for fault in self.truth.of_kind("malformed_line")}
        rows, number, current = {}, 0, ""
        for name, line in self.lines():
            number = number + 1 if name == current else 1
            current = name
            if f"{name}:{number}" not in damaged:
                row = json.loads(line, parse_float=Decimal)
                rows[row["request_id"]] = row
        return list(rows.values())


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world of 33 days, long enough for every kind of fault."""
    home = tmp_path_factory.mktemp("world")
    return World(home, write_world(home, DAYS, REQUESTS_PER_DAY, SEED))
