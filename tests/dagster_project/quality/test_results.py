"""Kept results: the same judgement changes no file, and another replaces what it judged."""

from __future__ import annotations

from dataclasses import replace

from dagster_project.quality import results
from dagster_project.quality.suites.raw_day import RAW_DAY
from ingestion.home import Home
from tests.dagster_project.quality.kept_results import RESULT


def test_what_is_kept_is_read_back(home: Home) -> None:
    nothing = replace(RESULT, source=None, stream=None, observed=None, failing_rows=None, passed=True)
    results.keep(home, RAW_DAY, "east.logs", [RESULT])
    results.keep(home, RAW_DAY, "other", [nothing])
    assert results.read(home, RAW_DAY, "east.logs") == [RESULT]
    assert results.read_all(home) == [nothing, RESULT]
    assert results.read(home, RAW_DAY, "never") == []


def test_keeping_the_same_results_again_does_not_touch_the_file(home: Home) -> None:
    later = replace(RESULT, day="2026-11-03")
    results.keep(home, RAW_DAY, "east.logs", [RESULT, later])
    [path] = home.dq_results.glob("*/*.parquet")
    before = path.stat().st_ino
    results.keep(home, RAW_DAY, "east.logs", [later, RESULT])
    assert path.stat().st_ino == before
    results.keep(home, RAW_DAY, "east.logs", [replace(RESULT, observed=0.6), later])
    assert path.stat().st_ino != before


def test_a_sentence_says_what_was_expected_and_seen_and_the_first_rows() -> None:
    later = replace(RESULT, day="2026-11-03")
    assert results.sentences([RESULT, later]) == [
        "reject_share must be at most 0.05, is 0.5 at 2026-11-02 (file a.ndjson, line 3, reason malformed_json), "
        "and 1 more"
    ]
