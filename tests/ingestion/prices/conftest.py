"""The installed catalogue written once, homes that have seen some models, and the arithmetic SQL does with
the rows.

`FlatPrices` is written from the rule in `ingestion.prices.flatten`, in plain Decimal, with nothing of the
library in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from ingestion import accepted
from ingestion.home import Home
from ingestion.prices import CatalogueResult, write_catalogue

PER = {"mtok": 10**6, "mchars": 10**6, "kcount": 10**3, "kpages": 10**3, "gpixels": 10**9, "hours": 3600}

FALLBACKS = {
    "cache_read": ("input",),
    "cache_write_5m": ("input",),
    "cache_write_1h": ("cache_write_5m", "input"),
    "input_audio": ("input",),
    "input_image": ("input",),
    "input_video": ("input",),
    "cache_read_audio": ("cache_read", "input_audio", "input"),
    "cache_read_image": ("cache_read", "input_image", "input"),
    "output_reasoning": ("output",),
    "output_audio": ("output",),
    "output_image": ("output",),
    "output_video": ("output",),
    "output_citation": ("output",),
    "input_audio_seconds": ("audio_seconds",),
    "input_annotated_document_pages": ("input_document_pages",),
}
CACHED_TEXT = ("cache_read", "cache_write_5m", "cache_write_1h")


class Bill(NamedTuple):
    """USD; `total` also holds what is neither input nor output (requests, searches, seconds)."""

    input: Decimal
    output: Decimal
    total: Decimal


class FlatPrices:
    """A prices.parquet, ready to price disjoint counts."""

    def __init__(self, path: Path) -> None:
        self.rows: dict[tuple[str, str], list[dict]] = defaultdict(list)
        for row in pl.read_parquet(path).iter_rows(named=True):
            self.rows[row["catalogue_provider"], row["catalogue_model"]].append(row)

    def vector(
        self, provider: str, model: str, at: datetime, input_tokens: int, variant: str = "standard"
    ) -> dict[str, tuple[Decimal, str]] | None:
        """Return token class → (price, unit) at an instant (UTC, no zone); None where free or unknown."""
        active = [
            row
            for row in self.rows[provider, model]
            if row["valid_from"] <= at < row["valid_to"]
            and (row["tod_start"] is None or at.time() >= row["tod_start"])
            and (row["tod_end"] is None or at.time() < row["tod_end"])
        ]
        cell = [row for row in active if row["variant"] == variant] or [
            row for row in active if row["variant"] == "standard"
        ]
        if any(row["is_free_or_unknown"] for row in cell):
            return None
        tier = max(
            row["tier_start"] for row in cell if row["tier_start"] == 0 or input_tokens > row["tier_start"]
        )
        chosen = [row for row in cell if row["tier_start"] == tier]
        vector = {row["token_class"]: (row["price"], row["unit"]) for row in chosen}
        assert len(vector) == len(chosen), "one row per class answers"
        return vector

    def bill(
        self, provider: str, model: str, at: datetime, counts: Mapping[str, int], variant: str = "standard"
    ) -> Bill | None:
        """Price disjoint counts; None where the catalogue has no price."""
        input_tokens = sum(count for name, count in counts.items() if _is_input_token(name))
        vector = self.vector(provider, model, at, input_tokens, variant)
        if vector is None:
            return None
        parts = {"input": Decimal(0), "output": Decimal(0), "": Decimal(0)}
        for name, count in {**counts, "requests": 1}.items():
            billed_as = next((step for step in (name, *FALLBACKS.get(name, ())) if step in vector), None)
            if billed_as:
                price, unit = vector[billed_as]
                parts[_direction(billed_as)] += price * count / PER[unit]
        return Bill(parts["input"], parts["output"], sum(parts.values()))

    def list_bill(self, provider: str, model: str, at: datetime, counts: Mapping[str, int]) -> Bill | None:
        """Price the same usage as the list tier sees it: cached and written text tokens are plain input."""
        rest = {name: count for name, count in counts.items() if name not in CACHED_TEXT}
        cached = sum(counts.get(name, 0) for name in CACHED_TEXT)
        return self.bill(provider, model, at, {**rest, "input": rest.get("input", 0) + cached})


def _is_input_token(name: str) -> bool:
    return name.startswith("cache_") or name in ("input", "input_audio", "input_image", "input_video")


def _direction(name: str) -> str:
    if name.startswith(("input", "cache_")):
        return "input"
    return "output" if name.startswith("output") else ""


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> CatalogueResult:
    """The installed catalogue, written to a home of its own."""
    return write_catalogue(Home(tmp_path_factory.mktemp("catalogue")))


@pytest.fixture(scope="session")
def flat_prices(catalogue: CatalogueResult) -> FlatPrices:
    """The written rows, ready to price with."""
    return FlatPrices(catalogue.path)


@pytest.fixture
def seen(home: Home) -> Callable[..., None]:
    """Accept a load record that names (provider, model) pairs, as landing → raw does."""

    def write(*pairs: tuple[str | None, str], day: str = "2026-11-01") -> None:
        models = [{"event_date": day, "provider": p, "model": m, "events": 1} for p, m in pairs]
        content = {"landing_file": f"gateway/logs/dt={day}/calls.ndjson", "models": models}
        accepted.accept(home, "gateway", [*accepted.of_source(home, "gateway"), content])

    return write


@pytest.fixture
def ruled(home: Home) -> Callable[..., None]:
    """Write a config table as ingestion.config does: rows as dicts, with the file and line they come from."""

    def write(name: str, rows: Sequence[dict[str, str]]) -> None:
        path = home.raw / f"config_{name}" / "config.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            {**row, "config_file": f"{name}.csv", "config_line": line}
            for line, row in enumerate(rows, start=2)
        ]
        pl.DataFrame(lines).write_parquet(path)

    return write
