"""When a delivery is due: learnt from the days of past ones, weekends and outages included, or as stated."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.sources.cadence import gaps, rhythm, silent_since

MONDAY = date(2026, 11, 2)


def on(*numbers: int) -> set[date]:
    """Days, counted from a Monday."""
    return {MONDAY + timedelta(days=number) for number in numbers}


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def weeks(*weekdays: int, number: int) -> set[date]:
    return on(*(7 * week + weekday for week in range(number) for weekday in weekdays))


@pytest.mark.parametrize(
    ("deliveries", "weekdays"),
    [
        (on(*range(14)), {0, 1, 2, 3, 4, 5, 6}),
        (weeks(0, 1, 2, 3, 4, number=3), {0, 1, 2, 3, 4}),
        (on(0, 1, 2, 3, 4), {0, 1, 2, 3, 4}),
        (on(0, 1, 2, 3, 4, 7), {0, 1, 2, 3, 4}),
        (on(0, 1, 2), {0, 1, 2, 3, 4}),
        (on(3, 4, 5, 6), {0, 1, 2, 3, 4, 5, 6}),
        (on(0, 1, 3, 4), {0, 1, 2, 3, 4}),
        (weeks(0, number=3), {0}),
        (weeks(0, 3, number=4), {0, 3}),
        (on(*range(200), *range(230, 235)), {0, 1, 2, 3, 4, 5, 6}),
    ],
    ids=[
        "every day",
        "working days",
        "one working week: the weekend was not seen",
        "one weekend was skipped",
        "three days: working days until missed",
        "a weekend that was seen",
        "one day missed is a gap, no rule",
        "once a week",
        "twice a week",
        "an outage of a month teaches nothing",
    ],
)
def test_the_weekdays_of_a_stream_are_learnt(deliveries: set[date], weekdays: set[int]) -> None:
    assert rhythm(deliveries).weekdays == weekdays


def test_without_weekdays_of_its_own_a_stream_is_due_after_its_longest_pause() -> None:
    """Bills of the first of each month: pauses of 31, 28 and 31 days."""
    bills = {date(2026, month, 1) for month in (1, 2, 3, 4)}
    assert rhythm(bills).pause_days == 31
    assert silent_since(bills, date(2026, 5, 3), 1, None) is None
    assert silent_since(bills, date(2026, 5, 4), 1, None) == date(2026, 5, 2)


@pytest.mark.parametrize("deliveries", [set(), on(0), on(0, 1), on(0, 30)])
def test_two_deliveries_show_no_pattern_yet(deliveries: set[date]) -> None:
    assert silent_since(deliveries, day(1000), 1, None) is None


@pytest.mark.parametrize(
    ("today", "since"),
    [(14, None), (15, None), (16, day(14)), (400, day(14))],
    ids=["today is not over", "the day of grace", "over", "long over"],
)
def test_a_daily_stream_is_silent_when_a_day_and_its_grace_have_passed(
    today: int, since: date | None
) -> None:
    """Two weeks of days, 0 to 13; day 14 did not come, its grace ends with day 15."""
    assert silent_since(on(*range(14)), day(today), 1, None) == since


@pytest.mark.parametrize(("grace", "since"), [(0, day(14)), (1, None), (5, None)])
def test_the_grace_is_a_setting(grace: int, since: date | None) -> None:
    assert silent_since(on(*range(14)), day(15), grace, None) == since


@pytest.mark.parametrize(
    ("last", "today", "since"),
    [(18, 20, None), (18, 22, None), (18, 23, day(21)), (16, 18, None), (16, 19, day(17)), (16, 20, day(17))],
    ids=[
        "Sunday after Friday",
        "Tuesday: Monday has its grace",
        "Wednesday: Monday is missing",
        "Friday after Wednesday: Thursday has its grace",
        "Saturday after Wednesday: Thursday is missing",
        "Sunday after Wednesday: Thursday is missing",
    ],
)
def test_a_stream_of_working_days_rests_at_the_weekend(last: int, today: int, since: date | None) -> None:
    deliveries = {found for found in weeks(0, 1, 2, 3, 4, number=3) if found <= day(last)}
    assert silent_since(deliveries, day(today), 1, None) == since


@pytest.mark.parametrize(
    ("stated", "since"),
    [("daily", day(5)), ("weekdays", day(7)), ("weekly", day(11)), ("none", None), (None, None)],
)
def test_the_cadence_of_sources_yml_holds_from_the_first_delivery_on(
    stated: str | None, since: date | None
) -> None:
    """One delivery, on a Friday."""
    assert silent_since(on(4), day(30), 1, stated) == since


def test_gaps_are_due_days_between_deliveries() -> None:
    assert gaps(on(0, 1, 3, 4), None) == [day(2)]
    assert gaps(on(0, 2), None) == [day(1)]
    assert gaps(weeks(0, 1, 2, 3, 4, number=3), None) == []
    assert gaps(weeks(0, 1, 2, 3, 4, number=3), "daily") == [day(5), day(6), day(12), day(13)]
    assert gaps(on(0, 5), "none") == []


@given(st.sets(st.integers(0, 400), max_size=60), st.integers(0, 500))
def test_whatever_was_delivered_silence_begins_after_it_and_never_ends_by_waiting(
    numbers: set[int], waited: int
) -> None:
    deliveries = on(*numbers)
    today = max(deliveries, default=MONDAY) + timedelta(days=waited)
    since = silent_since(deliveries, today, 1, None)
    assert since is None or max(deliveries) < since < today
    assert since is None or silent_since(deliveries, today + timedelta(days=1), 1, None) == since
    assert set(gaps(deliveries, None)).isdisjoint(deliveries)
