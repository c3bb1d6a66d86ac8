"""`tollbook close`: what it refuses, what it keeps, and that a closed month outlives everything but its files."""

from __future__ import annotations

import json
import shutil
import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from night_process import job, night, tollbook
from typer.testing import CliRunner

from dagster_project.books.closing import closed_days, closings
from dagster_project.books.publishing import publish, queries
from dagster_project.books.restating import records
from dagster_project.cli import app
from dagster_project.dbt_runner.project import project
from ingestion.home import Home


# One source of the sandbox is held back, so its month is closed with --force.
def close(home: Home, month: str, *more: str):
    return CliRunner().invoke(app, ["close", "--home", str(home.root), "--month", month, *more])


def restate(home: Home, first: str, last: str, reason: str):
    arguments = ["--home", str(home.root), "--since", first, "--until", last, "--reason", reason]
    return CliRunner().invoke(app, ["restate", *arguments])


@pytest.fixture
def finished(finished_night, tmp_path: Path) -> Home:
    """A copy of the finished night, published where it is."""
    return copied(finished_night.home, tmp_path / "finished")


def copied(home: Home, root: Path) -> Home:
    shutil.copytree(home.root, root)
    publish(Home(root), project().marts, queries())
    return Home(root)


def test_a_closed_month_is_the_same_after_the_next_night_and_without_its_database(
    finished: Home, table_hashes
) -> None:
    before = table_hashes(finished)
    ended = close(finished, "2026-08", "--force")
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.startswith("2026-08 is closed: 4 days")
    again = close(finished, "2026-08", "--force")
    assert (again.exit_code, "nothing changed" in again.stdout) == (0, True)
    late = restate(finished, "2026-07-30", "2026-08-01", "a new contract")
    assert (late.exit_code, "closed: 2026-08;" in late.output) == (2, True)
    assert restate(finished, "2026-09-02", "2026-09-01", "a new contract").exit_code == 2
    assert restate(finished, "2026-09-01", "2026-09-02", " ").exit_code == 2
    [closing] = closings(finished)
    first, last = datetime(2026, 7, 30).date(), datetime(2026, 8, 2).date()
    assert [str(day) for day in closed_days(finished, first, last)] == ["2026-08-01", "2026-08-02"]
    finished.build_database.unlink()
    assert night(finished).code == 3
    assert table_hashes(finished) == before
    assert all((finished.lake / file).exists() for file in closing.files)
    (finished.lake / sorted(closing.files)[0]).unlink()
    ended = night(finished)
    assert ended.code == 1
    assert "is gone, and 2026-08 is closed over it" in ended.output


def test_a_closing_killed_at_any_step_and_made_again_is_the_undisturbed_one(
    finished: Home, finished_night, tmp_path: Path, table_hashes
) -> None:
    """The ledger of credits is named first and the record last, so half a closing is none."""
    undisturbed = copied(finished, tmp_path / "undisturbed")
    assert tollbook(undisturbed, "close", "--month", "2026-08", "--force").code == 0
    for moment in (
        "before naming .credits.parquet",
        "after naming .credits.parquet",
        "before naming 2026-08.json",
    ):
        ended = tollbook(finished, "close", "--month", "2026-08", "--force", kill=moment)
        assert ended.code == -signal.SIGKILL, (moment, ended.output)
        assert closings(finished) == [], moment
    ended = tollbook(finished, "close", "--month", "2026-08", "--force", kill="after naming 2026-08.json")
    assert ended.code == -signal.SIGKILL, ended.output
    assert "nothing changed" in tollbook(finished, "close", "--month", "2026-08", "--force").output
    [closing], [wanted] = closings(finished), closings(undisturbed)
    assert replace(closing, closed_at=wanted.closed_at) == wanted
    assert wanted.credits is not None
    ended = night(finished)
    assert ended.code == 3, ended.output
    assert table_hashes(finished) == table_hashes(finished_night.home)
    assert not list(finished.root.rglob("*tmp-*"))


def test_days_are_restated_from_the_dagster_ui_as_from_the_command_line(finished: Home) -> None:
    """A rule of 0.5 for everybody changes all four days; the reason stands on the two that were asked for."""
    (finished.config / "discount_rules.csv").write_text(
        "rule_id,workspace_id,kind,factor,valid_from,valid_to,reason\nhalf,,contract,0.5,2026-08-01,,signed late\n"
    )
    asked = {"first_day": "2026-08-01", "last_day": "2026-08-04", "reason": "signed late"}
    for refused, why in (
        ({"first_day": "August"}, "Invalid isoformat string"),
        ({"first_day": "2026-08-09"}, "swap them"),
        ({"reason": " "}, "write why"),
    ):
        ended = job(finished, "restate", {"ops": {"dbt": {"config": {"restate": asked | refused}}}})
        assert (ended.code, why in ended.output) == (1, True), ended.output
    assert records(finished) == []
    ended = job(finished, "restate", {"ops": {"dbt": {"config": {"restate": asked}}}})
    assert ended.code == 0, ended.output
    assert "restated 2 days" in ended.output
    assert {record["event_date"]: record.get("reason") for record in records(finished)} == {
        **dict.fromkeys(("2026-08-03", "2026-08-04"), "signed late"),
        **dict.fromkeys(("2026-08-05", "2026-08-06")),
    }


def test_a_month_that_cannot_be_closed_says_why(finished: Home, home: Home) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    ended = close(finished, month)
    assert (ended.exit_code, "is not over" in ended.output) == (2, True)
    assert close(finished, "August").exit_code == 2
    ended = close(home, "2026-08")
    assert (ended.exit_code, "`tollbook run` publishes it" in ended.output) == (3, True)
    unread = finished.landing / "infron/logs/dt=2026-08-20/late.ndjson"
    unread.parent.mkdir()
    unread.write_text("{}\n")
    ended = close(finished, "2026-08")
    assert (ended.exit_code, "1 delivery day not read yet" in ended.output) == (3, True)
    ended = close(finished, "2026-08", "--force")
    assert (ended.exit_code, "in spite of: 1 delivery day not read yet" in ended.output) == (0, True)
    [record] = (finished.lake / "closings").glob("*.json")
    assert json.loads(record.read_bytes())["accepted"] == closings(finished)[0].accepted != []
