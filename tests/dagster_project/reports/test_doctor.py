"""The doctor: a healthy home, and one line with what to do for each thing that is not as it should be."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from night_process import night
from typer.testing import CliRunner

from dagster_project.books.locks import writing
from dagster_project.books.publishing import confirm
from dagster_project.cli import app
from dagster_project.reports.doctor import Report, examine
from dagster_project.reports.doctor_books import missing_days
from ingestion import accepted, source_status
from ingestion.home import Home
from ingestion.landing import landed
from ingestion.load import convert
from ingestion.locks import holder
from ingestion.source_status import SourceStatus
from ingestion.sources import load_sources

LINE = (
    '{{"request_id":"{name}","created_at":"2026-11-01T07:21:59Z","model":"{model}","status":"success",'
    '"api_key_id":"key_1","usage":{{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}{more}}}\n'
)


def land(home: Home, day: str, model: str = "openai/gpt-4o", more: str = "", text: str = "") -> None:
    folder = home.landing / "infron" / "logs" / f"dt={day}"
    folder.mkdir(parents=True)
    (folder / "a.ndjson").write_text(LINE.format(name=f"r{day}", model=model, more=more) + text)


def found(report: Report, kind: str) -> list[str]:
    return [str(diagnosis) for diagnosis in report.diagnoses if diagnosis.kind == kind]


def test_a_home_in_which_all_is_well_ends_with_0(home: Home) -> None:
    land(home, "2026-11-02")
    assert night(home).code == 0
    ended = CliRunner().invoke(app, ["doctor", "--home", str(home.root)])
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.splitlines()[-1] == "all well"
    assert "incomplete    infron: 1 day complete when the next delivery comes: 2026-11-02" in ended.stdout


def test_whatever_needs_a_person_is_a_line_with_what_to_do(home: Home) -> None:
    """A day missing between two, an unknown model, a new field, a broken line, an unknown folder.

    Two calls lack a key, one of them a member's in the Playground, which is as it should be.
    """
    keyless = LINE.replace('"api_key_id":"key_1",', "")
    more = [
        keyless.format(name="no-key", model="openai/gpt-4o", more=""),
        keyless.format(name="playground", model="openai/gpt-4o", more=',"member_id":"mem_1"'),
        "garbage\n",
    ]
    land(home, "2026-11-02", model="nobody/heard-of-it")
    land(home, "2026-11-04", more=',"surprise":1', text="".join(more))
    assert night(home).code == 3
    (home.landing / "klingon").mkdir()
    report = examine(home)
    [gap] = found(report, "gap")
    assert "no delivery on 1 day: 2026-11-03; have those days delivered" in gap
    [unpriced] = found(report, "unpriced")
    assert "1 request up to 2026-11-01" in unpriced
    assert "tollbook trace r2026-11-02" in unpriced
    [unmapped] = found(report, "unmapped")
    assert "config/model_aliases.csv" in unmapped
    [drift] = found(report, "drift")
    assert "1 new field up to 2026-11-04: surprise" in drift
    [rejected] = found(report, "rejects")
    assert "malformed_json" in rejected
    assert "landing/infron/logs/dt=2026-11-04/a.ndjson, line 4" in rejected
    [keyless] = found(report, "unmapped_key")
    assert "infron: 1 request by the API without a key" in keyless
    [misplaced] = found(report, "misplaced")
    assert "name it in sources.yml or remove it" in misplaced
    ended = CliRunner().invoke(app, ["doctor", "--home", str(home.root), "--json"])
    assert ended.exit_code == 3
    kinds = {diagnosis["kind"] for diagnosis in json.loads(ended.stdout)["diagnoses"]}
    assert {"gap", "unpriced", "unmapped", "drift", "rejects", "misplaced", "incomplete"} <= kinds


@pytest.mark.parametrize(("hours", "stale"), [(25.9, False), (26.1, True)])
def test_marts_that_no_night_confirmed_in_26_hours_are_stale(home: Home, hours: float, stale: bool) -> None:
    home.published_database.touch()
    confirm(home, "x")
    home.published_database.unlink()
    shutil.copy(_empty_books(home), home.published_database)
    report = examine(home, datetime.now(UTC) + timedelta(hours=hours))
    assert bool(found(report, "stale")) is stale
    assert next(iter(report.lines())).startswith("!! STALE") is stale


def test_a_gap_that_a_later_delivery_made_up_for_is_none(home: Home) -> None:
    """Files of the 2nd, 3rd, 6th and 7th: what the 4th lacks came on the 6th, what the 5th lacks did not."""
    for day in ("02", "03", "06", "07"):
        land(home, f"2026-11-{day}")
    with duckdb.connect(str(_empty_books(home))) as books:
        books.sql("use marts")
        books.sql(
            "insert into rpt_source_days select 'infron', 'logs', d::date, 1, true"
            " from (values ('2026-11-02'), ('2026-11-03'), ('2026-11-06'), ('2026-11-07')) as delivered (d)"
        )
        books.sql(
            """
            insert into fct_day_completeness values
                ('infron', '2026-11-04', true, null, '2026-11-04', true, true),
                ('infron', '2026-11-05', false, 'not_delivered', '2026-11-05', true, false)
            """
        )
        assert list(missing_days(home, books)) == [("infron/logs", ["2026-11-05"])]


def _empty_books(home: Home) -> Path:
    file = home.root / "books.tmp"
    with duckdb.connect(str(file)) as books:
        books.sql("create schema marts")
        for table, columns in {
            "rpt_source_days": "source text, stream text, delivered_on date, files bigint, is_complete boolean",
            "fct_day_completeness": "source text, event_date date, is_complete boolean, incomplete_reason text, "
            "due_on date, is_delivery_missing boolean, is_delivered boolean",
            "rpt_unpriced_usage": "source text, model_served text, model_requested text, "
            "unpriced_reason text, requests bigint, event_date date, example_request_id text",
            "fct_usage_daily": "source text, api_key_id text, origin text, requests bigint",
        }.items():
            books.sql(f"create table marts.{table} ({columns})")
    return file


def test_a_home_without_books_reports_how_to_get_them(home: Home) -> None:
    ended = CliRunner().invoke(app, ["doctor", "--home", str(home.root)])
    assert ended.exit_code == 3
    assert "nothing is published yet; run `tollbook run`" in ended.stdout


def test_a_field_that_changed_in_every_line_of_a_file_is_named_with_what_to_do(home: Home) -> None:
    """Two calls a file: without their id on the 2nd and 3rd, with a word for a count on the 4th, as ever on the 5th."""
    lines = LINE.format(name="a", model="m", more="") + LINE.format(name="b", model="m", more="")
    for day, old, new in (
        (2, '"request_id"', '"call_id"'),
        (3, '"request_id"', '"call_id"'),
        (4, '"prompt_tokens":10', '"prompt_tokens":"ten"'),
        (5, "", ""),
    ):
        folder = home.landing / "infron" / "logs" / f"dt=2026-11-0{day}"
        folder.mkdir(parents=True)
        (folder / "a.ndjson").write_text(lines.replace(old, new))
    for file in landed(home, load_sources(home)):
        convert(home, file)
    said = [line for line in found(examine(home), "drift") if "new field" not in line]
    do = "; ask what the gateway changed, and adapt the connector, or have the files delivered again"
    assert [line.partition("infron/logs: ")[2] for line in said] == [
        "1 file up to 2026-11-04: usage.prompt_tokens is of another type in every line;"
        f" see landing/infron/logs/dt=2026-11-04/a.ndjson{do}",
        "2 files up to 2026-11-03: no line has request_id any more;"
        f" see landing/infron/logs/dt=2026-11-03/a.ndjson{do}",
    ]


def test_messages_that_were_not_sent_are_counted_with_what_to_do(home: Home) -> None:
    """Two messages are in the outbox; one was sent before its process ended."""
    for folder, names in ((home.alerts_outbox, "ab"), (home.alerts_sent, "b")):
        folder.mkdir(parents=True)
        for name in names:
            (folder / f"{name}.json").write_text("{}")
    [line] = found(examine(home), "unsent_alerts")
    assert "1 message not sent" in line
    assert "tollbook alerts check" in line


def test_the_process_that_holds_the_home_is_named_while_it_does(home: Home) -> None:
    with writing(home):
        assert holder(home.lock_file) == os.getpid()
    assert holder(home.lock_file) is None


def test_a_source_that_stopped_delivering_three_days_ago_is_a_finding(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Daily files from 2 to 15 November; on the 18th the 16th is missing, on the 17th it had its day of grace."""
    for day in range(2, 16):
        land(home, f"2026-11-{day:02}")
    monkeypatch.setenv("TOLLBOOK_TODAY", "2026-11-17")
    assert found(examine(home), "silent") == []
    monkeypatch.setenv("TOLLBOOK_TODAY", "2026-11-18")
    [silent] = found(examine(home), "silent")
    assert (
        "infron/logs: has delivered nothing since 2026-11-15: 2026-11-16 is missing; find out why" in silent
    )
    ended = CliRunner().invoke(app, ["doctor", "--home", str(home.root)])
    assert ended.exit_code == 3


def test_what_the_last_night_held_back_and_an_emptied_landing_are_reported_with_what_to_do(
    home: Home,
) -> None:
    """Nothing of infron is in landing/ any more; Stripe did not answer."""
    accepted.accept(home, "infron", [{"landing_file": "infron/logs/dt=2026-11-02/a.ndjson"}])
    source_status.write(
        home,
        [
            SourceStatus(
                "infron", "infron", date(2026, 11, 2), "vanished", "1 file is gone", date(2026, 11, 2)
            ),
            SourceStatus("stripe", "stripe", None, "not_fetched", "stripe: no answer; try later"),
            SourceStatus("east", "infery", date(2026, 11, 2)),
        ],
    )
    report = examine(home)
    assert [line.split(None, 1)[1] for line in found(report, "held_back")] == [
        "infron: in the books as of 2026-11-02: 1 file is gone; have it delivered again, or accept the loss:"
        " tollbook run --accept-vanished infron",
        "stripe: not in the books: stripe: no answer; try later; the next run retries; correct its settings or"
        " token if it was refused",
    ]
    [empty] = found(report, "vanished")
    assert (
        "landing: it holds no files, but the books were built from some; mount it, or deliver again" in empty
    )
