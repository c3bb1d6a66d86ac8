"""Which sources are accepted, and what is reported of the others; without Dagster, dbt or Great Expectations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import stripe

from dagster_project.quality import gates
from dagster_project.steps import conversion
from dagster_project.steps.accepting import AcceptanceResult, accept_records_of_0_2, accept_sources, silences
from dagster_project.steps.payments import NotRead, read_up_to, sync_payments
from dagster_project.steps.usage_apis import fetch_usage
from dagster_project.workers import landing_files
from ingestion import accepted, load_records, source_status
from ingestion.home import Home
from ingestion.landing import LandedFile, pending
from ingestion.load import FileResult, StillChanging, convert, write_schemas
from ingestion.source_status import MissingDelivery, SourceStatus
from ingestion.sources import SourcesError, StripeSettings, load, load_sources
from ingestion.usage_apis import UsageApiError

TODAY = date(2026, 11, 5)


def land(home: Home, source: str, day: str, calls: int, garbage: int = 0, name: str = "a.ndjson") -> Path:
    path = home.landing / source / "logs" / f"dt={day}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f'{{"request_id":"{source}-{day}-{name}-{number}","created_at":"{day}T07:21:59Z","model":"openai/gpt-4o",'
        '"status":"success","usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}'
        for number in range(calls)
    ]
    path.write_text("".join(f"{line}\n" for line in [*lines, *["garbage"] * garbage]))
    return path


@pytest.fixture
def two(home: Home) -> Home:
    """Two sources with 200 calls each on 2 and 3 November, taken over."""
    home.sources_file.write_text("sources: {east: {connector: infron}, west: {connector: infron}}\n")
    for source in ("east", "west"):
        for day in ("2026-11-02", "2026-11-03"):
            land(home, source, day, 200)
    assert night(home) == AcceptanceResult()
    return home


def night(home: Home, accept_vanished: Sequence[str] = (), stream: str = "logs") -> AcceptanceResult:
    """Read all files, judge them, take over what may be."""
    sources = load_sources(home)
    write_schemas(home)
    days = {str(file.delivered_on) for file in pending(home, sources)}
    for source in sources:
        conversion.convert_days(home, source, stream, days)
        if stream in gates.event_streams(source):
            gates.judge_raw(home, source, stream)
    return accept_sources(home, sources, TODAY, accept_vanished)


def events(home: Home, source: str) -> dict[str, int]:
    """Events that count, by file and day."""
    return {
        content["landing_file"].partition("/logs/dt=")[2]: content["events"]
        for content in accepted.of_source(home, source)
    }


def status(home: Home, source: str) -> SourceStatus:
    [found] = [status for status in source_status.read(home) if status.source == source]
    return found


BOTH = {"2026-11-02/a.ndjson": 200, "2026-11-03/a.ndjson": 200}


def test_what_was_read_and_passed_is_taken_over(two: Home) -> None:
    assert events(two, "east") == events(two, "west") == BOTH
    assert status(two, "east") == SourceStatus("east", "infron", as_of_date=date(2026, 11, 3))


def test_a_due_delivery_that_did_not_come_is_written_for_dbt_until_it_comes(two: Home) -> None:
    """Files of the 2nd, 3rd and 5th; then that of the 4th."""
    land(two, "east", "2026-11-05", 200)
    night(two)
    assert status(two, "east").missing_deliveries == (MissingDelivery("logs", date(2026, 11, 4)),)
    assert status(two, "west").missing_deliveries == ()
    land(two, "east", "2026-11-04", 200)
    night(two)
    assert status(two, "east").missing_deliveries == ()


def test_a_source_that_fails_its_gate_is_held_back_alone(two: Home) -> None:
    """150 of 160 lines are garbage; the other source has a new day."""
    land(two, "east", "2026-11-03", 10, garbage=150)
    land(two, "east", "2026-11-04", 7)
    land(two, "west", "2026-11-04", 5)
    [held] = night(two).held_back
    assert held.startswith(
        "east: logs: reject_share must be at most 0.05, is 0.9375 at 2026-11-03 (file east/"
    )
    assert events(two, "east") == BOTH
    assert events(two, "west") == {**BOTH, "2026-11-04/a.ndjson": 5}
    found = status(two, "east")
    assert (found.as_of_date, found.held_back_reason) == (date(2026, 11, 3), "failed_gate")
    assert found.held_back_from == date(2026, 11, 3)
    assert status(two, "west").held_back_reason is None
    land(two, "east", "2026-11-03", 201)
    assert night(two) == AcceptanceResult()
    assert events(two, "east") == {**BOTH, "2026-11-03/a.ndjson": 201, "2026-11-04/a.ndjson": 7}


def test_a_source_that_never_was_sound_contributes_nothing(home: Home) -> None:
    land(home, "infron", "2026-11-02", 10, garbage=150)
    taken = night(home)
    assert taken.nothing == "no source is accepted"
    assert len(taken.held_back) == 1
    assert accepted.sources(home) == []
    assert status(home, "infron").as_of_date is None


def test_a_file_that_keeps_growing_holds_back_its_source_alone(
    two: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(two, "east", "2026-11-04", 5)
    land(two, "east", "2026-11-05", 5)
    land(two, "west", "2026-11-04", 5)

    def growing(home: Home, file: LandedFile) -> FileResult:
        if "east/logs/dt=2026-11-04" in str(file.path):
            raise StillChanging(f"{file.relative(home)} changed while it was read")
        return convert(home, file)

    monkeypatch.setattr(landing_files, "convert", growing)
    [held] = night(two).held_back
    assert held == (
        "east: east/logs/dt=2026-11-04/a.ndjson changed while it was read;"
        " complete the file or make it readable; the next run reads it again"
    )
    assert (events(two, "east"), len(events(two, "west"))) == (BOTH, 3)
    assert (status(two, "east").held_back_reason, status(two, "east").held_back_from) == (
        "unread",
        date(2026, 11, 4),
    )
    monkeypatch.setattr(landing_files, "convert", convert)
    assert night(two) == AcceptanceResult()
    assert len(events(two, "east")) == 4


def test_a_file_that_lands_while_the_night_is_going_waits_and_holds_back_nothing(two: Home) -> None:
    land(two, "east", "2026-11-04", 5)
    assert accept_sources(two, load_sources(two), TODAY) == AcceptanceResult()
    assert events(two, "east") == BOTH


def test_the_loss_of_vanished_files_is_applied_only_when_accepted(two: Home) -> None:
    gone = land(two, "east", "2026-11-03", 200)
    night(two)
    gone.unlink()
    land(two, "west", "2026-11-04", 5)
    for _ in range(2):
        [held] = night(two).held_back
        assert held == (
            "east: 1 landing file is gone or smaller than before, 200 events, 50.0% of a stream:"
            " east/logs/dt=2026-11-03/a.ndjson; have it delivered again, or accept the loss:"
            " tollbook run --accept-vanished east"
        )
        assert (events(two, "east"), len(events(two, "west"))) == (BOTH, 3)
    assert status(two, "east").held_back_from == date(2026, 11, 3)
    taken = night(two, ["east"])
    assert (taken.held_back, len(taken.vanished)) == ([], 1)
    assert night(two) == AcceptanceResult()
    assert events(two, "east") == {"2026-11-02/a.ndjson": 200}
    assert len(list(load_records.every(two))) == 4


def test_a_file_that_shrank_has_lost_what_it_held(two: Home) -> None:
    land(two, "east", "2026-11-03", 20)
    [held] = night(two).held_back
    assert "180 events, 45.0% of a stream" in held
    assert events(two, "east") == BOTH


@pytest.mark.parametrize(("lost", "held"), [(4, 0), (5, 1)])
def test_up_to_a_stated_share_a_loss_is_applied_and_reported(two: Home, lost: int, held: int) -> None:
    """4 of 400 events are a hundredth; 5 are more."""
    land(two, "east", "2026-11-03", 200 - lost)
    taken = night(two)
    assert (len(taken.held_back), len(taken.vanished)) == (held, 1 - held)
    assert f"{lost} events, {lost / 4:.1f}" in (taken.held_back + taken.vanished)[0].replace(
        "1.2% ", "1.25% "
    )
    assert (events(two, "east") == BOTH) is bool(held)


def test_the_share_is_a_setting(two: Home) -> None:
    two.sources_file.write_text(
        "sources: {east: {connector: infron, vanished_threshold: 0.5}, west: {connector: infron}}\n"
    )
    land(two, "east", "2026-11-03", 20)
    assert len(night(two).vanished) == 1


def test_a_file_that_was_moved_has_not_vanished(two: Home) -> None:
    moved = two.landing / "east" / "logs" / "dt=2026-11-05" / "other name.ndjson"
    moved.parent.mkdir()
    (two.landing / "east" / "logs" / "dt=2026-11-03" / "a.ndjson").rename(moved)
    assert night(two) == AcceptanceResult()
    assert events(two, "east") == {"2026-11-02/a.ndjson": 200, "2026-11-05/other name.ndjson": 200}


def test_files_of_closed_months_may_be_archived(two: Home) -> None:
    two.closings.mkdir(parents=True)
    (two.closings / "2026-11.json").write_text('{"month":"2026-11","closed_at":"","days":[],"accepted":[]}')
    (two.landing / "east" / "logs" / "dt=2026-11-03" / "a.ndjson").unlink()
    assert night(two) == AcceptanceResult()
    assert events(two, "east") == {"2026-11-02/a.ndjson": 200}


def test_an_emptied_landing_changes_nothing_and_coming_back_costs_nothing(two: Home) -> None:
    sandbox = StripeSettings(mode="sandbox")
    up_to = read_up_to(two, sandbox)
    two.landing.rename(two.root / "elsewhere")
    assert read_up_to(two, sandbox) == up_to == datetime(2026, 11, 4, tzinfo=UTC)
    taken = night(two)
    assert len(taken.held_back) == 2
    assert "holds no file; mount it again" in taken.nothing
    assert events(two, "east") == events(two, "west") == BOTH
    (two.root / "elsewhere").rename(two.landing)
    assert pending(two, load_sources(two)) == []
    assert night(two) == AcceptanceResult()


def test_a_removed_source_stays_until_its_loss_is_accepted(two: Home) -> None:
    two.sources_file.write_text("sources: {west: {connector: infron}}\n")
    [held] = night(two).held_back
    assert held.startswith("east: 2 landing files are gone")
    assert events(two, "east") == BOTH
    assert night(two, ["east"]).held_back == []
    assert night(two) == AcceptanceResult()
    assert accepted.sources(two) == ["west"]


def test_nothing_at_all_may_be_meant(home: Home) -> None:
    assert "holds no file; have files delivered" in night(home).nothing
    path = land(home, "infron", "2026-11-02", 3)
    night(home)
    path.unlink()
    assert night(home).nothing
    assert night(home, ["infron"]).nothing == ""


class Killed(BaseException):
    """The process died here."""


@pytest.mark.parametrize("survived", range(3))
def test_a_run_killed_between_any_two_steps_and_made_again_is_the_undisturbed_one(
    two: Home, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    """East fails its gate, west lost nothing and has a new day: one file per source and the statuses appear in turn."""
    land(two, "east", "2026-11-03", 10, garbage=150)
    land(two, "west", "2026-11-04", 5)
    steps = iter(range(survived))
    for module, name in ((accepted, "accept"), (source_status, "write")):
        do = getattr(module, name)

        def dying(*arguments: object, do=do) -> None:
            if next(steps, None) is None:
                raise Killed
            do(*arguments)

        monkeypatch.setattr(module, name, dying)
    if survived < 2:
        with pytest.raises(Killed):
            night(two)
    monkeypatch.undo()
    assert len(night(two).held_back) == 1
    assert events(two, "east") == BOTH
    assert events(two, "west") == {**BOTH, "2026-11-04/a.ndjson": 5}
    named = {two.raw / content["raw_file"] for content in accepted.every(two)}
    named |= {two.raw / content["raw_file"] for _, content in load_records.every(two)}
    assert set(two.raw.glob("infron_logs/dt=*/*.parquet")) == named


def test_a_home_of_an_older_version_counts_as_accepted_but_for_days_its_gate_refused(two: Home) -> None:
    """As version 0.2 left it: load records, books, and a day that stopped the last night."""
    land(two, "east", "2026-11-04", 10, garbage=150)
    night(two)
    for source in ("east", "west"):
        accepted.accept(two, source, [])
    (two.source_status / "status.parquet").unlink()
    accept_records_of_0_2(two, load_sources(two))
    assert accepted.sources(two) == [], "nothing was ever published"
    two.published_database.touch()
    (two.landing / "west" / "logs" / "dt=2026-11-03" / "a.ndjson").unlink()
    accept_records_of_0_2(two, load_sources(two))
    assert events(two, "east") == events(two, "west") == BOTH


def test_a_stream_that_should_have_delivered_is_silent_by_the_calendar(home: Home) -> None:
    """Two weeks of daily files up to 15 November; on the 17th the 16th has its day of grace, on the 18th it is over."""
    for number in range(14):
        land(home, "infron", str(date(2026, 11, 2) + timedelta(days=number)), 1)
    sources = load_sources(home)
    assert silences(home, sources, date(2026, 11, 17)) == []
    assert silences(home, sources, date(2026, 11, 18)) == [
        "infron/logs has delivered nothing since 2026-11-15: 2026-11-16 is missing"
    ]
    home.sources_file.write_text("sources: {infron: {connector: infron, cadence: none}}\n")
    assert silences(home, load_sources(home), date(2026, 12, 18)) == []
    home.sources_file.write_text(
        "sources: {infron: {connector: infron, cadence: {logs: weekly}, grace_days: 3}}\n"
    )
    assert silences(home, load_sources(home), date(2026, 11, 25)) == []
    assert silences(home, load_sources(home), date(2026, 11, 26)) != []


def test_where_a_source_is_and_when_more_is_due_is_written_down(home: Home) -> None:
    """Files of 2, 3 and 4 November; on the 9th, the 5th is missing and was due by the 6th."""
    for day in ("2026-11-02", "2026-11-03", "2026-11-04"):
        land(home, "infron", day, 1)
    night(home)
    assert status(home, "infron").silent_since is None
    accept_sources(home, load_sources(home), date(2026, 11, 9))
    assert status(home, "infron") == SourceStatus(
        "infron",
        "infron",
        as_of_date=date(2026, 11, 4),
        expected_by=date(2026, 11, 6),
        silent_since=date(2026, 11, 5),
        silent_streams="logs",
    )


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("cadence: hourly", "'hourly' is not a cadence; write one of daily, weekdays, weekly, none"),
        ("cadence: {calls: daily}", "infron has no stream 'calls'"),
        ("cadence: {logs: [daily]}", "is not a cadence"),
        ("grace_days: -1", "greater than or equal to 0"),
        ("vanished_threshold: 2", "less than or equal to 1"),
    ],
)
def test_settings_that_cannot_be_used_are_reported(home: Home, setting: str, said: str) -> None:
    home.sources_file.write_text(f"sources: {{infron: {{connector: infron, {setting}}}}}\n")
    with pytest.raises(SourcesError, match=said.replace("(", r"\(")):
        load_sources(home)


def test_a_usage_api_that_could_not_be_fetched_is_reported_and_what_had_landed_counts(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EAST_TOKEN", raising=False)
    home.sources_file.write_text(
        "sources: {east: {connector: infery, api: {url: 'http://127.0.0.1:9', token_env: EAST_TOKEN}}}\n"
    )
    [east] = load_sources(home)
    with pytest.raises(UsageApiError):
        fetch_usage(home, east, datetime(2026, 11, 5, tzinfo=UTC))
    folder = home.landing / "east" / "invoices" / "dt=2026-11-02"
    folder.mkdir(parents=True)
    (folder / "a.ndjson").touch()
    night(home, stream="invoices")
    found = status(home, "east")
    assert (found.as_of_date, found.held_back_reason) == (date(2026, 11, 2), "not_fetched")
    assert "EAST_TOKEN" in found.held_back_detail


def test_stripe_that_does_not_answer_is_reported_until_it_does(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.sources_file.write_text("sources: {infron: {connector: infron}}\nstripe: {mode: test}\n")
    monkeypatch.setenv("STRIPE_API_KEY", "rk_test_" + "0" * 24)
    settings = load(home).stripe

    def away(*_: object, **__: object) -> None:
        raise stripe.APIConnectionError("no answer")

    monkeypatch.setattr("ingestion.stripe_api.sync", away)
    with pytest.raises(NotRead, match="stripe: no answer"):
        sync_payments(home, settings)
    land(home, "infron", "2026-11-02", 3)
    night(home)
    assert (status(home, "stripe").held_back_reason, status(home, "stripe").held_back_detail) == (
        "not_fetched",
        "stripe: no answer",
    )
    assert status(home, "infron").held_back_reason is None
    monkeypatch.setattr("ingestion.stripe_api.sync", lambda *_, **__: "read")
    assert sync_payments(home, settings) == "read"
    night(home)
    assert status(home, "stripe").held_back_reason is None
