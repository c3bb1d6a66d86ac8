"""Exports of a night: what config/exports.yml asks for, what is kept, and that a failure fails nothing else.

Rulings: docs/decisions/exports.md#exports-5.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from dagster_project.defs.exports import monthly_exports, nightly_exports
from dagster_project.defs.resources import HomeResource
from dagster_project.exports.reports import ExportError
from dagster_project.exports.scheduled import schedule, write_monthly, write_nightly
from dagster_project.runs.events import ExitCode, night_of
from ingestion.home import Home

# Dagster reads pydantic models in a way pydantic has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

EXPORTS = """\
nightly:
  - {report: usage, group_by: [key], days: 2, formats: [parquet, csv]}
  - {report: usage, name: successes, filters: {status: [success]}}
monthly:
  - {report: usage, group_by: [day], formats: [parquet]}
"""


def ask(home: Home, text: str) -> None:
    home.config.mkdir(exist_ok=True)
    home.scheduled_exports.write_text(text)


def written_below(home: Home) -> list[str]:
    return sorted(str(path.relative_to(home.exports)) for path in home.exports.rglob("*") if path.is_file())


def test_without_the_file_nothing_is_written(marts_home: Home) -> None:
    for written in (write_nightly(marts_home), write_monthly(marts_home)):
        assert (written.files, written.failures) == ([], [])
    assert not marts_home.exports.exists()


def test_a_night_writes_the_last_days_in_every_format(marts_home: Home) -> None:
    """Two days by key: 7 + 3 + 5 = 15 requests; successes of the last day: 4 + 5 = 9."""
    ask(marts_home, EXPORTS)
    written = write_nightly(marts_home)
    folder = marts_home.exports / "nightly" / "2026-11-02"
    assert written_below(marts_home) == [
        f"nightly/2026-11-02/{name}{suffix}"
        for name in ("successes.parquet", "usage.csv", "usage.parquet")
        for suffix in ("", ".manifest.json")
    ]
    assert pl.read_parquet(folder / "usage.parquet")["requests"].sum() == 15
    assert pl.read_parquet(folder / "successes.parquet")["requests"].sum() == 9
    assert (written.rewritten, written.failures) == (3, [])


def test_a_month_is_written_when_it_is_over_or_when_asked_for(marts_home: Home) -> None:
    """The last day with usage is 2 November: October is over, and has no rows; November is asked for."""
    ask(marts_home, EXPORTS)
    assert write_monthly(marts_home).files == []
    write_monthly(marts_home, date(2026, 11, 1))
    frame = pl.read_parquet(marts_home.exports / "monthly" / "2026-11" / "usage.parquet")
    assert frame["requests"].to_list() == [5, 10]


def test_files_of_the_same_publication_are_kept(marts_home: Home) -> None:
    ask(marts_home, EXPORTS)
    assert write_nightly(marts_home).rewritten == 3
    again = write_nightly(marts_home)
    assert (len(again.files), again.rewritten) == (3, 0)
    with duckdb.connect(str(marts_home.published_database)) as marts:
        marts.execute("update meta.publication set publication_id = 'p2'")
    assert write_nightly(marts_home).rewritten == 3


def test_leftovers_of_a_killed_night_are_removed(marts_home: Home) -> None:
    ask(marts_home, EXPORTS)
    left = marts_home.exports / "nightly" / "2026-11-01" / ".tmp-1.csv"
    left.parent.mkdir(parents=True)
    left.touch()
    write_nightly(marts_home)
    assert not left.exists()


def test_a_file_that_was_cut_short_is_written_again(marts_home: Home) -> None:
    ask(marts_home, EXPORTS)
    write_nightly(marts_home)
    target = marts_home.exports / "nightly" / "2026-11-02" / "usage.csv"
    target.write_text("requests\n")
    assert write_nightly(marts_home).rewritten == 1
    assert (
        json.loads(target.with_name("usage.csv.manifest.json").read_text())["bytes"] == target.stat().st_size
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nightly: [{report: usge}]", "config/exports.yml:1: nightly[0].report: 'usge' is not a report"),
        (
            "nightly:\n  - {report: usage, days: 0}",
            "config/exports.yml:2: nightly[0].days: it should be greater than 0",
        ),
        (
            "nightly: [{report: usage, group_by: [keys]}]",
            "yml:1: nightly[0].group_by: --group-by 'keys' is unknown",
        ),
        (
            "monthly: [{report: focus, group_by: [key]}]",
            "yml:1: monthly[0].group_by: --group-by sums usage; focus",
        ),
        (
            "monthly:\n- report: focus\n  filters:\n    member: [m]",
            "yml:4: monthly[0].filters.member: 'member' is not",
        ),
        ("weekly: []", "config/exports.yml:1: weekly: is not a key that is known here"),
        ("monthly:\n  - report: usage\n    formats: [xls]", "config/exports.yml:3: monthly[0].formats[0]"),
        (
            "monthly:\n  - {report: usage}\n  - {report: usage}",
            "exports.yml:3: monthly[1]: two exports are called usage",
        ),
    ],
)
def test_a_fault_of_the_file_is_named_with_line_and_key(marts_home: Home, text: str, message: str) -> None:
    ask(marts_home, text)
    with pytest.raises(ExportError) as raised:
        schedule(marts_home)
    assert message in str(raised.value)
    assert message in write_nightly(marts_home).failures[0]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def run(
    home: Home, asset: dg.AssetsDefinition, instance: dg.DagsterInstance, config: dict | None = None
) -> dg.ExecuteInProcessResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dg.materialize(
            [asset],
            instance=instance,
            resources={"tollbook": HomeResource(root=str(home.root))},
            run_config={"ops": {asset.op.name: {"config": config}}} if config else None,
            raise_on_error=False,
        )


def test_a_failed_export_is_a_finding_of_a_night_that_succeeded(
    marts_home: Home, instance: dg.DagsterInstance
) -> None:
    """`focus` needs a mart that this home lacks; the export after it is written all the same."""
    ask(marts_home, "nightly:\n  - {report: focus}\n  - {report: usage}\n")
    ended = run(marts_home, nightly_exports, instance)
    assert ended.success
    [check] = ended.get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    night = night_of(instance.all_logs(ended.run_id))
    [finding] = night.findings
    assert finding.startswith(
        "exports/nightly: every export was written: focus.parquet: focus: the published marts"
    )
    assert night.code == ExitCode.NEEDS_A_PERSON
    assert (marts_home.exports / "nightly" / "2026-11-02" / "usage.parquet").exists()


def test_statements_that_fail_are_a_finding_too(marts_home: Home, instance: dg.DagsterInstance) -> None:
    ask(marts_home, "statements: true")
    ended = run(marts_home, monthly_exports, instance)
    assert ended.success
    [check] = ended.get_asset_check_evaluations()
    assert "statements: the published marts do not have what it needs" in check.description


def test_without_an_export_there_is_no_materialization_and_the_check_passes(
    marts_home: Home, instance: dg.DagsterInstance
) -> None:
    ended = run(marts_home, nightly_exports, instance)
    assert ended.success
    assert ended.get_asset_materialization_events() == []
    assert [check.passed for check in ended.get_asset_check_evaluations()] == [True]


def test_the_files_are_the_metadata_of_the_materialization(
    marts_home: Home, instance: dg.DagsterInstance
) -> None:
    ask(marts_home, EXPORTS)
    ended = run(marts_home, nightly_exports, instance)
    [event] = ended.get_asset_materialization_events()
    metadata = event.materialization.metadata
    assert (metadata["files"].value, metadata["written"].value) == (3, 3)
    assert Path(metadata["folder"].value) == marts_home.exports / "nightly" / "2026-11-02"


def test_a_day_that_cannot_be_used_says_what_to_write(marts_home: Home, instance: dg.DagsterInstance) -> None:
    ended = run(marts_home, monthly_exports, instance, {"month": "August"})
    assert not ended.success
    [failure] = ended.get_step_failure_events()
    said = failure.step_failure_data.user_failure_data.description
    assert said == "month: 'August' cannot be used; write YYYY-MM, such as 2026-10, or leave it empty"
