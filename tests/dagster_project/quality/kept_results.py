"""A result that failed, for tests of what is kept and shown."""

from __future__ import annotations

from dagster_project.quality.results import Result

RESULT = Result(
    suite="raw_day",
    suite_version=1,
    expectation="few_lines_are_rejected",
    source="east",
    stream="logs",
    day="2026-11-02",
    observed=0.5,
    expected="reject_share must be at most 0.05",
    passed=False,
    is_blocking=True,
    failing_rows='[{"file": "a.ndjson", "line": 3, "reason": "malformed_json"}]',
    content="c",
)
