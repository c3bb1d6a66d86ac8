"""The spend detector: equal to a plain numpy reading of its rules, and right about the cases they are for."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pytest

from dagster_project.books.build import build
from dagster_project.dbt_runner.project import project
from ingestion.home import Home

DETECTOR = [
    "int_anomaly_settings",
    "fct_key_spend_daily",
    "fct_anomaly_days",
    "fct_anomaly_contributors",
    "fct_anomalies",
]
MONDAY = date(2026, 6, 1)
DAYS = 100
REQUESTS = {"steady_1": 25, "steady_2": 60, "new": 12, "slow_start": 5}
"""Requests a day of the keys that make few; the others make 1000."""

FLOOR, SIGMAS, SIGMA_FLOOR, ALERT_PCT, REQUEST_SCATTER = 1.0, 3.5, 0.15, 100.0, 1.5

Spend = dict[str, dict[int, Decimal]]
"""USD of each day number, by key."""


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def usd(value: float) -> Decimal:
    return Decimal(f"{value:.6f}")


def weekly(
    rng: np.random.Generator, level: float, *, start: int = 0, weekend: float = 0.4
) -> dict[int, Decimal]:
    """A key's ordinary spend: its weekday level, its weekend, 12 % noise."""
    return {
        number: usd(level * (weekend if number % 7 >= 5 else 1.0) * math.exp(rng.normal(0, 0.12)))
        for number in range(start, DAYS)
    }


def random_spend(seed: int) -> Spend:
    """Keys of every kind, with days multiplied at random."""
    rng = np.random.default_rng(seed)
    spend: Spend = {f"steady_{n}": weekly(rng, level) for n, level in enumerate((0.5, 4.0, 40.0, 900.0))}
    spend["flat"] = dict.fromkeys(range(DAYS), usd(20.0))
    spend["new"] = weekly(rng, 30.0, start=60)
    spend["slow_start"] = {number: usd(0.1 if number < 43 else 25.0) for number in range(40, DAYS)}
    spend["sparse"] = {n: usd(rng.lognormal(1, 0.5)) for n in range(DAYS) if rng.random() < 0.5}
    spend["weekdays_only"] = {n: usd(15.0 + rng.random()) for n in range(DAYS) if n % 7 < 5}
    spend["stopped"] = {n: usd(50.0) for n in range(70)}
    for days in spend.values():
        for number in rng.choice(sorted(days), 6, replace=False):
            days[number] = usd(float(days[number]) * rng.choice([0.05, 1.8, 3.0, 9.0]))
    return spend


