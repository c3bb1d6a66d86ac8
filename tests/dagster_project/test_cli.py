"""Arguments and exit codes; what needs a whole night is in test_night."""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from dagster_project.cli import app
from ingestion.home import Home


def tollbook(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_another_run_holding_the_home_ends_with_4_and_names_its_process(home: Home) -> None:
    with home.writer_lock():
        ended = tollbook("run", "--home", home.root)
    assert ended.exit_code == 4
    assert str(os.getpid()) in ended.stderr


def test_a_sources_file_that_says_something_impossible_ends_with_2_and_what_to_write(home: Home) -> None:
    home.sources_file.write_text("sources: {east: {dialect: klingon}}\n")
    ended = tollbook("run", "--home", home.root)
    assert ended.exit_code == 2
    assert "sources.yml: sources.east.dialect" in ended.stderr
    assert "infron" in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--from", "yesterday"), ("--from", "2026-11-02", "--to", "2026-11-01"), ("--month", "11")],
    ids=["not a day", "the wrong way round", "no such option"],
)
def test_arguments_nobody_can_use_end_with_2(home: Home, arguments: tuple[str, ...]) -> None:
    assert tollbook("run", "--home", home.root, *arguments).exit_code == 2


def test_since_and_until_are_other_names_of_from_and_to(home: Home) -> None:
    ended = tollbook("run", "--home", home.root, "--since", "2026-11-02", "--until", "2026-11-01")
    assert "--from 2026-11-02 is after --to 2026-11-01" in ended.stderr


def test_a_sandbox_says_what_it_wrote(tmp_path: Path) -> None:
    ended = tollbook("sandbox", "--home", tmp_path / "h", "--days", 2, "--requests-per-day", 5, "--seed", 3)
    assert ended.exit_code == 0
    assert "2 days" in ended.stdout
    assert json.loads((tmp_path / "h" / "truth.json").read_text())["world"]["days"] == 2


def test_a_sandbox_is_not_built_over_somebodys_files(home: Home) -> None:
    home.sources_file.write_text("sources: {}\n")
    ended = tollbook("sandbox", "--home", home.root)
    assert ended.exit_code == 2
    assert "empty home" in ended.stderr


def test_tracing_before_anything_is_published_says_how_to_publish(home: Home) -> None:
    ended = tollbook("trace", "gen-1", "--home", home.root)
    assert ended.exit_code == 1
    assert "tollbook run" in ended.stderr


def test_tracing_an_unknown_request_says_so(finished_night) -> None:
    ended = tollbook("trace", "gen-nobody", "--home", finished_night.home.root)
    assert ended.exit_code == 1
    assert "no request 'gen-nobody'" in ended.stderr


def test_a_trace_writes_out_the_bill_its_rule_its_file_and_its_line(finished_night) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{finished_night.home.marts_database}' as books (read_only)")
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
    assert "do not come to" not in ended.stdout
    [event] = json.loads(tollbook("trace", request_id, "--home", finished_night.home.root, "--json").stdout)
    assert event["bill"]["follows"]
    assert event["bill"]["total_usd"] == event["cache_optimized_cost_usd"]
