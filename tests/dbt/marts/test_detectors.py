"""Every detector on a case it must find, one it must leave alone, and a day that is not complete.

Each key is a case; the SQL is that of the dbt models (tests/evaluation/detect.py), over a world of 17 weeks.

Rulings: docs/decisions/anomalies.md, docs/decisions/closing.md#closing-4
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.evaluation.detect import detect
from tests.evaluation.small import DAYS, OFFICE, SmallKey, day, office_key, tables_of
from tests.evaluation.world import files_of

LOST = 95
"""Of this day the source `broken` delivered nothing from 9 to 14 hours."""
LAST = DAYS - 1


def key_cases(rng: np.random.Generator) -> list[SmallKey]:
    """Keys that are a case each, every event on a day of its own."""

    def key(name: str, **other: Any) -> SmallKey:
        return office_key(name, rng, **other)

    dropped, spiked = key("dropped").times(72, 0.05), key("spiked").times(70, 4)
    at_the_weekend = key("weekend_leak").times(75, 4)  # a Saturday with more than a weekday's calls
    in_a_row = key("three_days")
    for number in (77, 78, 79):
        in_a_row.times(number, 5)
    launched, leaking = key("launched"), key("slow_leak")
    for number in range(73, DAYS):
        launched.times(number, 3)
    for number in range(88, DAYS):
        leaking.times(number, 1 + 0.9 * min(1, (number - 87) / 20))
    grown = key("grown")
    for number in range(DAYS):
        grown.times(number, 1.002**number)
    by_night, by_night_always = key("night_leak"), key("night_worker")
    by_night.calls[81, 1:5] = 40
    by_night_always.calls[:, 1:5] = np.maximum(by_night_always.calls[:, 10:14], 1)
    by_night_always.calls[81, 1:5] *= 2
    sparse, sparse_burst = SmallKey("sparse"), SmallKey("sparse_burst")
    for number in range(0, DAYS, 4):
        sparse.calls[number, 12], sparse_burst.calls[number, 12] = rng.integers(90, 130, 2)
    sparse.calls[80, 12], sparse_burst.calls[84, 12] = 200, 1500
    leaked, migrated = key("leaked_key"), key("migrated")
    migrated.models = np.array(["gpt-4o"] * 82 + ["gpt-5"] * (DAYS - 82))
    new_model = SmallKey("leaked_key", model="claude-opus")
    new_model.calls[83, 8:20] = 30
    looping, repeating = key("runaway_loop"), key("always_repeating")
    looping.most_identical[85] = 300
    repeating.most_identical[:] = 100
    repeating.most_identical[85] = 150
    bursting = key("burst")
    bursting.peak_rpm[86] = 200
    failing, often_failing = key("error_storm"), key("always_failing")
    failing.failures[87, 12:15] = 9
    often_failing.failures[:, 8:20] = 2
    charged, once_charged = key("charged_failures"), key("once_charged")
    charged.failures[88, 8:20], charged.charged_failures[88] = 1, 12
    once_charged.failures[88, 8], once_charged.charged_failures[88] = 1, 1
    falling, sometimes_falling = key("fallback_storm"), key("some_fallbacks")
    falling.fallbacks[90] = 70
    sometimes_falling.fallbacks[:] = 6
    cold, answering = key("cache_collapse"), key("ratio_shift")
    cold.cached_share[91] = 0.05
    answering.answer[92] = 900
    return [
        *(
            key("quiet"),
            spiked,
            dropped,
            at_the_weekend,
            in_a_row,
            launched,
            leaking,
            grown,
            by_night,
            by_night_always,
        ),
        *(
            sparse,
            sparse_burst,
            leaked,
            new_model,
            migrated,
            looping,
            repeating,
            bursting,
            failing,
            often_failing,
        ),
        *(charged, once_charged, falling, sometimes_falling, cold, answering),
        key("new_spender", first=93),
        office_key("penny", rng, hourly=0.4).times(94, 3),
    ]


def incomplete_cases(rng: np.random.Generator) -> list[SmallKey]:
    """The same on a day that lacks hours: nothing of a key may be told of it."""

    def key(name: str, **other: Any) -> SmallKey:
        return office_key(f"lost_{name}", rng, hourly=20, source="broken", workspace_id="ws_b", **other)

    def sparse_key(number: int) -> SmallKey:
        found = SmallKey("lost_sparse", source="broken", workspace_id="ws_b")
        for each in range(number % 5, DAYS, 5):
            found.calls[each, 18] = 100
        found.calls[number, 18] = 1500
        return found

    spiked, night, loop, burst, storm, charged, falls, cold, answers = (
        key(name)
        for name in ("spike", "night", "loop", "burst", "storm", "charged", "falls", "cold", "answers")
    )
    spiked.times(LOST, 9)
    night.calls[LOST, 1:5] = 60
    loop.most_identical[LOST], burst.peak_rpm[LOST] = 300, 300
    storm.failures[LOST, 8] = charged.failures[LOST, 8] = 15
    charged.charged_failures[LOST] = 15
    falls.fallbacks[LOST] = 50
    cold.cached_share[LOST], answers.answer[LOST] = 0.01, 2000
    leak = SmallKey(spiked.name, source="broken", workspace_id="ws_b", model="claude-opus")
    leak.calls[LOST, 16] = 400
    keys = [spiked, night, loop, burst, storm, charged, falls, cold, answers, leak, sparse_key(LOST)]
    for each in keys:
        each.calls[LOST, 9:15] = 0
        each.failures[LOST, 9:15] = 0
    return keys


def model_cases(rng: np.random.Generator) -> list[SmallKey]:
    def key(name: str, model: str) -> SmallKey:
        return office_key(name, rng, source="models", workspace_id="ws_m", model=model)

    ours, theirs, steady, unpriced = (
        key(f"of_{model}", model) for model in ("our_price", "their_price", "steady", "unpriced")
    )
    ours.our_price[80:] = 1.2
    theirs.charged[85:] = 1.1
    steady.charged[85:] = 1.01
    unpriced.is_unpriced = True
    storms = [key(f"storm_{number}", "stormy") for number in range(3)]
    for each in storms:
        each.failures[89, 12] = 8
    return [ours, theirs, steady, unpriced, *storms]


def source_cases(rng: np.random.Generator) -> list[SmallKey]:
    def key(name: str, source: str) -> SmallKey:
        return office_key(name, rng, hourly=20, source=source, workspace_id=f"ws_{source}")

    gap, gone, late = key("of_gap", "gap"), key("of_gone", "gone"), key("of_late", "late")
    gap.calls[86] = 0
    gone.calls[110:] = 0
    return [gap, gone, late]


def team_cases(rng: np.random.Generator) -> list[SmallKey]:
    """Sixteen keys that all spend half as much again on one day, little for each, and sixteen that do not."""
    keys = []
    for workspace in ("ws_more", "ws_same"):
        for number in range(16):
            names = {"source": "teams", "workspace_id": workspace, "member_id": f"{workspace}_{number // 4}"}
            keys.append(office_key(f"{workspace}_{number}", rng, noise=0.2, **names))
            if workspace == "ws_more":
                keys[-1].times(97, 1.5)
    return keys


@pytest.fixture(scope="module")
def found() -> dict[str, list[dict[str, Any]]]:
    """Incidents by subject."""
    rng = np.random.default_rng(7)
    keys = [
        *key_cases(rng),
        *incomplete_cases(rng),
        *model_cases(rng),
        *source_cases(rng),
        *team_cases(rng),
    ]
    tables = tables_of(keys, lags={("late", 84): 5})
    tables["marts.fct_account_events"] = pl.DataFrame(
        {
            "source": ["gateway"] * 2,
            "event_date": [day(82)] * 2,
            "has_charge": [True, False],
            "quota": [500, 0],
        }
    )
    return incidents(tables)


def incidents(
    tables: dict[str, pl.DataFrame], settings: dict[str, float] | None = None
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    with detect(tables, day(DAYS), settings) as session:
        rows = session.execute("select * from fct_anomalies order by first_date, anomaly_id")
        names = [column[0] for column in rows.description]
        for row in rows.fetchall():
            incident = dict(zip(names, row, strict=True))
            found.setdefault(incident["subject_id"], []).append(incident)
    return found


FIRES = {
    "spiked": ("daily_spend", "spike", 70, 70),
    "dropped": ("daily_spend", "drop", 72, 72),
    "weekend_leak": ("daily_spend", "spike", 75, 75),
    "three_days": ("daily_spend", "spike", 77, 79),
    "night_leak": ("night_leak", "spike", 81, 81),
    "sparse_burst": ("sparse_burst", "spike", 84, 84),
    "leaked_key": ("leaked_key", "spike", 83, 83),
    "runaway_loop": ("runaway_loop", "spike", 85, 85),
    "burst": ("burst", "spike", 86, 86),
    "error_storm": ("error_storm", "spike", 87, 87),
    "charged_failures": ("charged_failures", "spike", 88, 88),
    "fallback_storm": ("fallback_storm", "spike", 90, 90),
    "cache_collapse": ("cache_collapse", "drop", 91, 91),
    "ratio_shift": ("ratio_shift", "spike", 92, 92),
    "new_spender": ("new_spender", "spike", 93, 93),
    "unpriced": ("unpriced", "spike", 0, LAST),
    "stormy": ("error_storm", "spike", 89, 89),
    "gap": ("missing_day", "drop", 86, 86),
    "broken": ("missing_hours", "drop", LOST, LOST),
    "gone": ("silent_source", "drop", 110, LAST - 1),
    "late": ("late_data", "spike", 84, 84),
    "gateway": ("system_cost", "spike", 82, 82),
    "ws_more": ("daily_spend", "spike", 97, 97),
}


@pytest.mark.parametrize("subject", FIRES)
def test_what_is_wrong_is_found_once_on_its_days(
    found: dict[str, list[dict[str, Any]]], subject: str
) -> None:
    detector, direction, first, last = FIRES[subject]
    [incident] = found[subject]
    assert detector in incident["detectors"].split(", ")
    assert (incident["direction"], incident["first_date"], incident["last_date"]) == (
        direction,
        day(first),
        day(last),
    )


@pytest.mark.parametrize(
    "subject",
    [
        *(
            "quiet",
            "grown",
            "night_worker",
            "sparse",
            "migrated",
            "always_repeating",
            "always_failing",
            "once_charged",
        ),
        *("some_fallbacks", "penny", "steady", "ws_same", "teams", "models"),
    ],
)
def test_what_is_ordinary_is_left_alone(found: dict[str, list[dict[str, Any]]], subject: str) -> None:
    assert subject not in found


def test_a_key_is_not_judged_on_a_day_that_is_not_complete(found: dict[str, list[dict[str, Any]]]) -> None:
    """Six of twelve hours are missing; on the rest of the day each key does what its detector is for."""
    of_keys = {subject: told for subject, told in found.items() if told[0]["source"] == "broken"}
    assert list(of_keys) == ["broken"]


@pytest.mark.parametrize("subject", ["of_gap", "of_gone", "of_late"])
def test_what_did_not_arrive_is_the_sources_and_no_drop_of_its_keys(
    found: dict[str, list[dict[str, Any]]], subject: str
) -> None:
    assert subject not in found


def test_a_launch_is_told_at_its_beginning_and_then_learnt(found: dict[str, list[dict[str, Any]]]) -> None:
    [incident] = found["launched"]
    assert incident["first_date"] == day(73)
    assert incident["last_date"] < day(73 + 21)


def test_a_rise_over_weeks_is_found(found: dict[str, list[dict[str, Any]]]) -> None:
    [incident] = found["slow_leak"]
    assert "slow_leak" in incident["detectors"]
    assert incident["last_date"] >= day(105)


@pytest.mark.parametrize(("model", "first"), [("our_price", 80), ("their_price", 85)])
def test_a_price_that_changed_is_found_on_the_day(
    found: dict[str, list[dict[str, Any]]], model: str, first: int
) -> None:
    [incident] = found[model]
    assert (incident["detector"], incident["first_date"], incident["subject_type"]) == (
        "price_change",
        day(first),
        "model",
    )


def test_what_many_keys_spend_together_is_one_incident_of_their_workspace(
    found: dict[str, list[dict[str, Any]]],
) -> None:
    """Two spreads of each of sixteen keys are eight of their sum. The model is not told a second time."""
    assert [subject for subject, told in found.items() if told[0]["source"] == "teams"] == ["ws_more"]


def test_an_incident_says_what_explains_it_and_shows_its_rows(found: dict[str, list[dict[str, Any]]]) -> None:
    [incident] = found["leaked_key"]
    assert incident["contributors"].startswith("models it never asked for: claude-opus")
    assert incident["evidence_sql"] == (
        "select * from fct_usage_costs where source = 'gateway' and api_key_id = 'leaked_key'"
        f" and workspace_id = 'ws_1' and event_date between date '{day(83)}' and date '{day(83)}'"
    )
    assert incident["severity"] == "high"


def test_money_is_what_was_seen_less_what_was_expected(found: dict[str, list[dict[str, Any]]]) -> None:
    """144 calls of a cent a day, four times as many on one: about 4.30 USD more, which is low below 5 USD."""
    [incident] = found["spiked"]
    assert incident["excess_usd"] == incident["seen_usd"] - incident["expected_usd"]
    assert float(incident["excess_usd"]) == pytest.approx(3 * 1.44, rel=0.15)
    assert incident["severity"] == "low"


def test_an_incident_is_resolved_once_its_source_was_judged_for_days_since(
    found: dict[str, list[dict[str, Any]]],
) -> None:
    assert (found["spiked"][0]["status"], found["spiked"][0]["is_new"]) == ("resolved", False)
    assert found["gone"][0]["status"] == "open"


def test_a_day_that_is_still_coming_in_is_not_judged() -> None:
    """Nine times the usual on the last day, of which one file has come, on the day itself."""
    tables = tables_of([office_key("key", np.random.default_rng(5)).times(LAST, 9)])
    is_last = pl.col("usage_date") == day(LAST)
    deliveries = tables["marts.rpt_delivery_days"].with_columns(
        delivered_on=pl.when(is_last).then(day(LAST)).otherwise(pl.col("delivered_on"))
    )
    tables |= {"marts.rpt_delivery_days": deliveries, **files_of(deliveries, day(DAYS))}
    assert incidents(tables) == {}


def test_an_incident_of_a_source_of_which_no_day_was_judged_yet_is_open_and_new() -> None:
    """Calls without a price on the only day of a source, which is still coming in."""
    new = SmallKey("new", source="new_gateway", is_unpriced=True)
    new.calls[LAST, 12] = 20
    tables = tables_of([office_key("key", np.random.default_rng(5)), new])
    is_only = pl.col("source") == "new_gateway"
    deliveries = tables["marts.rpt_delivery_days"].with_columns(
        delivered_on=pl.when(is_only).then(day(LAST)).otherwise(pl.col("delivered_on"))
    )
    tables |= {"marts.rpt_delivery_days": deliveries, **files_of(deliveries, day(DAYS))}
    [[incident]] = incidents(tables).values()
    assert (incident["detector"], incident["source"]) == ("unpriced", "new_gateway")
    assert (incident["status"], incident["is_new"]) == ("open", True)


def week_of(key: SmallKey, first: int, amounts: dict[int, float]) -> SmallKey:
    """A key that begins on a day, with 110 calls a day but for `amounts`."""
    for number in range(first, DAYS):
        key.calls[number, 12] = amounts.get(number, 110)
    return key


def test_the_first_weeks_of_a_key_are_judged_by_a_percentage() -> None:
    """1.10 USD a day since day 60; on day 72 4 USD; the other key's 2 USD are not twice its highest day."""
    tables = tables_of(
        [
            office_key("old", np.random.default_rng(1)),
            week_of(SmallKey("young", workspace_id="ws_2"), 60, {72: 400}),
            week_of(SmallKey("calm", workspace_id="ws_3"), 60, {72: 200}),
        ]
    )
    found = incidents(tables)
    [arrived, spiked] = found["young"]
    assert (arrived["detector"], spiked["detector"], spiked["first_date"]) == (
        "new_spender",
        "daily_spend",
        day(72),
    )
    assert float(spiked["expected_usd"]) == pytest.approx(1.1, rel=0.1)
    assert [incident["detector"] for incident in found["calm"]] == ["new_spender"]


