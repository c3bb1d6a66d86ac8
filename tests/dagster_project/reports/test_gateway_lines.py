"""A request shows what each export of its gateway wrote of it, and nothing that it shows itself."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import duckdb
import pytest

from dagster_project.reports import gateway_lines as report
from ingestion import accepted
from ingestion.duck import literal
from ingestion.home import Home

DAY = date(2026, 11, 3)
EVENT: dict[str, Any] = {
    "source": "infery",
    "request_id": "req_1",
    "event_date": DAY,
    "raw_file": "infery/usage/dt=2026-11-03/a.csv",
    "member_id": "mem_1",
    "credits_used": 2,
}
#: Raw table, file in landing/, day of its events, and its rows.
DELIVERED = (
    ("infery_requests", "infery/requests/dt=2026-11-03/a.ndjson", DAY,
     "select 'req_1' as request_id, timestamp '2026-11-03 23:59:59.9' as gateway_in,"
     " timestamp '2026-11-04 00:00:00.1' as provider_in, 'mem_1' as member_id, null as error, 2 as credits_used"),
    ("infery_usage", "infery/usage/dt=2026-11-03/a.csv", DAY,
     "select 'req_1' as request_id, 1000 as latency_ms, 0.0200 as cost, 3 as credits_used"
     " union all select 'req_2', 7, 1, 1"),
    ("infery_usage", "infery/usage/dt=2026-11-09/a.csv", date(2026, 11, 9),
     "select 'req_1' as request_id, 5 as latency_ms, 1.0 as cost, 1 as credits_used"),
    ("infery_plans", "infery/plans/dt=2026-11-03/a.json", DAY, "select 'pro' as plan"),
)  # fmt: skip


@pytest.fixture
def read(home: Home) -> Home:
    """A home whose source delivered four files."""
    records = []
    for number, (table, file, day, rows) in enumerate(DELIVERED):
        raw_file = f"{table}/dt={day}/{number}.parquet"
        (home.raw / raw_file).parent.mkdir(parents=True, exist_ok=True)
        place = f"{literal(file)} as raw_file, cast(null as bigint) as raw_line, 1 as first_line"
        with duckdb.connect() as connection:
            connection.execute(f"copy (select *, {place} from ({rows})) to {literal(home.raw / raw_file)}")
        days = [{"event_date": str(day), "events": 1}]
        records.append({"landing_file": file, "table": table, "raw_file": raw_file, "event_days": days})
    accepted.accept(home, "infery", records)
    return home


def test_every_export_of_the_day_says_what_it_wrote_first_the_one_that_counts(read: Home) -> None:
    """The day after is looked at, too, and six days later is not; req_2 is another request."""
    usage, requests = report.gateway_lines(read, EVENT)
    assert (usage.file, requests.file) == (EVENT["raw_file"], DELIVERED[0][1])
    assert requests.fields == {
        "gateway_in": datetime(2026, 11, 3, 23, 59, 59, 900_000),
        "provider_in": datetime(2026, 11, 4, 0, 0, 0, 100_000),
    }


def test_a_field_that_differs_from_the_event_is_shown(read: Home) -> None:
    usage, _ = report.gateway_lines(read, EVENT)
    assert usage.fields["credits_used"] == 3
    assert set(usage.fields) == {"latency_ms", "cost", "credits_used"}


def test_lines_are_plain_text_and_plain_json(read: Home) -> None:
    lines = report.gateway_lines(read, EVENT)
    assert "    cost                         0.02" in list(report.as_text(lines))
    assert report.as_json(lines)[0] == {
        "file": EVENT["raw_file"],
        "latency_ms": 1000,
        "cost": "0.02",
        "credits_used": 3,
    }


def test_a_file_that_is_gone_and_an_unknown_source_say_nothing(read: Home) -> None:
    assert report.gateway_lines(read, EVENT | {"source": "other"}) == []
    for table in ("infery_requests", "infery_usage"):
        for file in (read.raw / table).rglob("*.parquet"):
            file.unlink()
    assert report.gateway_lines(read, EVENT) == []
    assert list(report.as_text([])) == []
