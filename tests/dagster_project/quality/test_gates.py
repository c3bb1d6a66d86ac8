"""The gate of raw data: a day's profile, what is judged again, and what is kept of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from dagster_project.quality import gates, profiles, results
from dagster_project.quality.results import Result
from dagster_project.quality.suites.raw_day import RAW_DAY
from ingestion.home import Home
from ingestion.landing import pending
from ingestion.load import convert, write_schemas
from ingestion.sources import Source

INFRON = Source(name="infron", connector="infron")
LOGS = "logs"
FIXTURES = Path(__file__).parents[2] / "fixtures"


def land(home: Home, *lines: str, day: str = "2026-11-02", source: Source = INFRON) -> None:
    folder = home.landing / "infron" / "logs" / f"dt={day}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.ndjson").write_text("\n".join(lines) + "\n")
    read(home, source)


def read(home: Home, source: Source = INFRON) -> None:
    write_schemas(home)
    for file in pending(home, [source]):
        convert(home, file)


def call(number: int, at: str = "2026-11-01T07:21:59.391Z", status: str = "success") -> str:
    return (
        f'{{"request_id":"r{number}","created_at":"{at}","model":"openai/gpt-4o","status":"{status}",'
        '"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}'
    )


def profile(home: Home, source: Source = INFRON, stream: str = LOGS) -> dict:
    [day] = profiles.measure(home, source, stream, gates._days(home, source, stream)).values()
    return day.counts


def failed(home: Home) -> list[tuple[str, str]]:
    """Expectations that were not met, with their day."""
    kept = results.read(home, RAW_DAY, "infron.logs")
    return [(result.expectation, result.day) for result in kept if not result.passed]


def test_a_good_day_profiles_clean(home: Home) -> None:
    land(home, *[call(number) for number in range(5)])
    row = profile(home)
    assert (row["unaccounted_lines"], row["row_gap"], row["null_ids"], row["reject_share"]) == (0, 0, 0, 0)
    assert (row["odd_status_share"], row["odd_time_share"], row["max_tokens"]) == (0, 0, 15)


@pytest.mark.parametrize(("bad", "share"), [(100, 0.0), (101, 101 / 201)])
def test_a_few_bad_lines_are_a_finding_and_many_are_a_broken_delivery(
    home: Home, bad: int, share: float
) -> None:
    land(home, *[call(number) for number in range(100)], *["garbage"] * bad)
    assert profile(home)["reject_share"] == share


@pytest.mark.parametrize(("bad", "passes"), [(1, True), (2, True), (3, False)])
def test_a_source_may_set_its_own_limit_for_rejected_lines(home: Home, bad: int, passes: bool) -> None:
    """More than one line and more than a tenth: 1 of 19 is one line, 2 of 20 is a tenth, 3 of 21 is more."""
    strict = Source(name="infron", connector="infron", reject_threshold=0.1, reject_minimum_lines=1)
    land(home, *[call(number) for number in range(18)], *["garbage"] * bad)
    assert gates.judge_raw(home, strict, LOGS).passed is passes


def test_a_time_read_in_the_wrong_unit_is_odd_and_a_late_row_is_not(home: Home) -> None:
    """One of four rows is of the year 2091."""
    land(home, call(1), call(2), call(3, at="2025-01-01T00:00:00Z"), call(4, at="2091-01-20T00:00:00Z"))
    assert profile(home)["odd_time_share"] == 0.25
    [result] = gates.judge_raw(home, INFRON, LOGS).failures
    assert result.rows == [
        {"file": "infron/logs/dt=2026-11-02/a.ndjson", "line": 4, "occurred_at": "2091-01-20 00:00:00"}
    ]


def test_every_layout_of_a_stream_is_judged(home: Home) -> None:
    """One call as NDJSON, one in the console's CSV; both tables are read for the one day."""
    land(home, call(1))
    console = home.landing / "infron" / "logs" / "dt=2026-11-02" / "b.csv"
    header = [field.path for field in INFRON.reader.stream("logs", "b.csv").fields if field.mandatory]
    values = {"request_id": "r2", "created_at": "2026-11-01T07:21:59Z", "model": "openai/gpt-4o"}
    console.write_text(
        ",".join(header) + "\n" + ",".join(values.get(name, "success") for name in header) + "\n"
    )
    read(home)
    row = profile(home)
    assert (row["row_gap"], row["unaccounted_lines"]) == (0, 0)


@pytest.mark.parametrize(
    ("connector", "stream", "fixture"),
    [
        ("aisa", "logs", "new_api/items.ndjson"),
        ("litellm", "spend_logs", "litellm/spend_logs.ndjson"),
    ],
)
def test_a_table_that_several_formats_end_in_is_counted_once(
    home: Home, connector: str, stream: str, fixture: str
) -> None:
    source = Source(name=connector, connector=connector)
    folder = home.landing / connector / stream / "dt=2026-11-02"
    folder.mkdir(parents=True)
    (folder / "a.ndjson").write_bytes((FIXTURES / fixture).read_bytes())
    read(home, source)
    row = profile(home, source, stream)
    assert (row["row_gap"], row["unaccounted_lines"]) == (0, 0)


def test_sums_among_calls_are_judged_without_a_time_of_their_own(home: Home) -> None:
    """Infery answers calls and sums at one address: two calls, then a page of sums by key."""
    source = Source(name="infery", connector="infery")
    folder = home.landing / "infery" / "usage_api" / "dt=2026-11-02"
    folder.mkdir(parents=True)
    for name in ("usage_api.json", "usage_api_grouped.json"):
        (folder / name).write_bytes((FIXTURES / "infery" / name).read_bytes())
    read(home, source)
    days = gates._days(home, source, "usage_api")
    assert {file["table"] for file in days["2026-11-02"]} == {"infery_usage_api", "infery_usage_api_grouped"}
    row = profile(home, source, "usage_api")
    assert (row["row_gap"], row["unaccounted_lines"], row["odd_time_share"]) == (0, 0, 0)


