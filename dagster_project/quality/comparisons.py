"""A delivery day of a stream beside its earlier days: the columns of the suite that need a history.

A column is null while there are too few earlier days, or the day has too few rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

from dagster_project.quality.profiles import Day

#: A day is compared with the same weekday of this many weeks, and with all days of so many; at least so many of them.
WEEKDAYS = timedelta(weeks=8)
RECENT = timedelta(weeks=4)
FEWEST_WEEKDAYS = 3
FEWEST_RECENT = 7
#: Smaller days vary too much to be compared.
FEWEST_ROWS = 50
#: An hour had traffic with at least so many rows.
FEWEST_HOUR_ROWS = 5


@dataclass(frozen=True)
class Compared:
    """A day beside earlier ones: the columns of the suite, null where there is too little to compare with, and the rows
    that show each.
    """

    columns: dict[str, float | None]
    shown: dict[str, list[dict[str, Any]]]


def compare(day: str, days: Mapping[str, Day], events_by_model: Mapping[str, int]) -> Compared:
    """Compare a delivery day with the earlier ones of its stream."""
    today, this = days[day], date.fromisoformat(day)
    earlier = {date.fromisoformat(name): found for name, found in days.items() if name < day and found.rows}
    recent = [found for at, found in earlier.items() if at >= this - RECENT]
    weekdays = [
        found for at, found in earlier.items() if at >= this - WEEKDAYS and at.weekday() == this.weekday()
    ]
    columns: dict[str, float | None] = dict.fromkeys(
        ("volume_ratio", "null_rise", "undeclared_rise", "new_model_share", "missing_hours")
    )
    shown: dict[str, list[dict[str, Any]]] = {}
    if len(weekdays) >= FEWEST_WEEKDAYS:
        usual = median(found.rows for found in weekdays)
        if usual >= FEWEST_ROWS:
            columns["volume_ratio"] = today.rows / usual
            shown["volume_ratio"] = [{"rows": today.rows, "usual_rows": usual}]
        missing = _missing_hours(today, weekdays)
        columns["missing_hours"] = len(missing)
        shown["missing_hours"] = [{"hour_utc": hour, "fewest_rows_before": rows} for hour, rows in missing]
    if len(recent) >= FEWEST_RECENT and today.rows >= FEWEST_ROWS:
        rises = sorted(_rises(today, recent), key=lambda rise: (-rise[0], rise[1]))
        columns["null_rise"] = rises[0][0] if rises else None
        shown["null_rise"] = [
            {"field": name, "missing_share": share, "highest_before": before}
            for _, name, share, before in rises
        ]
        before = max(found.undeclared for found in recent)
        columns["undeclared_rise"] = today.undeclared - before
        shown["undeclared_rise"] = [{"share": today.undeclared, "highest_before": before}]
        known = {model for found in recent for model in found.models}
        new = {model: events for model, events in events_by_model.items() if model not in known}
        total = sum(events_by_model.values())
        columns["new_model_share"] = sum(new.values()) / total if total else None
        shown["new_model_share"] = [{"model": model, "rows": new[model]} for model in sorted(new)]
    return Compared({**today.counts, **columns}, shown)


def compared_with(day: str, days: Mapping[str, Day]) -> list[tuple[str, Day]]:
    """Return the earlier days that a day may be compared with."""
    first = str(date.fromisoformat(day) - WEEKDAYS)
    return [(name, days[name]) for name in sorted(days) if first <= name < day]


def _missing_hours(today: Day, weekdays: Sequence[Day]) -> list[tuple[int, int]]:
    """Return hours without a row that always had traffic, with the fewest rows they had."""
    fewest = {hour: min(found.hours.get(str(hour), 0) for found in weekdays) for hour in range(24)}
    return [
        (hour, rows)
        for hour, rows in fewest.items()
        if rows >= FEWEST_HOUR_ROWS and not today.hours.get(str(hour))
    ]


def _rises(today: Day, recent: Sequence[Day]) -> Iterator[tuple[float, str, float, float]]:
    for name, share in today.absent.items():
        shares = [found.absent[name] for found in recent if name in found.absent]
        if shares:
            yield share - max(shares), name, share, max(shares)
