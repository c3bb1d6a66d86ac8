"""Which days of a source are complete: each source of one small world is a case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from dagster_project.books.build import build
from dagster_project.dbt_runner.project import project
from ingestion import source_status
from ingestion.home import Home
from ingestion.raw_tables import Columns
from ingestion.source_status import MissingDelivery, SourceStatus
from ingestion.sources import cadence
from tests.dbt.marts.conftest import write_parquet

MONDAY = date(2026, 6, 1)
LAST = 27
DAILY, CALLS = range(LAST + 1), 30

COLUMNS: Mapping[str, Columns] = {
    "staging.stg_raw__files": [
        ("source", "VARCHAR"),
        ("stream", "VARCHAR"),
        ("landing_file", "VARCHAR"),
        ("delivered_on", "DATE"),
        ("line_count", "BIGINT"),
        ("blank_line_count", "BIGINT"),
        ("reject_count", "BIGINT"),
        ("event_count", "BIGINT"),
        ("unknown_fields", "VARCHAR"),
    ],
    "staging.stg_raw__file_days": [
        ("source", "VARCHAR"),
        ("stream", "VARCHAR"),
        ("landing_file", "VARCHAR"),
        ("delivered_on", "DATE"),
        ("event_date", "DATE"),
        ("event_count", "BIGINT"),
    ],
    "marts.fct_traffic_hourly": [
        ("source", "VARCHAR"),
        ("event_date", "DATE"),
        ("hour_at", "TIMESTAMP"),
        ("requests", "BIGINT"),
        ("failed_requests", "BIGINT"),
        ("timed_out_requests", "BIGINT"),
    ],
    "marts.rpt_delivery_days": [
        ("source", "VARCHAR"),
        ("stream", "VARCHAR"),
        ("delivered_on", "DATE"),
        ("usage_date", "DATE"),
        ("requests", "BIGINT"),
    ],
    "marts.fct_account_events": [("raw_file", "VARCHAR"), ("event_date", "DATE")],
    "intermediate.int_account_event_repeats": [
        ("raw_file", "VARCHAR"),
        ("event_date", "DATE"),
        ("repeated_rows", "BIGINT"),
    ],
    "intermediate.int_usage_repeated_events": [
        ("raw_file", "VARCHAR"),
        ("event_date", "DATE"),
        ("verdict", "VARCHAR"),
        ("is_repeated_identical", "BOOLEAN"),
    ],
    "intermediate.int_usage_api_rows": [
        ("usage_api", "VARCHAR"),
        ("source", "VARCHAR"),
        ("log_provider", "VARCHAR"),
        ("grouping_name", "VARCHAR"),
        ("first_date", "DATE"),
        ("last_date", "DATE"),
        ("period_start_at", "TIMESTAMP"),
        ("period_end_at", "TIMESTAMP"),
        ("requests", "BIGINT"),
    ],
}


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


@dataclass
class World:
    """Sources with their files, calls and control totals."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    deliveries: dict[tuple[str, str], set[date]] = field(default_factory=dict)

    def file(
        self, source: str, delivered: int, calls: Mapping[int, int], name: str = "a", stream: str = "logs"
    ) -> None:
        """Deliver a file with so many calls of each day, all at noon."""
        path = f"{source}/{stream}/dt={day(delivered)}/{name}"
        place = {"source": source, "stream": stream, "delivered_on": day(delivered)}
        counts = {"line_count": sum(calls.values()), "blank_line_count": 0, "reject_count": 0}
        self.tables["staging.stg_raw__files"].append(
            {
                **place,
                **counts,
                "landing_file": path,
                "event_count": sum(calls.values()),
                "unknown_fields": "",
            }
        )
        self.deliveries.setdefault((source, stream), set()).add(day(delivered))
        for number, count in calls.items():
            self.tables["staging.stg_raw__file_days"].append(
                {**place, "landing_file": path, "event_date": day(number), "event_count": count}
            )
            self.tables["marts.rpt_delivery_days"].append(
                {**place, "usage_date": day(number), "requests": count}
            )
            self.calls(source, number, {12: count})

    def calls(self, source: str, number: int, hours: Mapping[int, int], failed: bool = False) -> None:
        """Put calls of some hours of a day into the facts."""
        for hour, count in hours.items():
            at = datetime.combine(day(number), datetime.min.time()) + timedelta(hours=hour)
            row = {"source": source, "event_date": day(number), "hour_at": at, "requests": count}
            failures = {"failed_requests": count if failed else 0, "timed_out_requests": 0}
            self.tables["marts.fct_traffic_hourly"].append(row | failures)

    def reported(
        self, source: str, number: int, requests: int, groupings: Sequence[str] = ("model",)
    ) -> None:
        """Let the gateway's own API count a day, once for each grouping."""
        start = datetime.combine(day(number), datetime.min.time())
        for grouping in groupings:
            self.tables["intermediate.int_usage_api_rows"].append(
                {
                    "usage_api": "infery",
                    "source": source,
                    "grouping_name": grouping,
                    "first_date": day(number),
                    "last_date": day(number),
                    "period_start_at": start,
                    "period_end_at": start + timedelta(days=1),
                    "requests": requests,
                }
            )

    def judged(self, home: Home, raw_files: Callable[[Home], Any]) -> dict[str, dict[int, str]]:
        """Build the model; return the reason of each incomplete day, by source."""
        raw_files(home).configuration()
        missing: dict[str, list[MissingDelivery]] = {}
        for (source, stream), days in sorted(self.deliveries.items()):
            gaps = [MissingDelivery(stream, gap) for gap in cadence.gaps(days, None)]
            missing.setdefault(source, []).extend(gaps)
        source_status.write(
            home, [SourceStatus(source, missing_deliveries=tuple(gaps)) for source, gaps in missing.items()]
        )
        with duckdb.connect(str(home.build_database)) as session:
            for table, columns in COLUMNS.items():
                parquet = home.root / f"{table}.parquet"
                write_parquet(parquet, columns, self.tables[table])
                session.execute(f"create schema if not exists {table.partition('.')[0]}")
                session.execute(f"create table {table} as from '{parquet}'")
        result = build(home, project(), ["stg_raw__source_status", "fct_day_completeness", "rpt_source_days"])
        assert not result.broken, result.explain()
        with duckdb.connect(str(home.build_database), read_only=True) as session:
            rows = session.sql(
                "select source, event_date, incomplete_reason, is_complete from marts.fct_day_completeness"
            ).fetchall()
        assert all(is_complete is (reason is None) for _, _, reason, is_complete in rows)
        found: dict[str, dict[int, str]] = {source: {} for source, _ in self.deliveries}
        for source, at, reason, _ in rows:
            found[source][(at - MONDAY).days] = reason
        return found


