"""The job `restate` only: what `tollbook restate` does, for a person who works in the Dagster UI."""

from datetime import date

import dagster as dg
from pydantic import Field

from dagster_project.books.restating import NotRestatable, Restatement
from dagster_project.defs.resources import HomeResource
from dagster_project.runs.console import LogConsole
from dagster_project.runs.events import ExitCode
from dagster_project.runs.night import nightly
from ingestion.sources import SourcesError

#: How a night ends whose books say what was asked for.
ENDED_WELL = (ExitCode.OK, ExitCode.NEEDS_A_PERSON)


class RestateConfig(dg.Config):
    """The event days to rate again, and why."""

    first_day: str = Field(description="First event day, YYYY-MM-DD.")
    last_day: str = Field(description="Last event day, YYYY-MM-DD, included.")
    reason: str = Field(description="Why, for those who read the books later.")


@dg.op
def rate_days_again(context: dg.OpExecutionContext, config: RestateConfig, tollbook: HomeResource) -> None:
    """Run a night of its own that puts the reason on the days it rates otherwise than before."""
    try:
        first, last = (date.fromisoformat(day) for day in (config.first_day, config.last_day))
        asked = Restatement.of(first, last, config.reason)
        code = nightly(tollbook.home, None, None, LogConsole(context.log), asked)
    except (ValueError, NotRestatable, SourcesError) as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    if code not in ENDED_WELL:
        raise dg.Failure("the night failed; its own run, `nightly`, says why", allow_retries=False)


@dg.job(
    name="restate",
    executor_def=dg.in_process_executor,
    description="Rate open days again, under today's prices and rules; what they said before stays beside it. "
    "Days of a closed month are refused.",
)
def restate() -> None:
    """One op: the night it runs is a run of the job `nightly`."""
    rate_days_again()