def test_an_empty_file_is_a_day_without_rows_and_not_a_failure(home: Home) -> None:
    (home.landing / "infron" / "logs" / "dt=2026-11-02").mkdir(parents=True)
    (home.landing / "infron" / "logs" / "dt=2026-11-02" / "a.ndjson").touch()
    read(home)
    assert gates.judge_raw(home, INFRON, LOGS).passed


def test_a_day_that_passed_is_not_judged_again_until_it_changes(home: Home) -> None:
    """The day after it is judged again with it, because it is compared with it."""
    land(home, call(1), day="2026-11-02")
    land(home, call(2), day="2026-11-03")
    assert gates.judge_raw(home, INFRON, LOGS).judged == 2
    assert gates.judge_raw(home, INFRON, LOGS).judged == 0
    land(home, call(2), call(3), day="2026-11-03")
    assert gates.judge_raw(home, INFRON, LOGS).judged == 1
    land(home, call(1), call(4), day="2026-11-02")
    assert gates.judge_raw(home, INFRON, LOGS).judged == 2
    assert gates.open_days(home, [INFRON]) == set()


def test_a_day_that_failed_stays_open_with_its_reason_and_is_judged_once(home: Home) -> None:
    """150 of 151 lines are garbage: the lines are named, and the second night repeats what the first one kept."""
    land(home, call(1), *["garbage"] * 150)
    first = gates.judge_raw(home, INFRON, LOGS)
    second = gates.judge_raw(home, INFRON, LOGS)
    assert (first.judged, second.judged) == (1, 0)
    assert first.failures == second.failures
    assert gates.open_days(home, [INFRON]) == {date(2026, 11, 2)}
    [sentence], since = gates.objections(home, INFRON)
    assert sentence.startswith(
        "logs: reject_share must be at most 0.05, is 0.9934 at 2026-11-02 "
        "(file infron/logs/dt=2026-11-02/a.ndjson, line 2, reason malformed_json; "
    )
    assert since == date(2026, 11, 2)


def test_a_new_limit_judges_a_failed_day_again(home: Home) -> None:
    land(home, call(1), *["garbage"] * 150)
    assert not gates.judge_raw(home, INFRON, LOGS).passed
    lenient = Source(name="infron", connector="infron", reject_threshold=1.0)
    verdict = gates.judge_raw(home, lenient, LOGS)
    assert (verdict.judged, verdict.passed) == (1, True)


def test_a_short_day_warns_and_holds_nothing_back(home: Home) -> None:
    """Four Mondays with ten calls an hour; the fifth ends at noon."""
    monday = date(2026, 10, 5)
    for week in range(5):
        day = monday + timedelta(weeks=week)
        hours = range(24) if week < 4 else range(12)
        lines = [call(number, f"{day}T{hour:02}:00:00Z") for hour in hours for number in range(10)]
        land(home, *lines, day=str(day))
    verdict = gates.judge_raw(home, INFRON, LOGS)
    assert verdict.passed
    [warning] = verdict.warnings
    assert (warning.expectation, warning.day, warning.observed) == ("hours_are_covered", "2026-11-02", 12)
    assert warning.rows[0] == {"hour_utc": 12, "fewest_rows_before": 10}
    assert failed(home) == [("hours_are_covered", "2026-11-02")]


def test_the_order_of_delivery_does_not_change_the_results(home: Home, tmp_path: Path) -> None:
    """Three days judged at once, and the first of them delivered after the others."""
    kept: list[list[Result]] = []
    for order in (["02", "03", "04"], ["03", "04", "02"]):
        own = Home(tmp_path / order[0])
        for number in order:
            land(own, call(int(number)), day=f"2026-11-{number}")
            gates.judge_raw(own, INFRON, LOGS)
        kept.append(results.read(own, RAW_DAY, "infron.logs"))
    assert kept[0] == kept[1]
    assert len(kept[0]) == 3 * len(RAW_DAY.expectations)


def test_days_that_passed_before_there_were_results_stay_passed(home: Home) -> None:
    """As version 0.2 left it: the ledger alone."""
    land(home, call(1), day="2026-11-02")
    gates.judge_raw(home, INFRON, LOGS)
    for path in [*home.dq_results.rglob("*.parquet"), *home.gates.glob("*.profiles.json")]:
        path.unlink()
    assert gates.judge_raw(home, INFRON, LOGS).judged == 0
    land(home, call(2), day="2026-11-03")
    assert gates.judge_raw(home, INFRON, LOGS).judged == 1


def test_results_that_were_deleted_with_the_lake_are_made_again(home: Home) -> None:
    land(home, call(1))
    gates.judge_raw(home, INFRON, LOGS)
    kept = results.read(home, RAW_DAY, "infron.logs")
    shutil.rmtree(home.dq_results)
    assert gates.judge_raw(home, INFRON, LOGS).judged == 1
    assert results.read(home, RAW_DAY, "infron.logs") == kept


def test_great_expectations_is_not_imported_where_nothing_is_judged(home: Home) -> None:
    land(home, call(1), day="2026-11-02")
    gates.judge_raw(home, INFRON, LOGS)
    code = f"""
import sys
from dagster_project.quality import data_docs, gates, warehouse
from ingestion.home import Home
from ingestion.sources import Source
home = Home.locate({str(home.root)!r})
assert gates.judge_raw(home, Source(name="infron", connector="infron"), "logs").judged == 0
data_docs.write(home)
assert "great_expectations" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
