"""A whole night, end to end: its output, its files, and that killing it changes nothing."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from night_process import night, tollbook

from dagster_project.books.published import published
from dagster_project.runs.instance import open_instance
from dagster_project.sandbox_home import comparisons
from ingestion.home import Home
from ingestion.landing import landed
from ingestion.sandbox import write_world
from ingestion.sandbox.gateways.edge_sources import VANISHING, remove_landing
from ingestion.sources import load_sources

WORLD = {"days": 4, "requests_per_day": 60, "seed": 11}


def test_what_is_found_is_what_was_planted(finished_night) -> None:
    assert [line for line in comparisons(finished_night.home) if not line.agrees] == []


def test_a_night_with_findings_publishes_and_needs_attention(finished_night) -> None:
    """The world holds a malformed line: that is a finding, and findings hold nothing back."""
    finished = finished_night.finished
    assert finished_night.code == 3
    assert finished["workers"] == {"where": None, "tasks": 0}
    assert (finished["exit_code"], finished["published"], finished["changed"]) == (3, True, True)
    assert finished["failed_checks"] == []
    assert any("no line was rejected" in finding for finding in finished["findings"])


def test_what_a_night_writes_is_readable_for_its_user_alone(finished_night) -> None:
    home = finished_night.home
    written = [
        home.published_database,
        *(path for folder in (home.lake, home.raw, home.dagster) for path in folder.rglob("*")),
    ]
    assert [path for path in written if path.stat().st_mode & 0o077] == []


def test_money_is_text_with_every_digit_in_json(finished_night) -> None:
    assert isinstance(finished_night.finished["summary"]["list_cost_usd"], str)
    assert len(finished_night.finished["summary"]["list_cost_usd"].partition(".")[2]) == 12


def test_every_delivered_day_is_a_partition_with_its_numbers(finished_night) -> None:
    with open_instance(finished_night.home) as instance:
        key = dg.AssetKey(["raw", "infron", "logs"])
        assert instance.get_materialized_partitions(key) == {f"2026-08-0{day}" for day in range(3, 7)}
        metadata = instance.get_latest_materialization_event(key).asset_materialization.metadata
    assert metadata["dagster/row_count"].value > 0
    assert {"rejects", "bytes", "seconds"} <= set(metadata)


def test_only_streams_with_a_delivery_are_materialized_day_by_day(finished_night) -> None:
    home = finished_night.home
    delivered = {(file.source.name, file.stream.name) for file in landed(home, load_sources(home))}
    streams = {(source.name, stream) for source in load_sources(home) for stream in source.streams}
    with open_instance(home) as instance:
        asked = {
            stream
            for stream in streams
            if instance.get_materialized_partitions(dg.AssetKey(["raw", *stream]))
        }
    assert streams > delivered == asked


def test_dbt_tests_are_checks_of_their_models(finished_night) -> None:
    with open_instance(finished_night.home) as instance:
        key = dg.AssetKey(["marts", "fct_usage_costs"])
        assert (
            instance.get_latest_materialization_event(key)
            .asset_materialization.metadata["days_rebuilt"]
            .value
        )
        checks = instance.event_log_storage.get_asset_check_summary_records(
            [dg.AssetCheckKey(dg.AssetKey(["marts", "rpt_unpriced_usage"]), "assert_no_usage_is_unpriced")]
        )
    assert next(iter(checks.values())).last_check_execution_record is not None


def test_the_results_of_every_suite_are_published_with_the_night_they_judge(finished_night) -> None:
    """Of the planted faults only the damaged gateway fails a suite: on each of its four days half its lines."""
    with published(finished_night.home) as marts:
        suites = marts.sql("select distinct suite from dq_results order by 1").fetchall()
        failed = marts.sql(
            """
            select expectation, source, count(*), min(observed), bool_and(is_blocking), min(failing_rows)
            from dq_results
            where not passed
            group by all
            """
        ).fetchall()
    assert [name for (name,) in suites] == ["raw_day", "reconciliation_summary", "usage_rollup"]
    [(expectation, source, days, share, blocks, rows)] = failed
    assert (expectation, source, days, share, blocks) == (
        "few_lines_are_rejected",
        "damaged_gateway",
        4,
        0.5,
        True,
    )
    assert '"line": 3, "reason": "malformed_json"' in rows
    assert (finished_night.home.data_docs / "days" / "2026-08-03.html").exists()


def test_a_failed_check_shows_its_rows_in_dagster_and_in_the_output(finished_night) -> None:
    """A held back day, by its lines; a finding, by the first row of the mart that it is about."""
    keys = [
        dg.AssetCheckKey(dg.AssetKey(["raw", "damaged_gateway", "logs"]), "day_looks_like_a_day"),
        dg.AssetCheckKey(dg.AssetKey(["marts", "rpt_source_days"]), "assert_no_line_was_rejected"),
    ]
    with open_instance(finished_night.home) as instance:
        summaries = instance.event_log_storage.get_asset_check_summary_records(keys)
        checks = [
            summaries[key].last_check_execution_record.event.dagster_event.event_specific_data for key in keys
        ]
    gate, finding = [check.metadata["failing_rows"].records[0].data for check in checks]
    assert checks[0].severity == dg.AssetCheckSeverity.ERROR
    assert (gate["line"], gate["reason"]) == (3, "malformed_json")
    assert (finding["source"], finding["stream"]) == ("infron", "logs")
    assert any(
        "1 row, first source infron, stream logs" in found for found in finished_night.finished["findings"]
    )


def test_a_copied_home_reads_nothing_of_the_old_one_and_rebuilds_nothing(
    finished_night, tmp_path: Path, table_hashes
) -> None:
    old, home = finished_night.home, Home(tmp_path / "home")
    shutil.copytree(old.root, home.root)
    for command in (("doctor",), ("reconcile",), ("trace", "gen-1")):
        ended = tollbook(home, *command)
        assert f"was published at {old.root}" in ended.output
        assert ended.code == (3 if command == ("doctor",) else 1)
    ended = night(home)
    assert f"published {home.published_database}: 0 days rebuilt" in ended.output
    assert ended.code == 3
    assert table_hashes(home) == table_hashes(old)
    with published(home) as marts:
        [(views,)] = marts.sql("select string_agg(sql) from duckdb_views() where not internal").fetchall()
    assert str(home.lake) in views
    assert str(old.root) not in views


def test_running_again_changes_nothing_and_reports_it(finished_night, tmp_path: Path, table_hashes) -> None:
    """Not even after a night whose reader went away, `tollbook run --json | head -n 1`: it leaves nothing behind."""
    home = Home(tmp_path / "home")
    shutil.copytree(finished_night.home.root, home.root)
    unread = night(home, "--json", unread=True)
    assert (unread.code, unread.output.count("the output cannot be written")) == (3, 1)
    before, file = table_hashes(home), home.published_database.stat()
    again = night(home)
    assert again.code == 3
    findings = [finding.partition(", first")[0] for finding in finished_night.finished["findings"]]
    assert [finding for finding in findings if f"needs a person: {finding}" not in again.output] == []
    assert "emitted no result" not in again.output
    assert "nothing changed: the published marts are the same as before" in again.output
    after = home.published_database.stat()
    assert (file.st_ino, file.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert table_hashes(home) == before == table_hashes(finished_night.home)
    with open_instance(home) as instance:
        [books, raw] = [record.dagster_run for record in instance.get_run_records(limit=2)]
    selected = {"/".join(key.path) for key in books.asset_selection}
    assert {"publication", "marts/fct_usage_daily"} <= selected
    assert {"marts/fct_traffic_hourly", "intermediate/int_usage_days"}.isdisjoint(selected)
    assert {key.path[0] for key in raw.asset_selection} == {"raw"}
    assert books.job_name == raw.job_name == "nightly"


def test_a_delivery_that_vanishes_is_kept_in_the_books_and_reported(finished_night, tmp_path: Path) -> None:
    """The sandbox takes one of four deliveries of four calls away: a quarter of what its source is known to hold."""
    home = Home(tmp_path / "home")
    shutil.copytree(finished_night.home.root, home.root)
    [gone] = remove_landing(home.root)
    ended = night(home)
    assert ended.code == 3
    assert gone.relative_to(home.landing).as_posix() in ended.output
    with duckdb.connect(str(home.published_database), read_only=True) as marts:
        marts.execute("use tollbook.marts")
        [calls] = marts.sql(f"select count(*) from fct_usage_costs where source = '{VANISHING}'").fetchall()
        [status] = marts.sql(
            f"select held_back_reason from rpt_source_status where source = '{VANISHING}'"
        ).fetchall()
    assert (calls, status) == ((16,), ("vanished",))


def test_a_night_killed_at_any_moment_and_run_again_gives_the_same_marts(
    finished_night, tmp_path: Path, table_hashes
) -> None:
    """Wherever the home is: each sign in its path means something to a shell, a URL, a pattern or a template."""
    home = Home(tmp_path / """it's [a-z] "home" *.é 50% #$HOME {{ 1 }}, {i}""")
    write_world(home.root, **WORLD)
    for moment, signalled in (
        ("after raw__infron__logs", signal.SIGKILL),
        ("terminated during marts.fct_usage_daily", signal.SIGTERM),
        ("terminated after dbt", signal.SIGTERM),
        ("before the rename", signal.SIGKILL),
    ):
        assert night(home, kill=moment).code == -signalled, moment
        assert not home.published_database.exists()
    assert night(home).code == 3
    assert table_hashes(home) == table_hashes(finished_night.home)
    assert not list(home.root.rglob("*tmp-*"))


