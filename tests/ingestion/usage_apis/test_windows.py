"""Windows cover the time from a day to a moment, each hour once, none of them open."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.usage_apis.windows import DAY, Window, midnight, plan

FIRST = date(2026, 11, 1)
WIDTHS = st.sampled_from([1, 2, 3, 4, 6, 8, 12, 24])


@given(WIDTHS, WIDTHS, st.integers(0, 60 * 80), st.integers(0, 60 * 80))
def test_windows_follow_each_other_without_gap_or_overlap(
    before: int, now: int, earlier: int, later: int
) -> None:
    """Whatever width was used first, and whenever."""
    start = midnight(FIRST)
    known = plan(FIRST, start + timedelta(minutes=min(earlier, later)), before, [])
    until = start + timedelta(minutes=max(earlier, later))
    found = plan(FIRST, until, now, known[::-1])
    assert set(known) <= set(found)
    edges = [start, *(window.hi for window in found)]
    assert [window.lo for window in found] == edges[:-1]
    assert edges[-1] <= until < edges[-1] + DAY
    assert all(window.lo.date() == (window.hi - timedelta(seconds=1)).date() for window in found)


def test_a_window_is_known_by_its_name() -> None:
    window = Window(datetime(2026, 11, 1, 6, tzinfo=UTC), datetime(2026, 11, 1, 12, tzinfo=UTC))
    assert window.name == "20261101T060000Z-20261101T120000Z"
    assert Window.named(window.name) == window


def test_a_moment_without_a_zone_is_refused(desk: Any) -> None:
    with pytest.raises(ValueError, match="now must have a zone"):
        desk.fetch(desk.gateway(), "infery", now=datetime(2026, 11, 3, 6))
