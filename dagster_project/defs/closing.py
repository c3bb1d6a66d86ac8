"""The job `close` only: `tollbook close` in the Dagster UI.

Rulings: docs/decisions/closing.md#closing-1.
"""

import dagster as dg
from pydantic import Field

from dagster_project.books import closing
from dagster_project.books.locks import writing
from dagster_project.clock import today
from dagster_project.defs.launch_form import first_day_of_month
from dagster_project.defs.resources import HomeResource
from dagster_project.reports.closing_objections import objections
from dagster_project.runs.names import CLOSE


class CloseConfig(dg.Config):
    """The month to close."""

    month: str = Field(description="The month, such as 2026-10. It must be over and published.")
    force: bool = Field(
        default=False, description="Close in spite of unread deliveries or missing days; the record says so."
    )


@dg.op(description="Keep the days of a month as they are published; what changes later becomes adjustments.")
def close_month(context: dg.OpExecutionContext, config: CloseConfig, tollbook: HomeResource) -> None:
    """Close a month, or say why it cannot be closed."""
    month = f"{first_day_of_month(config.month, 'month'):%Y-%m}"
    try:
        with writing(tollbook.home):
            closed, is_new = closing.close(tollbook.home, month, today(), objections, force=config.force)
    except closing.NotClosable as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    for line in closing.summary_lines(closed, is_new):
        context.log.info(line)


@dg.job(
    name=CLOSE,
    executor_def=dg.in_process_executor,
    config={"ops": {"close_month": {"config": {"month": "YYYY-MM", "force": False}}}},
    description="Close a month: its days are never rewritten; later changes become adjustments. Write the month, like "
    "2026-10. It is refused while deliveries are unread or held back, or days are missing, unless `force` is true.",
)
def close() -> None:
    """Close a month."""
    close_month()
