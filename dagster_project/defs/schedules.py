"""Schedules only: the night starts at 02:00 UTC, over the delivery days that need it, however old they are.

Off until somebody switches it on in the UI: `tollbook run` in a crontab does the same work.
"""

from datetime import UTC, date, timedelta

import dagster as dg

from dagster_project.conversion import pending_days
from dagster_project.defs.jobs import nightly
from dagster_project.defs.resources import HomeResource
from dagster_project.gates import open_days
from dagster_project.usage_apis import days_a_fetch_may_land
from ingestion.home import Home
from ingestion.sources import Source

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
    description="One run over all delivery days that need it, and over the look-back of usage APIs.",
)
def every_night(context: dg.ScheduleEvaluationContext, tollbook: HomeResource) -> dg.RunRequest:
    """Request one run over the days that need it; without any, over yesterday, which costs nothing."""
    moment = context.scheduled_execution_time.astimezone(UTC)
    first, last = days_to_cover(tollbook.home, tollbook.sources, moment.date())
    return dg.RunRequest(run_key=moment.isoformat(), tags=range_tags(first, last))


def days_to_cover(home: Home, sources: list[Source], today: date) -> tuple[date, date]:
    """Return the first and last delivery day a run has to cover.

    However late a file arrives, its content decides: it is unread, so its day is covered. Where a usage API
    is read within the run, its look-back is covered too, because what it lands is not there yet. Days between
    the first and the last that need nothing cost nothing.
    """
    days = pending_days(home, sources) | open_days(home, sources)
    days |= set(days_a_fetch_may_land(home, sources, today))
    days = days or {today - timedelta(days=1)}
    return min(days), max(days)
