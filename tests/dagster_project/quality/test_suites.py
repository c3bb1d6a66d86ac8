"""The suites as data: every expectation can fail and can pass, and no change goes without a new version."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dagster_project.quality.data_docs import SUITES
from dagster_project.quality.suites import Expectation, Suite
from dagster_project.quality.validation import NotValidated, validate

DOCUMENT = Path(__file__).parents[3] / "docs" / "quality.md"
SETTINGS = {"reject_threshold": 0.05}
EVERY = [
    pytest.param(suite, expectation, id=f"{suite.name}.{expectation.name}")
    for suite in SUITES
    for expectation in suite.expectations
]
#: A change to a suite is a new version: raise it, then write the new digest here.
DIGESTS = {
    ("raw_day", 1): "bf1229f5016b17d9",
    ("usage_rollup", 1): "6c0b30f4becde4e1",
    ("reconciliation_summary", 1): "5a56ded2c523351d",
}


@pytest.mark.parametrize(("suite", "expectation"), EVERY)
def test_an_expectation_passes_at_its_limits_and_fails_beyond_them(
    suite: Suite, expectation: Expectation
) -> None:
    """Rows at the limits, a row without a value, then one row beyond each limit."""
    least, most = expectation.limits(SETTINGS)
    fine = [limit for limit in (least, most) if limit is not None]
    bad = ([least - 0.01] if least is not None else []) + ([most + 0.01] if most is not None else [])
    alone = Suite(suite.name, suite.version, suite.subject, suite.holds_back, [expectation])
    profile = [{expectation.column: value} for value in (*fine, None, *bad)]
    passed = [validation.passed for validation in validate(alone, profile, SETTINGS)]
    assert passed == [True] * (len(fine) + 1) + [False] * len(bad)
    assert bad


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_a_changed_suite_has_a_new_version(suite: Suite) -> None:
    digest = hashlib.sha256(repr(suite.expectations).encode()).hexdigest()[:16]
    assert DIGESTS[suite.name, suite.version] == digest


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_names_are_unique_and_the_document_lists_them(suite: Suite) -> None:
    names = [expectation.name for expectation in suite.expectations]
    assert len(names) == len(set(names))
    said = DOCUMENT.read_text(encoding="utf-8")
    assert [name for name in [suite.name, *names] if f"`{name}`" not in said] == []


def test_values_that_cannot_be_compared_are_an_error_and_not_a_pass() -> None:
    suite = Suite("odd", 1, "", "", [Expectation("odd", "value", "", least=2, most=1)])
    with pytest.raises((NotValidated, ValueError)):
        list(validate(suite, [{"value": 1}]))


def test_limits_in_words() -> None:
    assert Expectation("a", "b", "", least=0, most=0).demand({}) == "must be 0"
    assert Expectation("a", "b", "", least=0.25, most=4).demand({}) == "must be at least 0.25 and at most 4"
    assert Expectation("a", "b", "", most=999_999_999).demand({}) == "must be at most 999,999,999"
    assert Expectation("a", "b", "", setting="reject_threshold").demand(SETTINGS) == "must be at most 0.05"
