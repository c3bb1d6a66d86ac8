"""Results in Dagster: severity by what is held back, failing rows as a table, a link to the Data Docs."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import dagster as dg
import pytest

from dagster_project.defs.check_results import suite_result, table
from dagster_project.quality.results import Verdict
from ingestion.home import Home
from tests.dagster_project.quality.kept_results import RESULT

WARNING = replace(RESULT, expectation="volume_is_usual", is_blocking=False, failing_rows=None, observed=0.1)


@pytest.mark.parametrize(
    ("result", "severity"),
    [(RESULT, dg.AssetCheckSeverity.ERROR), (WARNING, dg.AssetCheckSeverity.WARN)],
)
def test_what_holds_back_is_an_error_and_the_rest_warns(home: Home, result, severity) -> None:
    check = suite_result("day", Verdict(1, [result]), [result], home)
    assert (check.passed, check.severity) == (False, severity)
    assert check.metadata["data_docs"].value == (home.data_docs / "index.html").as_uri()


def test_failing_rows_are_a_table_with_their_day_and_expectation(home: Home) -> None:
    check = suite_result("day", Verdict(1, [RESULT]), [RESULT, WARNING], home)
    rows = [record.data for record in check.metadata["failing_rows"].records]
    assert rows[0] == {
        "day": "2026-11-02",
        "source": "east",
        "expectation": "few_lines_are_rejected",
        "file": "a.ndjson",
        "line": 3,
        "reason": "malformed_json",
        "observed": None,
    }
    assert (rows[1]["expectation"], rows[1]["observed"]) == ("volume_is_usual", 0.1)
    assert check.description.startswith(
        "reject_share must be at most 0.05, is 0.5 at 2026-11-02 (file a.ndjson"
    )


def test_a_suite_that_passed_has_no_table(home: Home) -> None:
    check = suite_result("day", Verdict(3), [], home)
    assert (check.passed, "failing_rows" in check.metadata) == (True, False)


def test_money_in_a_row_keeps_every_digit() -> None:
    [record] = table([{"cost_usd": Decimal("0.100000000001")}])["failing_rows"].records
    assert record.data == {"cost_usd": "0.100000000001"}
