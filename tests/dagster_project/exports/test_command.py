"""`tollbook export`: options that do not fit, exit codes, and the list of reports."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dagster_project.cli import app
from dagster_project.exports import writing
from ingestion.home import Home

DAYS = ("--from", "2026-11-01", "--to", "2026-11-02")


def tollbook(home: Home, *arguments: object):
    return CliRunner().invoke(app, ["export", *map(str, arguments), "--home", str(home.root)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["usage", "--group-by", "keys", *DAYS], "write model, key, member, group, workspace, source, day"),
        (["usage", "--group-by", "key,key", *DAYS], "names one thing twice"),
        (["requests", "--group-by", "key", *DAYS], "--group-by sums usage"),
        (
            ["invoices", "--member", "m", *DAYS],
            "--member does not narrow invoices; it has --source, --workspace",
        ),
        (["focus", "--status", "success", *DAYS], "--status does not narrow focus"),
        (["usage", "--from", "2026-12-01", "--to", "2026-11-02"], "swap them"),
        (["usage", "--from", "2026-12-01"], "give the first and the last day"),
        ([*DAYS], "name one report: usage, requests, invoices, infery, infron, aisa, tokenopen, focus"),
        (["usage", "--report", "variances", *DAYS], "name one report"),
        (["--report", "nonsense", *DAYS], "no report is called 'nonsense'; there are month_by_workspace"),
        (["usage", "--format", "xlsx", *DAYS], "a.csv would be xlsx in a file called .csv; write a.xlsx"),
    ],
)
def test_options_that_do_not_fit_report_what_to_write(
    marts_home: Home, tmp_path: Path, arguments: list[str], message: str
) -> None:
    ended = tollbook(marts_home, *arguments, "--out", tmp_path / "a.csv")
    assert ended.exit_code == 2
    assert message in ended.output
    assert not (tmp_path / "a.csv").exists()


def test_without_a_file_the_command_names_one(marts_home: Home) -> None:
    ended = tollbook(marts_home, "usage", *DAYS)
    assert (ended.exit_code, "--out usage.csv" in ended.output) == (2, True)


def test_a_written_export_ends_with_0_and_names_its_manifest(marts_home: Home, tmp_path: Path) -> None:
    ended = tollbook(marts_home, "usage", "--workspace", "ws_1", *DAYS, "--out", tmp_path / "a.csv")
    assert ended.exit_code == 0
    assert "wrote 1 row of usage, 2026-11-01 to 2026-11-02, workspace ws_1, to " in ended.output
    assert (tmp_path / "a.csv.manifest.json").exists()


def test_an_empty_selection_says_which_days_there_are_and_ends_with_3(
    marts_home: Home, tmp_path: Path
) -> None:
    out = tmp_path / "a.csv"
    out.write_text("before")
    ended = tollbook(marts_home, "usage", "--from", "2026-10-01", "--to", "2026-10-02", "--out", out)
    assert ended.exit_code == 3
    assert (
        "no rows of usage for 2026-10-01 to 2026-10-02; it has rows from 2026-11-01 to 2026-11-02"
        in ended.output
    )
    assert out.read_text() == "before"


def test_without_a_publication_the_export_reports_how_to_get_one(tmp_path: Path) -> None:
    ended = tollbook(Home(tmp_path), "usage", *DAYS, "--out", tmp_path / "a.csv")
    assert ended.exit_code == 1
    assert "tollbook run" in ended.output


def test_a_terminal_shows_rows_and_rows_per_second(marts_home: Home, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from dagster_project.cli import main; main()", "export", "usage", *DAYS]
    command += ["--group-by", "key", "--home", str(marts_home.root), "--out", str(tmp_path / "a.xlsx")]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "3/3" in shown
    assert "rows/s" in shown
    assert ended.stdout.startswith("wrote 3 rows of usage")


@pytest.mark.parametrize("stopped", [KeyboardInterrupt(), RuntimeError("Query interrupted")])
def test_a_stopped_export_ends_with_130_and_leaves_nothing(
    marts_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: BaseException
) -> None:
    def stop(*_: object) -> None:
        raise stopped

    monkeypatch.setattr(writing, "describe", stop)
    ended = tollbook(marts_home, "usage", *DAYS, "--out", tmp_path / "a.csv")
    assert ended.exit_code == 130
    assert "stopped; nothing was written" in ended.output
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_mart_that_an_older_publication_lacks_is_named(marts_home: Home, tmp_path: Path) -> None:
    ended = tollbook(marts_home, "focus", *DAYS, "--out", tmp_path / "a.csv")
    assert ended.exit_code == 2
    assert "focus_cost_and_usage" in ended.output
    assert "`tollbook run` publishes the marts of this version" in ended.output


def test_the_list_names_built_in_and_saved_reports(marts_home: Home) -> None:
    marts_home.reports.mkdir()
    (marts_home.reports / "mine.yml").write_text(
        "name: mine\nmeaning: my own\nmart: fct_usage_daily\nday: event_date\ncolumns: [requests]\n"
    )
    ended = tollbook(marts_home, "--list")
    assert ended.exit_code == 0
    assert "infery " in ended.output
    assert "variances" in ended.output
    assert "my own (reports/mine.yml)" in ended.output
