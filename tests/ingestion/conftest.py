"""A landing folder to put lines into, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import accepted, load_records
from ingestion.home import Home
from ingestion.landing import pending
from ingestion.load import FileResult, convert, forget_vanished, write_schemas
from ingestion.raw_tables import tables
from ingestion.sources import load_sources

DAY = date(2026, 11, 1)


class Desk:
    """Lands files in a home and reads back rows, rejects and load records."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def land(
        self,
        content: bytes | Iterable[str | dict],
        name: str = "a.ndjson",
        stream: str = "infron/logs",
        day: date = DAY,
    ) -> Path:
        """Write a landing file; lines given as dicts become JSON, and every line gets its newline."""
        if not isinstance(content, bytes):
            lines = (
                line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in content
            )
            content = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
        path = self.home.landing / stream / f"dt={day}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def run(self) -> list[FileResult]:
        """Do what a night does left of dbt, and accept everything."""
        write_schemas(self.home)
        sources = load_sources(self.home)
        done = [convert(self.home, file) for file in pending(self.home, sources)]
        for source, records in accepted.as_landed(self.home, sources).items():
            accepted.accept(self.home, source, records)
        forget_vanished(self.home, sources)
        return done

    def rows(self, table: str = "infron_logs") -> list[dict[str, Any]]:
        """Return the rows that count, by file and line."""
        found = []
        for content in self.records():
            if content["table"] == table and content["raw_file"]:
                found += self.parquet(
                    "select * exclude (file_row_number)"
                    " replace (coalesce(raw_line, file_row_number + first_line) as raw_line)"
                    f" from read_parquet('{self.home.raw / content['raw_file']}', file_row_number = true,"
                    " hive_partitioning = false) order by raw_line"
                )
                assert list(found[-1]) == [name for name, _ in tables()[table]]
        return found

    def rejects(self) -> list[dict[str, Any]]:
        """Return the rejected lines, by file and line."""
        return self.parquet(
            f"select * from read_parquet('{self.home.rejects}/**/*.parquet', hive_partitioning = false)"
            " order by all"
        )

    def reasons(self) -> dict[int, str]:
        """Return the reason of each rejected line."""
        return {reject["raw_line"]: reject["reason"] for reject in self.rejects()}

    def records(self) -> list[dict[str, Any]]:
        """Return all load records; every one balances."""
        found = [content for _, content in load_records.every(self.home)]
        for content in found:
            assert content["lines"] == content["events"] + content["rejects"] + content["blank_lines"]
        return found

    def record(self) -> dict[str, Any]:
        """Return the only load record."""
        (content,) = self.records()
        return content

    def files(self) -> dict[str, bytes]:
        """Return every file below raw/ and rejects/ with its bytes."""
        folders = (self.home.raw, self.home.rejects)
        paths = (path for folder in folders for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(self.home.root).as_posix(): path.read_bytes() for path in sorted(paths)}

    @staticmethod
    def parquet(query: str) -> list[dict[str, Any]]:
        """Run a query and return its rows as dicts."""
        with duckdb.connect() as connection:
            result = connection.sql(query)
            return [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]


@pytest.fixture
def desk(home: Home) -> Desk:
    """An empty home behind a desk."""
    return Desk(home)


@pytest.fixture(scope="session")
def call() -> Callable[..., dict[str, Any]]:
    """Build an Infron call; keyword arguments replace top-level fields, `usage` entries are merged in."""

    def build(number: int = 1, usage: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        record = {
            "request_id": f"gen-{number:06}",
            "created_at": "2026-11-01T07:21:59.391Z",
            "model": "anthropic/claude-sonnet-4-5",
            "status": "success",
            "api_key_id": "key_12",
            "workspace_id": "ws_3",
            "member_id": None,
            "stream": True,
            "processing_ms": 1834,
            "http_status": 200,
            "error": None,
            "usage": {
                "prompt_tokens": 5124,
                "completion_tokens": 316,
                "total_tokens": 5440,
                "prompt_tokens_details": {"cached_tokens": 524, "cache_write_tokens": 66, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 25},
                "cost": 0.00169348,
                "cost_details": {"prompt_cost": 0.0012, "discount_rate": 0.9, "is_byok": False},
                **(usage or {}),
            },
            "list_price": 0.0023,
            "discounted_price": 0.00207,
            "cache_optimized_price": 0.00169348,
        }
        return {**record, **changes}

    return build
