"""Schedules only: the night starts at 02:00 UTC, over exactly the delivery days that need it.

Off until somebody switches it on in the UI: `tollbook run` in a crontab does the same work.
"""

from datetime import UTC, date, timedelta

import dagster as dg

from dagster_project.conversion import pending_days
from dagster_project.defs.jobs import nightly
from dagster_project.defs.resources import HomeResource
from dagster_project.gates import open_days

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def range_tags(first: date, last: date) -> dict[str, str]:
    """Return the tags that make one run cover all days from `first` to `last`."""
    return {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}


@dg.schedule(
    name="every_night",
    cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    job=nightly,
    default_status=dg.DefaultScheduleStatus.STOPPED,
)
def every_night(context: dg.ScheduleEvaluationContext, tollbook: HomeResource) -> dg.RunRequest:
    """Request one run over the pending days; without any, over yesterday, which costs nothing."""
    moment = context.scheduled_execution_time.astimezone(UTC)
    days = pending_days(tollbook.home, tollbook.sources) | open_days(tollbook.home, tollbook.sources)
    days = days or {moment.date() - timedelta(days=1)}
    return dg.RunRequest(run_key=moment.isoformat(), tags=range_tags(min(days), max(days)))
