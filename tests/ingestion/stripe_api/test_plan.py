"""How far back a sync reads: decided from the marks and the moment it reads up to."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from ingestion.stripe_api.plan import EVENTS, LAST_WHOLE_SYNC, LAST_WIDE_SYNC, epoch, make_plan
from ingestion.stripe_api.streams import BALANCE_TRANSACTIONS, PAYMENT_INTENTS

END = datetime(2026, 11, 2, 3)
DAY = 86_400


def marks(events: float, weekly: float, whole: float) -> dict[str, int]:
    """Marks so many days before the end."""
    ages = {EVENTS: events, LAST_WIDE_SYNC: weekly, LAST_WHOLE_SYNC: whole}
    return {name: epoch(END - timedelta(days=age)) for name, age in ages.items()}


@pytest.mark.parametrize(
    ("ages", "reach"),
    [
        ((1, 1, 1), "nightly"),
        ((1, 6.99, 29.99), "nightly"),
        ((1, 7, 29), "weekly"),
        ((28, 28, 29), "weekly"),
        ((1, 7, 30), "monthly"),
        ((29, 29, 29), "weekly"),
        ((29.001, 30, 30), "gap"),
        ((-0.001, 1, 1), "gap"),
    ],
)
def test_the_reach_follows_from_the_ages_of_the_marks(ages: tuple[float, float, float], reach: str) -> None:
    plan = make_plan(marks(*ages), END)
    assert plan.reach == reach
    assert bool(plan.warnings) == (reach == "gap")


def test_without_marks_everything_is_read_and_nothing_is_warned_of() -> None:
    plan = make_plan({}, END)
    assert (plan.reach, plan.events_from, plan.warnings) == ("first", None, ())
    assert plan.low(PAYMENT_INTENTS, None) == 0


def test_marks_of_before_the_change_feed_count_as_none() -> None:
    """A home of an earlier release has the marks of its lists, but its events were not read."""
    assert make_plan({"payment_intents": 1}, END).low(PAYMENT_INTENTS, 10 * DAY) == 0


def test_a_nightly_list_starts_an_overlap_before_its_mark() -> None:
    """Three days for intents; ten for the balance, which changes without events."""
    plan = make_plan(marks(1, 1, 1), END)
    mark = epoch(END) - DAY
    assert plan.low(PAYMENT_INTENTS, mark) == mark - 3 * DAY
    assert plan.low(BALANCE_TRANSACTIONS, mark) == mark - 10 * DAY
    assert plan.events_from == epoch(END) - DAY - 600


def test_a_weekly_list_starts_35_days_back_and_a_monthly_one_at_the_beginning() -> None:
    mark = epoch(END) - DAY
    assert make_plan(marks(1, 7, 8), END).low(PAYMENT_INTENTS, mark) == epoch(END) - 35 * DAY
    assert make_plan(marks(1, 7, 8), END).low(PAYMENT_INTENTS, 40 * DAY) == 37 * DAY
    assert make_plan(marks(1, 7, 30), END).low(PAYMENT_INTENTS, mark) == 0


def test_only_a_reading_that_reached_so_far_moves_its_mark() -> None:
    high = epoch(END)
    assert make_plan(marks(1, 1, 1), END).marks_after() == {EVENTS: high}
    assert make_plan(marks(1, 7, 8), END).marks_after() == {EVENTS: high, LAST_WIDE_SYNC: high}
    for ages in ((1, 7, 30), (40, 40, 40)):
        moved = make_plan(marks(*ages), END).marks_after()
        assert moved == {EVENTS: high, LAST_WIDE_SYNC: high, LAST_WHOLE_SYNC: high}


def test_the_warning_has_the_last_sync_and_what_was_done() -> None:
    (warning,) = make_plan(marks(35, 35, 35), END).warnings
    assert "2026-09-28 03:00 UTC" in warning
    assert "every payment object was read again" in warning
