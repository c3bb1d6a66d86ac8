"""The exit code and summary of a night's events, without running one."""

from __future__ import annotations

import pytest

from dagster_project.runs.events import ExitCode, Night
from dagster_project.runs.night import _verdict
from ingestion.home import Home


@pytest.mark.parametrize(
    ("night", "code"),
    [
        (Night(published=True, replaced=True), ExitCode.OK),
        (Night(published=True, findings=["unpriced"]), ExitCode.NEEDS_A_PERSON),
        (Night(published=True, unread_sources=["aisa: HTTP 503"]), ExitCode.NEEDS_A_PERSON),
        (Night(failed_steps={"dbt": "…"}, failed_checks=["unique"]), ExitCode.NEEDS_A_PERSON),
        (Night(failed_steps={"dbt": "disk full"}), ExitCode.FAILED),
        (Night(failed_steps={"raw__config": "…"}, usage_errors=["…"]), ExitCode.USAGE),
    ],
    ids=[
        "all well",
        "a finding",
        "an API away",
        "a failed check",
        "a failure",
        "unusable settings",
    ],
)
def test_the_exit_code_of_every_outcome(night: Night, code: ExitCode) -> None:
    assert night.code == code


def test_what_is_held_back_is_reported_with_what_stays(home: Home) -> None:
    night = Night(failed_steps={"dbt": "…"}, failed_checks=["unique"])
    assert "held back: 1 failed check; nothing is published yet" in _verdict(home, night)
    home.published_database.touch()
    assert "the last publication stays" in _verdict(home, night)


def test_a_night_that_changed_nothing_is_reported_as_such(home: Home) -> None:
    assert "nothing changed" in _verdict(home, Night(published=True))
