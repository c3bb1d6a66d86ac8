"""The job `sandbox` only: `tollbook sandbox` in the Dagster UI."""

import dagster as dg
from pydantic import Field

from dagster_project.books.locks import writing
from dagster_project.defs.resources import HomeResource
from dagster_project.runs.names import SANDBOX
from dagster_project.sandbox_home import NotWritable
from dagster_project.sandbox_home import write_sandbox as write


class SandboxConfig(dg.Config):
    """The size of the world."""

    days: int = Field(default=30, ge=1, description="How many days.")
    requests_per_day: int = Field(default=5000, ge=1, description="Requests a day, on average.")
    seed: int = Field(default=1, description="The same seed gives the same world.")


@dg.op(description="Write a synthetic world with known faults into the home; truth.json lists them.")
def write_sandbox(context: dg.OpExecutionContext, config: SandboxConfig, tollbook: HomeResource) -> None:
    """Write the world, or say why this home cannot have one."""
    try:
        with writing(tollbook.home):
            written = write(tollbook.home, config.days, config.requests_per_day, config.seed)
    except NotWritable as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    context.log.info(written)
    context.log.info("reload the definitions to see its sources, then launch the job nightly over its days")


@dg.job(
    name=SANDBOX,
    executor_def=dg.in_process_executor,
    config={"ops": {"write_sandbox": {"config": {"days": 30, "requests_per_day": 5000, "seed": 1}}}},
    description="Write a synthetic world with known faults into a home that has none of its own data.",
)
def sandbox() -> None:
    """Write the sandbox."""
    write_sandbox()
