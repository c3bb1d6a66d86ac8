"""Arguments and exit codes; what needs a whole night is in test_night."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock
from typer.testing import CliRunner

from dagster_project.books.locks import writing
from dagster_project.cli import app, main
from ingestion.home import Home


def tollbook(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_another_run_holding_the_home_ends_with_4_and_names_its_process(home: Home) -> None:
    with writing(home):  # notes the number of this process
        pass
    with FileLock(home.lock_file):
        ended = tollbook("run", "--home", home.root)
    assert ended.exit_code == 4
    assert str(os.getpid()) in ended.stderr


def test_an_impossible_sources_file_ends_with_2_and_what_to_write(home: Home) -> None:
    home.sources_file.write_text("sources: {east: {connector: klingon}}\n")
    ended = tollbook("run", "--home", home.root)
    assert ended.exit_code == 2
    assert "sources.yml: sources.east.connector" in ended.stderr
    assert "infron" in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--from", "yesterday"), ("--from", "2026-11-02", "--to", "2026-11-01"), ("--month", "11")],
    ids=["not a day", "the wrong way round", "no such option"],
)
def test_arguments_that_cannot_be_used_end_with_2(home: Home, arguments: tuple[str, ...]) -> None:
    assert tollbook("run", "--home", home.root, *arguments).exit_code == 2


def test_since_and_until_are_other_names_of_from_and_to(home: Home) -> None:
    ended = tollbook("run", "--home", home.root, "--since", "2026-11-02", "--until", "2026-11-01")
    assert "--from 2026-11-02 is after --to 2026-11-01" in ended.stderr


def test_a_home_that_cannot_be_written_is_reported_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("sys.argv", ["tollbook", "sandbox", "--home", str(tmp_path / "file" / "home")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"{tmp_path / 'file' / 'home'}: Not a directory\n"


def test_a_home_where_none_can_be_ends_with_2_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["tollbook", "run", "--home", str(tmp_path / "what?")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path / 'what?'}: a home's path cannot hold ?: ")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_reported_whatever_failed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of no bytes a file stands in for the full disk, an error of SQLite for what it breaks."""

    def nightly(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("dagster_project.runs.night.nightly", nightly)
    assert isinstance(tollbook("run", "--home", home.root).exception, sqlite3.OperationalError)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        ended = tollbook("run", "--home", home.root)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ended.exit_code == 1
    assert ended.stderr.startswith(f"{home.root} cannot be written: File too large; free space")


def test_a_sandbox_reports_what_it_wrote(tmp_path: Path) -> None:
    ended = tollbook("sandbox", "--home", tmp_path / "h", "--days", 2, "--requests-per-day", 5, "--seed", 3)
    assert ended.exit_code == 0
    assert "2 days" in ended.stdout
    assert json.loads((tmp_path / "h" / "truth.json").read_text())["world"]["days"] == 2


def test_a_sandbox_may_end_yesterday_and_on_no_day_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLLBOOK_TODAY", "2026-03-03")
    small = ("sandbox", "--days", 1, "--requests-per-day", 5, "--home", tmp_path / "home", "--last-day")
    refused = tollbook(*small, "soon")
    assert refused.exit_code == 2
    assert "--last-day soon: write 'yesterday', or a day as 2026-11-30" in refused.stderr
    assert tollbook(*small, "yesterday").exit_code == 0
    assert [day.name for day in (tmp_path / "home" / "landing/infron/logs").iterdir()] == ["dt=2026-03-02"]


def test_a_sandbox_is_not_built_over_somebodys_files(home: Home) -> None:
    home.sources_file.write_text("sources: {}\n")
    ended = tollbook("sandbox", "--home", home.root)
    assert ended.exit_code == 2
    assert "empty home" in ended.stderr


def test_tracing_before_anything_is_published_reports_how_to_publish(home: Home) -> None:
    ended = tollbook("trace", "gen-1", "--home", home.root)
    assert ended.exit_code == 1
    assert "tollbook run" in ended.stderr


@pytest.mark.parametrize(
    "command", [("trace", "r1"), ("reconcile",), ("incidents",), ("doctor",)], ids=" ".join
)
def test_a_home_that_is_not_there_is_named_and_not_made(tmp_path: Path, command: tuple[str, ...]) -> None:
    ended = tollbook(*command, "--home", tmp_path / "nowhere")
    assert ended.exit_code == (3 if command == ("doctor",) else 1)
    assert f"there is no home at {tmp_path / 'nowhere'}" in ended.output
    assert "make one with `tollbook sandbox` or `tollbook run`" in ended.output
    assert not (tmp_path / "nowhere").exists()


def test_tracing_an_unknown_request_reports_it(finished_night) -> None:
    ended = tollbook("trace", "gen-nobody", "--home", finished_night.home.root)
    assert ended.exit_code == 1
    assert "no request 'gen-nobody'" in ended.stderr


def test_a_trace_writes_out_the_bill_its_rule_its_file_and_its_line(finished_night) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{finished_night.home.published_database}' as books (read_only)")
        [(request_id, line)] = connection.sql(
            """
            select request_id, raw_line from books.marts.fct_usage_costs
            where list_cost_usd > 0 and discount_factor < 1 order by request_id limit 1
            """
        ).fetchall()
    ended = tollbook("trace", request_id, "--home", finished_night.home.root)
    assert ended.exit_code == 0
    assert "log      landing/infron/logs/" in ended.stdout
    assert f", line {line}\n" in ended.stdout
    assert ", rule " in ended.stdout
    assert "discount_rules.csv, line " in ended.stdout
    assert "do not add up to" not in ended.stdout
    [event] = json.loads(tollbook("trace", request_id, "--home", finished_night.home.root, "--json").stdout)
    assert event["bill"]["follows"]
    assert event["bill"]["total_usd"] == event["cache_optimized_cost_usd"]