def flagged_by_the_rules(
    days: dict[int, Decimal], requests: int, last: int
) -> dict[int, tuple[str, float, float | None]]:
    """Apply the rules to one key: day number → rule, expected USD, z-score, up to the last complete day."""
    first = min(days)
    spend = np.array([float(days.get(number, 0)) for number in range(first, last + 1)])
    made = np.array([requests if number in days else 0 for number in range(first, last + 1)])
    flags: dict[int, tuple[str, float, float | None]] = {}
    greeted = False
    for index, today in enumerate(spend):
        recent = spend[max(0, index - 28) : index]
        weekdays = slice(index % 7 + 7 * max(0, index // 7 - 8), index, 7)
        if len(recent) < 7:
            if first >= 7 and today > FLOOR and not greeted:
                greeted = True
                flags[first + index] = ("new_spender", 0.0, None)
        elif (recent == 0).sum() * 100 >= len(recent) * 35:
            if today > FLOOR and today > 3 * np.quantile(recent, 0.95) and today - np.median(recent) >= FLOOR:
                flags[first + index] = ("sparse", float(np.median(recent)), None)
        elif len(spend[weekdays]) >= 4:
            logs = np.log(spend[weekdays] + 1)
            middle = np.median(logs)
            by_count = REQUEST_SCATTER / math.sqrt(max(np.median(made[weekdays]), 1))
            sigma = max(
                1.4826 * np.median(np.abs(logs - middle)), (1 - math.exp(-middle)) * by_count, SIGMA_FLOOR
            )
            score = (math.log(today + 1) - middle) / sigma
            expected = math.exp(middle) - 1
            if abs(score) > SIGMAS and abs(today - expected) >= FLOOR:
                flags[first + index] = ("same_weekday", expected, score)
        else:
            usual = float(np.median(recent))
            by_count = REQUEST_SCATTER / math.sqrt(max(np.median(made[max(0, index - 28) : index]), 1))
            limit = usual * max(1 + ALERT_PCT / 100, math.exp(SIGMAS * by_count))
            if today > FLOOR and today > limit and today - usual >= FLOOR:
                flags[first + index] = ("percentage", usual, None)
    return flags


def usage_rows(spend: Spend) -> list[dict[str, Any]]:
    return [usage(number, key, amount) for key, days in spend.items() for number, amount in days.items()]


def usage(number: int, key: str, amount: Decimal, **changed: Any) -> dict[str, Any]:
    usual = {
        "event_date": day(number),
        "usage_date": day(number),
        "source": "infron",
        "workspace_id": "ws_1",
        "api_key_id": key,
        "model_served": "gpt-4o",
        "requests": REQUESTS.get(key, 1000),
        "unpriced_requests": 0,
        "cache_optimized_cost_usd": amount,
        "reported_cost_usd": amount,
    }
    return usual | changed


def detect(
    home: Home,
    raw_files: Callable[[Home], Any],
    rows: list[dict[str, Any]],
    complete: list[int],
    settings: dict[str, float] | None = None,
) -> None:
    """Build the detector over these daily rows."""
    files = raw_files(home)
    files.configuration(settings)
    files.usage_daily(rows, [day(number) for number in complete])
    result = build(home, project(), DETECTOR)
    assert not result.broken, result.explain()


def incidents(home: Home) -> dict[str, list[dict[str, Any]]]:
    """Every incident, by key, in time order."""
    found: dict[str, list[dict[str, Any]]] = {}
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        rows = session.sql("select * from marts.fct_anomalies order by first_date, direction")
        for row in rows.fetchall():
            incident = dict(zip(rows.columns, row, strict=True))
            found.setdefault(incident["api_key_id"], []).append(incident)
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_the_models_flag_the_days_that_the_rules_flag(
    seed: int, home: Home, raw_files: Callable[[Home], Any]
) -> None:
    spend = random_spend(seed)
    detect(home, raw_files, usage_rows(spend), list(range(DAYS - 1)))
    expected = {
        (key, day(number)): flag
        for key, days in spend.items()
        for number, flag in flagged_by_the_rules(days, REQUESTS.get(key, 1000), DAYS - 2).items()
    }
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        found = {
            (key, at): (rule, expected_usd, score)
            for key, at, rule, expected_usd, score in session.sql(
                """
                select api_key_id, event_date, detection_rule, expected_usd, z_score
                from marts.fct_anomaly_days
                """
            ).fetchall()
        }
    assert {rule for rule, _, _ in expected.values()} == {
        "new_spender",
        "sparse",
        "same_weekday",
        "percentage",
    }
    assert found.keys() == expected.keys()
    for at, (rule, expected_usd, score) in found.items():
        assert rule == expected[at][0]
        assert float(expected_usd) == pytest.approx(expected[at][1], abs=1e-5)
        assert score == (None if expected[at][2] is None else pytest.approx(expected[at][2], rel=1e-9))


@pytest.fixture(scope="module")
def cases(
    tmp_path_factory: pytest.TempPathFactory, raw_files: Callable[[Home], Any]
) -> dict[str, list[dict[str, Any]]]:
    """Incidents of a world in which each key is a case; day 85 never came and day 99 is still coming in."""
    rng = np.random.default_rng(0)
    spend: Spend = {
        name: weekly(rng, 10.0)
        for name in (
            *("quiet", "spiked", "weekend_leak", "three_days", "dropped", "two_models", "last_day"),
            *("heard_of_late", "taken_back"),
        )
    }
    spend["spiked"][70] = usd(40)
    spend["weekend_leak"][75] = usd(10)
    for number in (70, 71, 72):
        spend["three_days"][number] = usd(60)
    spend["dropped"][72] = usd(0)
    spend["taken_back"][71] = usd(60)
    spend["last_day"][DAYS - 1] = usd(500)
    spend["penny"] = dict.fromkeys(range(DAYS), usd(0.01)) | {70: usd(0.9)}
    spend["arrived"] = {number: usd(30) for number in range(80, DAYS)}
    spend["flat_week"] = {number: usd(5) for number in range(60, 69)} | {69: usd(11)}
    spend["flat_week"] |= {number: usd(5) for number in range(70, DAYS)}
    rows = usage_rows(spend)
    rows.append(usage(70, "two_models", usd(50), model_served="claude-sonnet-4-5"))
    rows.append(usage(77, "heard_of_late", usd(50), usage_date=day(70)))
    rows.append(usage(77, "taken_back", usd(-50), usage_date=day(71)))
    rows += [
        usage(number, "unpriced", usd(0), reported_cost_usd=usd(8), unpriced_requests=3)
        for number in range(DAYS)
    ]
    rows.append(usage(70, "unpriced", usd(0), reported_cost_usd=usd(80), unpriced_requests=30))
    rows = [row for row in rows if row["event_date"] != day(85)]
    home = Home(tmp_path_factory.mktemp("cases"))
    detect(home, raw_files, rows, [number for number in range(DAYS - 1) if number != 85])
    return incidents(home)


def test_an_ordinary_key_is_left_alone(cases: dict[str, list[dict[str, Any]]]) -> None:
    assert "quiet" not in cases


def test_a_day_of_four_times_the_usual_is_found(cases: dict[str, list[dict[str, Any]]]) -> None:
    [found] = cases["spiked"]
    assert (found["first_date"], found["direction"], found["detection_rule"]) == (
        day(70),
        "spike",
        "same_weekday",
    )
    assert found["seen_usd"] == Decimal("40")
    assert found["excess_usd"] == found["seen_usd"] - found["expected_usd"]


def test_weekday_spend_on_a_saturday_is_found(cases: dict[str, list[dict[str, Any]]]) -> None:
    """10 USD is a plain weekday for this key; its Saturdays are near 4."""
    [found] = cases["weekend_leak"]
    assert found["first_date"] == day(75)


def test_days_in_a_row_are_one_incident(cases: dict[str, list[dict[str, Any]]]) -> None:
    """3 × 60 USD seen."""
    [found] = cases["three_days"]
    assert (found["first_date"], found["last_date"], found["flagged_day_count"]) == (day(70), day(72), 3)
    assert found["seen_usd"] == Decimal("180")


def test_a_drop_is_found_and_is_never_severe(cases: dict[str, list[dict[str, Any]]]) -> None:
    [found] = cases["dropped"]
    assert (found["first_date"], found["direction"], found["severity"]) == (day(72), "drop", "low")
    assert found["excess_usd"] < 0


def test_a_day_that_is_still_coming_in_is_not_judged(cases: dict[str, list[dict[str, Any]]]) -> None:
    assert "last_day" not in cases


def test_a_day_that_never_came_is_a_gap_and_not_a_drop(cases: dict[str, list[dict[str, Any]]]) -> None:
    judged = {found["first_date"] for found_of_key in cases.values() for found in found_of_key}
    assert day(85) not in judged


def test_ninety_times_next_to_nothing_is_not_worth_a_look(cases: dict[str, list[dict[str, Any]]]) -> None:
    assert "penny" not in cases


def test_a_new_key_on_a_source_with_history_is_news_once(cases: dict[str, list[dict[str, Any]]]) -> None:
    [found] = cases["arrived"]
    assert (found["detection_rule"], found["first_date"], found["last_date"]) == (
        "new_spender",
        day(80),
        day(80),
    )


def test_an_adjustment_is_spend_of_the_day_it_adjusts(cases: dict[str, list[dict[str, Any]]]) -> None:
    """50 USD of day 70 were heard of on day 77, and 50 of the 60 USD of day 71, usually near 10, taken back then."""
    [found] = cases["heard_of_late"]
    assert (found["first_date"], found["last_date"]) == (day(70), day(70))
    assert found["contributors"].startswith("gpt-4o +5")
    assert "taken_back" not in cases


def test_without_four_same_weekdays_the_percentage_decides(cases: dict[str, list[dict[str, Any]]]) -> None:
    """5 USD a day for nine days, then 11: more than 100 % above the median of 5."""
    found = cases["flat_week"][-1]
    assert (found["detection_rule"], found["first_date"]) == ("percentage", day(69))
    assert found["expected_usd"] == Decimal("5")


def test_the_model_that_moved_is_named_first(cases: dict[str, list[dict[str, Any]]]) -> None:
    [found] = cases["two_models"]
    assert found["contributors"].startswith("claude-sonnet-4-5 +50.00 USD; gpt-4o ")


def test_spend_without_a_price_counts_as_the_gateway_charged_it(
    cases: dict[str, list[dict[str, Any]]],
) -> None:
    [found] = cases["unpriced"]
    assert (found["first_date"], found["seen_usd"]) == (day(70), Decimal("88"))


def test_severity_follows_the_money(cases: dict[str, list[dict[str, Any]]]) -> None:
    assert cases["spiked"][0]["severity"] == "high"
    assert cases["weekend_leak"][0]["severity"] == "medium"


def test_thresholds_of_the_home_win(home: Home, raw_files: Callable[[Home], Any]) -> None:
    """20 USD a day, then 30: 1.5 times the usual, z = ln(31/21) / 0.15 = 2.6 sigmas, 10 USD more."""
    spend: Spend = {"key": dict.fromkeys(range(60), usd(20)) | {50: usd(30)}}
    detect(
        home, raw_files, usage_rows(spend), list(range(60)), {"sigma_threshold": 2.5, "spend_floor_usd": 10}
    )
    [found] = incidents(home)["key"]
    assert (found["first_date"], found["severity"]) == (day(50), "low")
