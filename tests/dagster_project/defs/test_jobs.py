"""Jobs a person launches: a form that is not filled in is refused with what to write, and the work is the command's."""

from __future__ import annotations

import os
from typing import Any

import dagster as dg
import pytest

from dagster_project.defs.closing import close
from dagster_project.defs.exports import export
from dagster_project.defs.resources import HomeResource
from dagster_project.defs.restating import restate
from dagster_project.defs.sandbox import sandbox
from ingestion.home import HOME_VARIABLE, Home


def launched(job: dg.JobDefinition, config: dict[str, Any] | None = None) -> str:
    """Launch a job as the UI does; return why it failed, or nothing."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            run_config=config,
            instance=instance,
            raise_on_error=False,
            resources={"tollbook": HomeResource(root=os.environ[HOME_VARIABLE])},
        )
    failures = [event.event_specific_data for event in result.all_events if event.is_step_failure]
    return failures[0].user_failure_data.description if failures else ""


def filled(op: str, **fields: Any) -> dict[str, Any]:
    return {"ops": {op: {"config": fields}}}


def test_every_job_says_what_it_does_and_what_to_write() -> None:
    for job in (close, sandbox):
        assert job.description
        [op] = job.nodes
        fields = op.definition.config_schema.as_field().config_type.fields
        assert all(field.description for field in fields.values())
    assert restate.description
    assert export.description


def test_a_month_that_is_not_filled_in_is_refused(home: Home) -> None:
    assert launched(close) == "month: 'YYYY-MM' cannot be used; write YYYY-MM, such as 2026-10"
    assert "month: '2026-13' cannot be used" in launched(close, filled("close_month", month="2026-13"))


def test_a_month_that_cannot_be_closed_says_why(home: Home) -> None:
    said = launched(close, filled("close_month", month="2026-08"))
    assert said.endswith("tollbook.duckdb does not exist; `tollbook run` publishes it")


def test_the_sandbox_is_written_into_an_empty_home_and_into_no_other(home: Home) -> None:
    small = filled("write_sandbox", days=1, requests_per_day=5, seed=1)
    assert launched(sandbox, small) == ""
    assert (home.root / "truth.json").exists()


def test_no_sandbox_is_written_beside_files_of_a_gateway(home: Home) -> None:
    (home.landing / "infron" / "logs" / "dt=2026-11-01").mkdir(parents=True)
    (home.landing / "infron" / "logs" / "dt=2026-11-01" / "a.ndjson").write_text("{}\n")
    assert launched(sandbox) != ""
    assert not (home.root / "truth.json").exists()


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLBOOK_TODAY", "2026-11-20")
