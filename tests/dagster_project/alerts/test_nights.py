"""What a night says of itself: failures, checks, sources, and the night that did not come."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from dagster_project.alerts.delivery import send_alerts
from dagster_project.alerts.nights import NightFacts
from dagster_project.books.publishing import confirm
from dagster_project.clock import STALE_AFTER
from ingestion.home import Home
from tests.dagster_project.alerts.conftest import Webhook, publish

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

FINE = NightFacts(is_published=True)


def test_a_failed_night_is_told_once_until_a_night_is_published_again(home: Home, webhook: Webhook) -> None:
    failed = NightFacts(is_published=False, failed=[("dbt", "disk full")])
    for night in (failed, failed, FINE, FINE, failed):
        send_alerts(home, night)
    assert webhook.titles == [
        "[Tollbook] new, high: the night failed in dbt",
        "[Tollbook] resolved, high: the night failed in dbt",
        "[Tollbook] new, high: the night failed in dbt",
    ]
    assert len(set(webhook.ids)) == 3


def test_a_night_held_back_is_told_with_the_checks_that_held_it_back(home: Home, webhook: Webhook) -> None:
    checks = ["marts/fct_usage_costs: unique: 3 rows"]
    night = NightFacts(is_published=False, failed_checks=checks)
    send_alerts(home, night)
    send_alerts(home, NightFacts(is_published=False, failed_checks=["marts/fct_usage_costs: unique: 4 rows"]))
    assert sorted(webhook.titles) == [
        "[Tollbook] new, high: check failed: marts/fct_usage_costs: unique",
        "[Tollbook] new, high: the night is held back: the marts are those of an earlier night",
    ]


def test_a_check_that_did_not_run_is_not_told_as_well(home: Home, webhook: Webhook) -> None:
    """A night that fails before the check says nothing of it."""
    send_alerts(home, NightFacts(is_published=False, failed_checks=["marts/a: unique: 1 row"]))
    before = len(webhook.requests)
    send_alerts(home, NightFacts(is_published=False, failed=[("raw", "no disk")]))
    assert [title for title in webhook.titles[before:] if "resolved" in title] == []


def test_findings_and_sources_are_told_by_what_they_are_about(home: Home, webhook: Webhook) -> None:
    """The held-back source is high and comes at once; finding and API come in the digest, once."""
    for rows in (5, 6):
        send_alerts(
            home,
            NightFacts(
                is_published=True,
                findings=[f"marts/rpt_unpriced_usage: assert no usage is unpriced: {rows} rows"],
                held_back=[f"aisa: {rows} files unread; wait for the next night"],
                not_fetched=["infery: HTTP 503"],
            ),
        )
    assert webhook.titles == [
        "[Tollbook] new, high: source held back: aisa",
        "[Tollbook] 2026-11-04: 2 new, 1 still open",
    ]


def test_a_missing_night_is_told_once_and_resolved_by_the_next(home: Home, webhook: Webhook) -> None:
    publish(home)
    confirm(home, "p")
    confirmed = datetime.fromisoformat(json.loads(home.confirmation.read_text())["vouched_at"])
    assert send_alerts(home, now=confirmed + STALE_AFTER).stale == ""
    late = confirmed + STALE_AFTER + timedelta(seconds=1)
    for _ in range(2):
        assert send_alerts(home, now=late).stale.startswith("no night has finished in time")
    send_alerts(home, FINE)
    assert [title.partition(", ")[0] for title in webhook.titles] == ["[Tollbook] new", "[Tollbook] resolved"]


def test_a_home_without_deliveries_misses_no_night(home: Home, webhook: Webhook) -> None:
    assert send_alerts(home, now=datetime.now(UTC)).stale == ""
    home.landing.mkdir()
    assert "never" in send_alerts(home, now=datetime.now(UTC)).stale


def test_what_a_step_says_is_told_without_secrets(home: Home, webhook: Webhook) -> None:
    said = "401 for https://user:pw12345@host with sk-live-0123456789abcdef"
    send_alerts(home, NightFacts(is_published=False, failed=[("raw__aisa__logs", said)]))
    [body] = webhook.bodies
    assert "[secret]" in body["message"]
    assert "sk-live" not in body["message"]
    assert "pw12345" not in body["message"]
    assert not [path for path in home.alerts.rglob("*.json") if "sk-live" in path.read_text()]
