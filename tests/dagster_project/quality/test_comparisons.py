"""A delivery day beside its earlier days: what each column says, and when it says nothing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from dagster_project.quality.comparisons import Compared, compare, compared_with
from dagster_project.quality.profiles import Day

MONDAY = date(2026, 11, 2)
HOURS = {str(hour): 10 for hour in range(24)}


def day(rows: int = 240, **changes: object) -> Day:
    known = {"hours": HOURS, "absent": {"workspace_id": 0.1}, "models": ["openai/gpt-4o"]}
    return Day(rows=rows, **{**known, **changes})


def history(days: int, **changes: object) -> dict[str, Day]:
    """Days before Monday, all alike."""
    return {str(MONDAY - timedelta(days=number)): day(**changes) for number in range(1, days + 1)}


def compared(today: Day, earlier: dict[str, Day], models: dict[str, int] | None = None) -> Compared:
    return compare(str(MONDAY), {**earlier, str(MONDAY): today}, models or {"openai/gpt-4o": today.rows})


def test_a_day_like_the_others_shows_nothing() -> None:
    columns = compared(day(), history(60)).columns
    assert columns == {
        "volume_ratio": 1,
        "null_rise": 0,
        "undeclared_rise": 0,
        "new_model_share": 0,
        "missing_hours": 0,
    }


@pytest.mark.parametrize(("rows", "ratio"), [(48, 0.2), (240, 1.0), (1200, 5.0)])
def test_volume_is_compared_with_the_same_weekday(rows: int, ratio: float) -> None:
    """Mondays have 240 rows and all other days 10."""
    earlier = {
        at: found if date.fromisoformat(at).weekday() == 0 else day(10) for at, found in history(60).items()
    }
    found = compared(day(rows), earlier)
    assert found.columns["volume_ratio"] == ratio
    assert found.shown["volume_ratio"] == [{"rows": rows, "usual_rows": 240}]


def test_two_mondays_and_six_days_are_too_few_to_compare_with() -> None:
    assert compared(day(), history(20)).columns["volume_ratio"] is None
    assert compared(day(), history(21)).columns["volume_ratio"] == 1
    assert compared(day(), history(6)).columns["null_rise"] is None
    assert compared(day(), history(7)).columns["null_rise"] == 0


def test_a_small_stream_is_not_compared() -> None:
    columns = compared(day(4), history(60, rows=6)).columns
    assert (columns["volume_ratio"], columns["null_rise"], columns["new_model_share"]) == (None, None, None)


def test_a_half_day_misses_the_hours_that_had_traffic_every_week() -> None:
    """The afternoon is missing; hour 3 was quiet before."""
    quiet = {**HOURS, "3": 2}
    morning = {str(hour): 10 for hour in range(12) if hour != 3}
    found = compared(day(120, hours=morning), history(60, hours=quiet))
    assert found.columns["missing_hours"] == 12
    assert [row["hour_utc"] for row in found.shown["missing_hours"]] == list(range(12, 24))


def test_a_field_that_vanished_is_named_first() -> None:
    """workspace_id was missing in a tenth of the rows, and is now in all; model is as before."""
    found = compared(
        day(absent={"model": 0.0, "workspace_id": 1.0}),
        history(60, absent={"model": 0.0, "workspace_id": 0.1}),
    )
    assert found.columns["null_rise"] == pytest.approx(0.9)
    assert found.shown["null_rise"][0]["field"] == "workspace_id"


def test_a_field_without_a_past_is_not_compared() -> None:
    assert compared(day(absent={"new": 1.0}), history(60)).columns["null_rise"] is None


def test_new_models_and_undeclared_fields_are_shares_of_the_rows() -> None:
    """180 of 240 rows are of a new model, and a field nobody declared is on 0.6 of them."""
    found = compared(day(undeclared=0.7), history(60, undeclared=0.1), {"openai/gpt-4o": 60, "x/new": 180})
    assert found.columns["new_model_share"] == 0.75
    assert found.shown["new_model_share"] == [{"model": "x/new", "rows": 180}]
    assert found.columns["undeclared_rise"] == pytest.approx(0.6)


def test_a_day_is_compared_with_eight_weeks_and_never_with_later_days() -> None:
    days = {**history(80), str(MONDAY): day(), str(MONDAY + timedelta(days=1)): day()}
    names = [name for name, _ in compared_with(str(MONDAY), days)]
    assert (names[0], names[-1], len(names)) == ("2026-09-07", "2026-11-01", 56)
