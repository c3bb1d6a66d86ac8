"""Nights in which a source is broken, nothing is mounted, and files are meant to be gone: one home, night by night."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from night_process import Ended, night

from ingestion.home import Home

SOURCES = """
sources:
  east: {connector: infron, cadence: none}
  west: {connector: infron, cadence: none}
"""


@dataclass(frozen=True)
class NightResult:
    """A night: how it ended, the state of the books, and whether the published file changed."""

    ended: Ended
    requests: list[tuple[str, int]]
    status: list[tuple]
    replaced: bool

    @property
    def finished(self) -> dict:
        """The last event."""
        return [json.loads(line) for line in self.ended.output.splitlines() if line.startswith("{")][-1]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NightResult]:
    """Five nights.

    good      east and west deliver 20 calls on 2 November
    broken    east is delivered anew, 150 of 160 lines are garbage; west has 5 calls of the next day. Killed between the
              two sources, then made again
    empty     landing/ is not mounted
    accepted  east is delivered well, with a call more; west's first day is gone, and that is meant
    """
    home = Home(tmp_path_factory.mktemp("held-back") / "home")
    home.root.mkdir()
    home.sources_file.write_text(SOURCES)
    results = {}
    land(home, "east", "2026-11-02", 20)
    first = land(home, "west", "2026-11-02", 20)
    results["good"] = run_night(home)
    land(home, "east", "2026-11-02", 10, garbage=150)
    land(home, "west", "2026-11-03", 5)
    assert night(home, kill="after naming west.ndjson").code == -9
    results["broken"] = run_night(home)
    home.landing.rename(home.root / "elsewhere")
    results["empty"] = run_night(home)
    (home.root / "elsewhere").rename(home.landing)
    land(home, "east", "2026-11-02", 21)
    first.unlink()
    results["accepted"] = run_night(home, "--accept-vanished", "west")
    return results


def test_a_good_night_ends_with_0(nights: dict[str, NightResult]) -> None:
    good = nights["good"]
    assert (good.ended.code, good.requests) == (0, [("east", 20), ("west", 20)]), good.ended.output
    assert good.status == [
        ("east", "2026-11-02", False, None),
        ("west", "2026-11-02", False, None),
    ]


def test_a_broken_source_is_held_back_alone_with_its_date(nights: dict[str, NightResult]) -> None:
    broken = nights["broken"]
    assert (broken.ended.code, broken.requests) == (3, [("east", 20), ("west", 25)]), broken.ended.output
    assert broken.status == [
        ("east", "2026-11-02", True, "failed_gate"),
        ("west", "2026-11-03", False, None),
    ]
    assert broken.finished["published"]
    [held] = broken.finished["held_back"]
    assert held.startswith("east: logs: reject_share must be at most 0.05, is 0.9375 at 2026-11-02")
    assert "source    east as of 2026-11-02, held back: failed_gate" in broken.ended.output


def test_a_landing_that_is_not_mounted_replaces_nothing(nights: dict[str, NightResult]) -> None:
    empty = nights["empty"]
    assert (empty.ended.code, empty.replaced, empty.requests) == (3, False, nights["broken"].requests)
    assert "holds no file; mount it again" in empty.ended.output
    assert not empty.finished["published"]


def test_a_repaired_source_and_an_accepted_loss_are_applied(
    nights: dict[str, NightResult],
) -> None:
    accepted = nights["accepted"]
    assert (accepted.ended.code, accepted.requests) == (0, [("east", 21), ("west", 5)]), accepted.ended.output
    assert accepted.status == [
        ("east", "2026-11-02", False, None),
        ("west", "2026-11-03", False, None),
    ]


def test_an_unknown_source_is_a_usage_error(home: Home) -> None:
    home.sources_file.write_text(SOURCES)
    ended = night(home, "--accept-vanished", "north")
    assert ended.code == 2
    assert "--accept-vanished north: no source has this name (known: east, west)" in ended.output


def land(home: Home, source: str, day: str, calls: int, garbage: int = 0) -> Path:
    path = home.landing / source / "logs" / f"dt={day}" / "a.ndjson"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f'{{"request_id":"{source}-{day}-{number}","created_at":"{day}T07:21:59Z","model":"openai/gpt-4o-mini",'
        '"status":"success","api_key_id":"key_1","workspace_id":"ws_1",'
        '"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}'
        for number in range(calls)
    ]
    path.write_text("".join(f"{line}\n" for line in [*lines, *["garbage"] * garbage]))
    return path


def run_night(home: Home, *arguments: str) -> NightResult:
    before = home.published_database.stat().st_ino if home.published_database.exists() else None
    ended = night(home, "--json", *arguments)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.published_database}' as books (read_only)")
        requests = connection.sql(
            "select source, count(*) from books.marts.fct_usage_costs group by source order by source"
        ).fetchall()
        status = connection.sql(
            "select source, as_of_date::varchar, is_held_back, held_back_reason from books.marts.rpt_source_status"
            " order by source"
        ).fetchall()
    return NightResult(ended, requests, status, home.published_database.stat().st_ino != before)
