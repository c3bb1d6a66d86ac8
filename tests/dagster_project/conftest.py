"""One small world with a finished night, built once for all test processes of a session."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from dagster_project.set_up import set_up
from ingestion.duck import literal
from ingestion.home import Home
from ingestion.sandbox import write_world
from tests.conftest import alone

# Helpers that other processes import, too, are modules of this folder.
sys.path.insert(0, str(Path(__file__).parent))

from night_process import night

WORLD = {"days": 4, "requests_per_day": 60, "seed": 11}


@pytest.fixture(scope="session", autouse=True)
def _set_up() -> None:
    """Prepare what an environment prepares once: homes begin with the build of an empty one."""
    set_up()


@dataclass(frozen=True)
class FinishedNight:
    """A sandbox home after one run: its exit code and its events."""

    home: Home
    code: int
    events: list[dict]

    @property
    def finished(self) -> dict:
        """The last event."""
        return self.events[-1]


@pytest.fixture(scope="session")
def finished_night(session_folder: Path) -> FinishedNight:
    """A night over the small sandbox; tests must not write into this home."""
    home = Home(session_folder / "finished-night" / "home")
    record = session_folder / "finished-night.json"
    with alone(session_folder / "finished-night.lock"):
        if not record.exists():
            write_world(home.root, **WORLD)
            ended = night(home, "--json")
            record.write_text(json.dumps([ended.code, ended.output]))
    code, said = json.loads(record.read_text())
    return FinishedNight(home, code, json_lines(said))


def json_lines(said: str) -> list[dict]:
    """The events in a night's output, which are mixed with plain lines."""
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


@pytest.fixture(scope="session")
def table_hashes():
    """A function: home → an order-independent hash of every published table."""

    def hashes(home: Home) -> dict[str, tuple]:
        with duckdb.connect() as connection:
            connection.execute(f"attach {literal(home.published_database)} as books (read_only)")
            tables = connection.sql(
                "select table_name from information_schema.tables where table_schema = 'marts' order by 1"
            ).fetchall()
            return {
                name: connection.sql(
                    f"select count(*), sum(hash(t::varchar)::hugeint)::varchar from books.marts.{name} as t"
                ).fetchall()[0]
                for (name,) in tables
            }

    return hashes