def test_a_home_may_ask_for_a_percentage_on_any_day_and_for_other_thresholds() -> None:
    """A rise by 30 % on a key that often varies is found if 25 % are asked for, and not if 10 USD are the floor."""
    rng = np.random.default_rng(2)
    key = SmallKey("varying", workspace_id="ws_2")
    for number in range(DAYS):
        key.calls[number, list(OFFICE)] = 80 * np.exp(rng.normal(0, 0.15))
    key.calls[100, list(OFFICE)] = 80 * 1.4
    tables = tables_of([office_key("other", rng), key])
    assert "varying" not in incidents(tables)
    asked = incidents(tables, {"any_day_alert_pct": 35})["varying"]
    assert day(100) in [incident["peak_date"] for incident in asked]
    assert "varying" not in incidents(tables, {"any_day_alert_pct": 35, "spend_floor_usd": 10})


def test_an_adjustment_is_spend_of_the_day_it_adjusts() -> None:
    """5 USD of day 70 are heard of later; usage_date is what counts."""
    tables = tables_of([office_key("key", np.random.default_rng(3))])
    usage = tables["intermediate.int_key_model_days"]
    late = usage.filter(pl.col("usage_date") == day(70)).with_columns(
        pl.lit(0).alias("requests"), cost_usd=pl.lit(5.0), input_tokens=pl.lit(500_000.0)
    )
    tables["intermediate.int_key_model_days"] = pl.concat(
        [usage, late.select(usage.columns)], how="vertical_relaxed"
    )
    [found] = incidents(tables)["key"]
    assert (found["first_date"], found["last_date"]) == (day(70), day(70))


def test_an_acknowledged_incident_says_so() -> None:
    tables = tables_of([office_key("key", np.random.default_rng(4)).times(LAST - 1, 6)])
    with detect(tables, day(DAYS)) as session:
        [(anomaly_id, status, is_new)] = session.execute(
            "select anomaly_id, status, is_new from fct_anomalies"
        ).fetchall()
    assert (status, is_new) == ("open", False)
    with detect(tables, day(DAYS), acknowledged={anomaly_id: day(DAYS)}) as session:
        assert session.execute("select status from fct_anomalies").fetchall() == [("acknowledged",)]
    with detect(tables, day(DAYS), acknowledged={anomaly_id: day(DAYS - 1)}) as session:
        assert session.execute("select status from fct_anomalies").fetchall() == [("open",)]