def daily(
    world: World, source: str, days: Iterable[int] = DAILY, without: Iterable[int] = (), lag: int = 0
) -> None:
    """Deliver 30 calls a day, each day in its own file, so many days later."""
    for number in days:
        if number not in without:
            world.file(source, number + lag, {number: CALLS})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("days"))


@pytest.fixture(scope="module")
def found(place: Home, raw_files: Callable[[Home], Any]) -> dict[str, dict[int, str]]:
    """The reasons of incomplete days in a world of four weeks."""
    world = World()
    daily(world, "lost", without=[10])
    daily(world, "few", without=[10, 11])
    world.file("few", 11, {10: 3, 11: CALLS})
    daily(world, "late", without=[10])
    world.file("late", 14, {10: CALLS}, name="late")
    daily(world, "redelivered", without=[10])
    world.file("redelivered", 10, {10: CALLS}, name="again")
    daily(world, "stated", without=[10])
    world.file("stated", 10, {})
    daily(world, "workdays", [number for number in DAILY if number % 7 < 5])
    daily(world, "morning_after", range(LAST), without=[10], lag=1)
    world.file("history", LAST, {number: CALLS for number in range(LAST) if number != 10 and number % 7 < 5})
    daily(world, "silent", range(20))
    for number in DAILY:
        for part in ("a", "b", "c"):
            if (number, part) not in ((10, "b"), (20, "b")):
                world.file("in_parts", number, {number: CALLS}, name=part)
    world.file("in_parts", 22, {20: CALLS}, name="late")
    daily(world, "enriched", without=[10])
    for number in (0, 5, 15, 25):
        world.file("enriched", number, {number: 2}, stream="responses")
    for number in DAILY:
        world.file("office", number, {number: 0})
        world.calls("office", number, {hour: 20 for hour in range(8, 18) if (number, hour) != (24, 11)})
        world.file("counted", number, {number: 90})
        world.calls("counted", number, {13: 10}, failed=True)
        world.reported("counted", number, {10: 100, 11: 94}.get(number, 90), ("model", "key"))
        world.file("counted_few", number, {number: 12})
        world.reported("counted_few", number, {10: 15, 11: 14}.get(number, 12))
    return world.judged(place, raw_files)


def incomplete(found: dict[str, dict[int, str]], source: str) -> dict[int, str]:
    """The incomplete days of a source but for the last of all, which is awaited."""
    return {number: reason for number, reason in found[source].items() if reason and number != LAST}


def test_a_lost_day_is_incomplete_though_the_next_file_came(found: dict[str, dict[int, str]]) -> None:
    assert incomplete(found, "lost") == {10: "not_delivered"}


