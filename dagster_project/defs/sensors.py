"""Sensors only: process files that land during the day without waiting for the night.

Off until switched on in the UI. The cursor is a hash of all names, sizes and times, so one delivery requests one run. A
failed run is not requested again until something new lands; the nightly run retries it.
"""

import hashlib
from datetime import UTC, datetime

import dagster as dg

from dagster_project.defs.jobs import nightly
from dagster_project.defs.resources import HomeResource
from dagster_project.runs.planner import plan
from dagster_project.steps.conversion import pending_days
from ingestion.home import Home
from ingestion.landing import landed
from ingestion.sources import Source


@dg.sensor(
    name="landing_changed",
    job=nightly,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Starts the night's job when files have landed or changed, over their delivery days.",
)
def landing_changed(
    context: dg.SensorEvaluationContext, tollbook: HomeResource
) -> dg.SensorResult | dg.SkipReason:
    """Request one run over the days of new and changed files."""
    sources = tollbook.sources
    seen = content(tollbook.home, sources)
    if seen == context.cursor:
        return dg.SkipReason("nothing has landed since the last look")
    if not pending_days(tollbook.home, sources):
        context.update_cursor(seen)
        return dg.SkipReason("everything that landed has been read")
    covered = plan(tollbook.home, sources, fetching_on=datetime.now(UTC).date())
    request = dg.RunRequest(run_key=seen, tags=covered.tags())
    return dg.SensorResult(run_requests=[request], cursor=seen)


def content(home: Home, sources: list[Source]) -> str:
    """Return names, sizes and times of everything that landed as a hash."""
    found = hashlib.sha256()
    for file in landed(home, sources):
        stat = file.path.lstat()
        found.update(f"{file.relative(home)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return found.hexdigest()
