"""`tollbook close`: what it refuses, what it keeps, and that a closed month outlives everything but its files."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from night_process import night
from typer.testing import CliRunner

from dagster_project.cli import app
from dagster_project.closing import closed_days, closings
from ingestion.home import Home


def close(home: Home, month: str, *more: str):
    return CliRunner().invoke(app, ["close", "--home", str(home.root), "--month", month, *more])


def restate(home: Home, first: str, last: str, reason: str):
    arguments = ["--home", str(home.root), "--since", first, "--until", last, "--reason", reason]
    return CliRunner().invoke(app, ["restate", *arguments])


@pytest.fixture
def finished(finished_night, tmp_path: Path) -> Home:
    home = Home(tmp_path / "finished")
    shutil.copytree(finished_night.home.root, home.root)
    return home


def test_a_closed_month_is_the_same_after_the_next_night_and_without_its_database(
    finished: Home, table_hashes
) -> None:
    assert night(finished).code == 3  # the copy has paths of its own to publish
    before = table_hashes(finished)
    ended = close(finished, "2026-08")
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.startswith("2026-08 is closed: 4 days")
    again = close(finished, "2026-08")
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
    assert "is gone, and 2026-08 is closed over it" in ended.said


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
