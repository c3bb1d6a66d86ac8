"""Runs of the Dagster UI are told by sensors, runs of the command line are not told twice."""

from __future__ import annotations

import dagster as dg
import pytest

from dagster_project.defs.alerts import (
    AlertsUndelivered,
    alerts_after_a_failed_night,
    alerts_after_a_night,
    alerts_heartbeat,
)
from dagster_project.defs.resources import HomeResource
from dagster_project.runs.instance import OURS
from ingestion.home import Home
from tests.dagster_project.alerts.conftest import Webhook, incident, publish

pytestmark = [
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def ended(home: Home, instance: dg.DagsterInstance, fails: bool = False, tags: dict | None = None) -> None:
    """Run a job of one step and show the sensor how it ended."""

    @dg.op
    def dbt() -> None:
        if fails:
            raise dg.Failure("1 test failed", allow_retries=False)

    @dg.job
    def nightly() -> None:
        dbt()

    result = nightly.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
    sensor = alerts_after_a_failed_night if fails else alerts_after_a_night
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_event=result.get_run_failure_event() if fails else result.get_run_success_event(),
        dagster_instance=instance,
        dagster_run=result.dagster_run,
    )
    sensor(context, tollbook=HomeResource(root=str(home.root)))


def test_a_run_of_the_ui_that_ends_is_told(home: Home, webhook: Webhook) -> None:
    publish(home, [incident()])
    with dg.instance_for_test() as instance:
        ended(home, instance)
    assert len(webhook.requests) == 1


def test_a_run_of_the_ui_that_fails_is_told_with_its_reason(home: Home, webhook: Webhook) -> None:
    with dg.instance_for_test() as instance:
        ended(home, instance, fails=True)
    [body] = webhook.bodies
    assert body["title"] == "[Tollbook] new, high: the night failed in dbt"
    assert "1 test failed" in body["message"]


def test_a_run_of_the_command_line_is_left_to_itself(home: Home, webhook: Webhook) -> None:
    publish(home, [incident()])
    with dg.instance_for_test() as instance:
        ended(home, instance, tags=OURS)
    assert webhook.requests == []


def test_the_heartbeat_sensor_sends_what_could_not_be_sent(home: Home, webhook: Webhook) -> None:
    publish(home, [incident()])
    webhook.is_down = True
    resource = HomeResource(root=str(home.root))
    with pytest.raises(AlertsUndelivered, match="hook: "):
        alerts_heartbeat(dg.build_sensor_context(), tollbook=resource)
    webhook.is_down = False
    skipped = alerts_heartbeat(dg.build_sensor_context(), tollbook=resource)
    assert "1 message sent" in skipped.skip_message
