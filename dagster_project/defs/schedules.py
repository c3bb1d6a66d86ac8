"""Schedules only: the nightly run starts at 02:00 UTC, over the delivery days that need it, however old.

Off until switched on in the UI; `tollbook run` in a crontab does the same.
"""

from datetime import UTC, timedelta

import dagster as dg

from dagster_project.defs.jobs import nightly
from dagster_project.defs.resources import HomeResource
from dagster_project.runs.planner import plan, range_tags


@dg.schedule(
    name="every_night",
    cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    job=nightly,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="One run over all delivery days that need it, and over the look-back of usage APIs.",
)
def every_night(context: dg.ScheduleEvaluationContext, tollbook: HomeResource) -> dg.RunRequest:
    """Request one run over the days that need it; without any, over yesterday, which costs nothing."""
    moment = context.scheduled_execution_time.astimezone(UTC)
    days = plan(tollbook.home, tollbook.sources, fetching_on=moment.date()).days
    days = days or (moment.date() - timedelta(days=1),)
    return dg.RunRequest(run_key=moment.isoformat(), tags=range_tags(days[0], days[-1]))
