"""Alerts only: sensors that send the alerts of runs started in the UI, and of a missing run.

They are on by default and send nothing without a channel. Runs of `tollbook run` are left out: they send their own.

Rulings: docs/decisions/alerts.md#alerts-4.
"""

import dagster as dg

from dagster_project.alerts.delivery import Outcome, send_alerts
from dagster_project.defs.resources import HomeResource
from dagster_project.runs.events import night_of
from dagster_project.runs.instance import OURS

ON = dg.DefaultSensorStatus.RUNNING


class AlertsUndelivered(RuntimeError):
    """A message was not sent; the next evaluation tries again."""


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    default_status=ON,
    description="Sends the alerts of a run that succeeded.",
)
def alerts_after_a_night(context: dg.RunStatusSensorContext, tollbook: HomeResource) -> None:
    """Send the alerts of a run that succeeded."""
    _send_alerts_of(context, tollbook)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.FAILURE,
    default_status=ON,
    description="Sends the alerts of a run that failed or was held back.",
)
def alerts_after_a_failed_night(context: dg.RunStatusSensorContext, tollbook: HomeResource) -> None:
    """Send the alerts of a run that failed."""
    _send_alerts_of(context, tollbook)


@dg.sensor(
    minimum_interval_seconds=1800,
    default_status=ON,
    description="Sends an alert if no run has finished in time, and what could not be sent before.",
)
def alerts_heartbeat(context: dg.SensorEvaluationContext, tollbook: HomeResource) -> dg.SkipReason:
    """Check that a run has finished in time."""
    return dg.SkipReason(_checked(send_alerts(tollbook.home)))


def _send_alerts_of(context: dg.RunStatusSensorContext, tollbook: HomeResource) -> None:
    if OURS.items() <= context.dagster_run.tags.items():
        return
    facts = night_of(context.instance.all_logs(context.dagster_run.run_id)).facts()
    context.log.info(_checked(send_alerts(tollbook.home, facts)))


def _checked(outcome: Outcome) -> str:
    """Return the outcome as text; raise if a message was not sent."""
    if outcome.undelivered:
        raise AlertsUndelivered("\n".join(outcome.undelivered))
    return "\n".join(outcome.lines()) or outcome.stale or "nothing to send"
