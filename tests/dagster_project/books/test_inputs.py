"""The content of every dbt source: which files it is made of, and which change it."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from dagster_project.books.inputs import source_contents
from dagster_project.dbt_runner.project import project
from ingestion.home import Home

FOUND_ON = date(2026, 11, 1)
LOGS, RESPONSES = "raw.infron_logs", "raw.infron_responses"


@pytest.fixture
def filled(home: Home) -> Home:
    """A home with an accepted file of Infron, a setting, and a Stripe object."""
    write(home, "raw/infron_logs/schema.parquet", "columns")
    write(home, "raw/accepted/infron.ndjson", record("infron_logs", "a") + record("infron_responses", "b"))
    write(home, "raw/config_currencies/config.parquet", "content")
    write(home, "raw/stripe_charges/dt=2026-11-01/a.parquet", "content")
    return home


def write(home: Home, file: str, text: str) -> None:
    path = home.root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def record(table: str, content: str) -> str:
    return json.dumps({"table": table, "raw_file": f"{table}/{content}.parquet"}) + "\n"


def contents(home: Home, found_on: date = FOUND_ON) -> dict[str, str]:
    """The content of every source of the project, by group and table."""
    found = source_contents(home, project().manifest_json["sources"], found_on)
    return {".".join(name.split(".")[2:]): content for name, content in found.items()}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("file", "text", "sources"),
    [
        ("raw/accepted/infron.ndjson", record("infron_logs", "c") + record("infron_responses", "b"), {LOGS}),
        ("raw/accepted/other.ndjson", record("infron_responses", "d"), {RESPONSES}),
        ("raw/infron_logs/schema.parquet", "other columns", {LOGS}),
        ("raw/config_currencies/config.parquet", "other content", {"raw.config_currencies"}),
        ("raw/stripe_charges/dt=2026-11-01/b.parquet", "content", {"raw.stripe_charges"}),
        ("raw/stripe_charges/dt=2026-11-01/a.parquet", "longer content", {"raw.stripe_charges"}),
        ("lake/closings/2026-10.json", "{}", {"books.closings"}),
        ("lake/restatements/r.json", "{}", {"books.restatements"}),
        (
            "lake/rpt_restated_requests/event_date=2026-11-01/r_0.parquet",
            "",
            {"books.restated_requests"},
        ),
        ("lake/dq_results/raw_day/a.parquet", "", {"raw.dq_results"}),
    ],
)
def test_a_file_changes_the_sources_it_is_of(filled: Home, file: str, text: str, sources: set[str]) -> None:
    before = contents(filled)
    write(filled, file, text)
    assert changed(before, contents(filled)) - {"raw.load_records"} == sources


def test_a_raw_file_counts_once_its_load_record_is_accepted(filled: Home) -> None:
    before = contents(filled)
    write(filled, "raw/infron_logs/dt=2026-11-01/new.parquet", "not accepted yet")
    assert contents(filled) == before


def test_the_same_content_written_again_is_the_same(filled: Home) -> None:
    before = contents(filled)
    write(filled, "raw/config_currencies/config.parquet", "content")
    assert contents(filled) == before


def test_unfinished_work_of_a_dead_process_is_no_input(filled: Home) -> None:
    before = contents(filled)
    write(filled, "raw/stripe_charges/.tmp-1/a.parquet", "half")
    write(filled, "raw/config_currencies/.tmp-2.parquet", "half")
    assert contents(filled) == before


def test_another_day_of_the_run_changes_what_depends_on_the_day_alone(filled: Home) -> None:
    assert changed(contents(filled), contents(filled, FOUND_ON + timedelta(1))) == {"books.run"}