def test_bad_lines_are_set_aside_and_the_rest_is_published(tmp_path: Path) -> None:
    """Three good calls among nine kinds of damage: three events, each damage in rejects or unpriced."""
    home = Home(tmp_path / "home")
    land(
        home,
        "mixed.ndjson",
        "\ufeff" + call("a"),
        "not json",
        call("b").replace('"prompt_tokens":10', '"prompt_tokens":10,"prompt_tokens":11'),
        call("c").replace('"cost":0.1', '"cost":NaN'),
        call("d").replace('"prompt_tokens":10', '"prompt_tokens":12345678901234567890'),
        call("e", model="nobody/heard-of-it"),
        call("f").replace('"request_id":"f",', ""),
        call("g"),
        call("h")[:60],
    )
    land(home, "empty.ndjson")
    ended = night(home)
    assert ended.code == 3, ended.output
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.published_database}' as books (read_only)")
        events = connection.sql(
            "select request_id, list_cost_usd is null from books.marts.fct_usage_costs order by 1"
        ).fetchall()
        rejects = connection.sql(f"select count(*) from '{home.rejects}/*/*/dt=*/*.parquet'").fetchall()
    assert events == [("a", False), ("e", True), ("g", False)]
    assert rejects == [(6,)]


def test_a_broken_delivery_holds_the_publication_back(tmp_path: Path) -> None:
    """150 of 160 lines are not JSON: more than a few, and more than one in twenty."""
    home = Home(tmp_path / "home")
    land(home, "broken.ndjson", *[call(f"r{number}") for number in range(10)], *["garbage"] * 150)
    for _ in range(2):
        ended = night(home)
        assert ended.code == 3, ended.output
        assert "held back" in ended.output
        assert "reject_share must be at most 0.05, is 0.9375 at 2026-11-02" in ended.output
        assert not home.published_database.exists()


def test_settings_that_cannot_be_used_end_as_a_usage_error(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    land(home, "good.ndjson", call("a"))
    home.config.mkdir()
    (home.config / "discount_rules.csv").write_text("rule_id,factor\nspring,much\n")
    ended = night(home)
    assert ended.code == 2
    assert "discount_rules.csv" in ended.output


def land(home: Home, name: str, *lines: str) -> None:
    folder = home.landing / "infron" / "logs" / "dt=2026-11-02"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(lines), encoding="utf-8")


def call(request_id: str, model: str = "openai/gpt-4o-mini") -> str:
    return (
        f'{{"request_id":"{request_id}","created_at":"2026-11-01T07:21:59.391Z","model":"{model}",'
        '"status":"success","api_key_id":"key_1","workspace_id":"ws_1",'
        '"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"cost":0.1}}'
    )


@pytest.fixture(autouse=True)
def _no_home_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOLLBOOK_HOME", raising=False)
