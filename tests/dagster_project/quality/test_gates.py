"""The gates: a day's profile, and that content that passed is not checked twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.quality import gates
from ingestion.home import Home
from ingestion.landing import pending
from ingestion.load import convert, write_schemas
from ingestion.sources import Source

INFRON = Source(name="infron", connector="infron")
LOGS = "logs"
FIXTURES = Path(__file__).parents[2] / "fixtures"


def land(home: Home, *lines: str, day: str = "2026-11-02") -> None:
    folder = home.landing / "infron" / "logs" / f"dt={day}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.ndjson").write_text("\n".join(lines) + "\n")
    write_schemas(home)
    for file in pending(home, [INFRON]):
        convert(home, file)


def call(number: int, at: str = "2026-11-01T07:21:59.391Z", status: str = "success") -> str:
    return (
        f'{{"request_id":"r{number}","created_at":"{at}","model":"openai/gpt-4o","status":"{status}",'
        '"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}'
    )


def profile(home: Home, source: Source = INFRON) -> dict:
    days = gates._days(home, source, LOGS)
    [row] = gates.raw_profile(home, source, LOGS, days).to_dict("records")
    return row


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
    _, limits = gates.few_rejects(strict)
    assert (profile(home, strict)["reject_share"] <= limits["max_value"]) is passes


def test_a_time_read_in_the_wrong_unit_is_odd_and_a_late_row_is_not(home: Home) -> None:
    """One of four rows is of the year 2091."""
    land(home, call(1), call(2), call(3, at="2025-01-01T00:00:00Z"), call(4, at="2091-01-20T00:00:00Z"))
    assert profile(home)["odd_time_share"] == 0.25


def test_every_layout_of_a_stream_is_judged(home: Home) -> None:
    """One call as NDJSON, one in the console's CSV; both tables are read for the one day."""
    land(home, call(1))
    console = home.landing / "infron" / "logs" / "dt=2026-11-02" / "b.csv"
    header = [field.path for field in INFRON.reader.stream("logs", "b.csv").fields if field.mandatory]
    values = {"request_id": "r2", "created_at": "2026-11-01T07:21:59Z", "model": "openai/gpt-4o"}
    console.write_text(
        ",".join(header) + "\n" + ",".join(values.get(name, "success") for name in header) + "\n"
    )
    for file in pending(home, [INFRON]):
        convert(home, file)
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
    write_schemas(home)
    for file in pending(home, [source]):
        convert(home, file)
    [row] = gates.raw_profile(home, source, stream, gates._days(home, source, stream)).to_dict("records")
    assert (row["row_gap"], row["unaccounted_lines"]) == (0, 0)


def test_sums_among_calls_are_judged_without_a_time_of_their_own(home: Home) -> None:
    """Infery answers calls and sums at one address: two calls, then a page of sums by key."""
    source = Source(name="infery", connector="infery")
    folder = home.landing / "infery" / "usage_api" / "dt=2026-11-02"
    folder.mkdir(parents=True)
    for name in ("usage_api.json", "usage_api_grouped.json"):
        (folder / name).write_bytes((FIXTURES / "infery" / name).read_bytes())
    write_schemas(home)
    for file in pending(home, [source]):
        convert(home, file)
    days = gates._days(home, source, "usage_api")
    [row] = gates.raw_profile(home, source, "usage_api", days).to_dict("records")
    assert {file["table"] for file in days["2026-11-02"]} == {"infery_usage_api", "infery_usage_api_grouped"}
    assert (row["row_gap"], row["unaccounted_lines"], row["odd_time_share"]) == (0, 0, 0)


def test_an_empty_file_is_a_day_without_rows_and_not_a_failure(home: Home) -> None:
    (home.landing / "infron" / "logs" / "dt=2026-11-02").mkdir(parents=True)
    (home.landing / "infron" / "logs" / "dt=2026-11-02" / "a.ndjson").touch()
    write_schemas(home)
    for file in pending(home, [INFRON]):
        convert(home, file)
    assert profile(home)["row_gap"] == 0


def test_a_day_that_passed_is_not_judged_again_until_it_changes(home: Home, monkeypatch) -> None:
    judged = []
    monkeypatch.setattr(gates, "failures", lambda frame, expectations, name: judged.append(len(frame)) or [])
    land(home, call(1), day="2026-11-02")
    land(home, call(2), day="2026-11-03")
    assert gates.judge_raw(home, INFRON, LOGS).judged == 2
    assert gates.judge_raw(home, INFRON, LOGS).judged == 0
    land(home, call(2), call(3), day="2026-11-03")
    assert gates.judge_raw(home, INFRON, LOGS).judged == 1
    assert judged == [2, 1]
    assert gates.open_days(home, [INFRON]) == set()


def test_a_day_that_failed_is_judged_again(home: Home, monkeypatch) -> None:
    monkeypatch.setattr(gates, "failures", lambda frame, expectations, name: ["reject_share: too much"])
    land(home, call(1))
    for _ in range(2):
        assert not gates.judge_raw(home, INFRON, LOGS).passed
    assert len(gates.open_days(home, [INFRON])) == 1