def test_calls_after_midnight_do_not_make_up_for_a_lost_day(found: dict[str, dict[int, str]]) -> None:
    """3 of 30 calls came in the file of the next day."""
    assert incomplete(found, "few") == {10: "not_delivered"}


def test_a_late_delivery_completes_a_day(found: dict[str, dict[int, str]]) -> None:
    """The calls of day 10 came four days later, or later into the folder of the day."""
    assert incomplete(found, "late") == {}
    assert incomplete(found, "redelivered") == {}


def test_a_file_without_calls_says_that_there_were_none(found: dict[str, dict[int, str]]) -> None:
    assert incomplete(found, "stated") == {}


def test_a_day_on_which_nothing_is_due_is_complete(found: dict[str, dict[int, str]]) -> None:
    """Nothing is delivered at weekends; the last Saturday follows the last delivery, so it is awaited."""
    assert incomplete(found, "workdays") == {25: "awaited", 26: "awaited"}


def test_a_day_whose_file_comes_the_day_after_is_complete_with_it(found: dict[str, dict[int, str]]) -> None:
    """The last file, of day 27, holds day 26; the one of day 11 is missing, so day 10 is."""
    assert incomplete(found, "morning_after") == {10: "not_delivered"}


def test_history_in_one_file_is_complete_but_for_a_working_day_without_calls(
    found: dict[str, dict[int, str]],
) -> None:
    """30 calls on every other Thursday, and none at any weekend; the file of the last Saturday is awaited."""
    assert incomplete(found, "history") == {10: "not_delivered", 26: "awaited"}


def test_days_after_the_last_delivery_are_awaited(found: dict[str, dict[int, str]]) -> None:
    assert incomplete(found, "silent") == dict.fromkeys(range(19, LAST), "awaited")


def test_a_missing_part_of_a_day_is_missed_until_it_comes(found: dict[str, dict[int, str]]) -> None:
    """Three files a day; of day 10 two came, the third of day 20 two days late."""
    assert incomplete(found, "in_parts") == {10: "missing_files"}


def test_a_partial_stream_stands_in_for_no_other(found: dict[str, dict[int, str]]) -> None:
    """Responses of some calls come now and then: days without them are complete, and day 10 of the log is not."""
    assert incomplete(found, "enriched") == {10: "not_delivered"}


def test_an_hour_without_a_call_is_missed_where_there_are_always_some(
    found: dict[str, dict[int, str]],
) -> None:
    """20 calls an hour from 8 to 18 o'clock; nights are as empty as ever, and three weeks are known."""
    assert incomplete(found, "office") == {24: "missing_hours"}


def test_logs_with_fewer_calls_than_the_gateway_counts_are_incomplete(
    found: dict[str, dict[int, str]],
) -> None:
    """90 calls and 10 failed ones, which no gateway counts: of 100 reported 10 % are missing, of 94 4.3 %."""
    assert incomplete(found, "counted") == {10: "missing_in_logs"}


def test_one_or_two_calls_may_be_counted_on_another_day(found: dict[str, dict[int, str]]) -> None:
    """12 calls; of 15 reported three are missing, of 14 two."""
    assert incomplete(found, "counted_few") == {10: "missing_in_logs"}


def test_the_day_of_the_last_delivery_is_awaited(found: dict[str, dict[int, str]]) -> None:
    assert {source for source, days in found.items() if days[LAST] == "awaited"} == found.keys()


@pytest.mark.usefixtures("found")
def test_deliveries_by_day_say_which_days_are_complete(place: Home) -> None:
    """The file of day 10 is missing for good, came on day 14, or has no calls; on day 9 all is as ever."""
    with duckdb.connect(str(place.build_database), read_only=True) as session:
        rows = session.execute(
            """
            select source, delivered_on - $monday, files, lines, events, is_complete, incomplete_reason
            from marts.rpt_source_days
            where source in ('late', 'lost', 'stated') and delivered_on - $monday in (9, 10)
            order by source, delivered_on
            """,
            {"monday": MONDAY},
        ).fetchall()
    assert rows == [
        ("late", 9, 1, 30, 30, True, None),
        ("late", 10, 0, 0, 0, True, None),
        ("lost", 9, 1, 30, 30, True, None),
        ("lost", 10, 0, 0, 0, False, "not_delivered"),
        ("stated", 9, 1, 30, 30, True, None),
        ("stated", 10, 1, 0, 0, True, None),
    ]


def test_a_home_without_files_has_no_days(home: Home, raw_files: Callable[[Home], Any]) -> None:
    assert World().judged(home, raw_files) == {}
