"""Volume discounts: the month's list spend at the start of a day decides; only days whose tier moved are rebuilt."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ingestion.home import Home
from tests.dbt.conftest import build, infron_line, land, rows

DAILY = ("+fct_usage_daily",)

HEADER = "rule_id,workspace_id,kind,factor,min_month_list_usd,valid_from,valid_to,reason\n"

FACTORS = """
    select event_date::varchar, discount_rule_id, discount_factor
    from marts.fct_usage_costs
    where workspace_id = '{}'
    order by event_date, occurred_at
"""


def calls(home: Home, workspace: str, *days: str) -> None:
    """Land one call of $0.0375 at list prices per day named."""
    for number, day in enumerate(days):
        line = infron_line(
            f"{workspace}-{number}", workspace_id=workspace, created_at=f"{day}T07:00:0{number}Z"
        )
        land(home, day, [line], f"{workspace}-{number}.ndjson")


def late(home: Home, name: str, **usage: int) -> None:
    """Land a call of 1 November on the 6th."""
    created_at = "2026-11-01T23:59:59.999Z"
    land(home, "2026-11-06", [infron_line(name, created_at=created_at, usage=usage)], f"{name}.ndjson")


def ruled(home: Home, rules: str) -> None:
    home.config.mkdir(parents=True, exist_ok=True)
    (home.config / "discount_rules.csv").write_text(HEADER + rules)


def day_builds(home: Home) -> set[tuple[str, str, str]]:
    """Model, event date and dbt invocation of every day that was built."""
    return set(rows(home, "select model, event_date::varchar, invocation_id from meta.day_builds"))


def rebuilt(home: Home, model: str, before: set[tuple[str, str, str]] = frozenset()) -> list[str]:
    """The days of a model that were built since `before` was read."""
    return sorted(day for name, day, _ in day_builds(home) - before if name == model)


@pytest.fixture(scope="module")
def tiered(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One world for every edge of a threshold, a workspace each; all discounted calls are on 3 November."""
    home = Home(tmp_path_factory.mktemp("volume"))
    ruled(
        home,
        "reached,ws_at,volume,0.9,0.075,2026-11-01,,x\n"
        "missed,ws_below,volume,0.9,0.075000000001,2026-11-01,,x\n"
        "ladder,ws_ladder,volume,0.95,0.03,2026-11-01,,x\n"
        "ladder,ws_ladder,volume,0.8,0.075,2026-11-01,,x\n"
        "first-cent,ws_first,volume,0.7,0,2026-11-01,,x\n"
        "mid-month,ws_mid,volume,0.9,0.075,2026-11-03,,x\n"
        "any,,volume,0.99,0.1875,2026-11-01,,x\n"
        "contract,ws_cheap,contract,0.1,,2026-11-01,2026-11-02,x\n",
    )
    for workspace in ("ws_at", "ws_below", "ws_ladder", "ws_mid"):
        calls(home, workspace, "2026-11-01", "2026-11-02", "2026-11-03")
    calls(home, "ws_first", "2026-11-01")
    calls(home, "ws_month", "2026-10-31", *["2026-11-28"] * 5, "2026-11-29", "2026-12-01")
    calls(home, "ws_cheap", *["2026-11-01"] * 5, "2026-11-02")
    build(home, DAILY)
    return home


def discounts(home: Home, workspace: str) -> list[tuple[str, str | None, Decimal]]:
    return rows(home, FACTORS.format(workspace))


NOVEMBER = ("2026-11-01", "2026-11-02", "2026-11-03")


@pytest.mark.parametrize(
    ("workspace", "rules", "factors"),
    [
        ("ws_at", (None, None, "reached"), ("1", "1", "0.9")),
        ("ws_below", (None, None, None), ("1", "1", "1")),
        ("ws_ladder", (None, "ladder", "ladder"), ("1", "0.95", "0.8")),
        ("ws_mid", (None, None, "mid-month"), ("1", "1", "0.9")),
    ],
)
def test_a_threshold_is_reached_at_exactly_its_amount(tiered, workspace, rules, factors):
    """Two calls of $0.0375 are $0.075: a threshold of $0.075 is reached on the third day, a picodollar more is not.

    Steps of one rule: $0.0375 is over $0.03 on the second day, $0.075 reaches the next step on the third. A rule that
    starts on the third counts the first and second.
    """
    assert discounts(tiered, workspace) == [
        (day, rule, Decimal(factor)) for day, rule, factor in zip(NOVEMBER, rules, factors, strict=True)
    ]


def test_a_threshold_of_nothing_is_reached_by_the_first_call(tiered):
    assert discounts(tiered, "ws_first") == [("2026-11-01", "first-cent", Decimal("0.7"))]


def test_a_month_starts_at_nothing_and_a_day_does_not_count_itself(tiered):
    """Five calls on 28 November are 5 x 0.0375 = $0.1875: reached on the 29th, not on the 28th, gone in December."""
    found = [(day, rule) for day, rule, _ in discounts(tiered, "ws_month")]
    assert found == [
        ("2026-10-31", None),
        *[("2026-11-28", None)] * 5,
        ("2026-11-29", "any"),
        ("2026-12-01", None),
    ]


def test_a_threshold_is_of_list_prices_whatever_was_paid(tiered):
    """Five calls at a tenth are $0.01875 paid, but $0.1875 at list prices."""
    assert discounts(tiered, "ws_cheap")[-1] == ("2026-11-02", "any", Decimal("0.99"))


def test_list_spend_is_the_sum_of_the_requests_list_cost(tiered):
    differing = rows(
        tiered,
        """
        select event_date, workspace_id, sum(list_cost_usd) from marts.fct_usage_costs
        where event_date >= date '2026-11-01' group by all
        except
        select event_date, workspace_id, list_cost_usd from intermediate.int_list_spend_daily
        """,
    )
    assert differing == []


def test_a_late_call_rebuilds_its_day_and_the_days_whose_tier_it_moves(home: Home) -> None:
    """One call of $0.0375 a day: $0.1125 is reached at the start of the 4th.

    Late on the 1st, one token of $0.000003: the 3rd starts with $0.075003, no tier moves. Late on the 1st, another
    $0.0375: the 3rd starts with $0.112503 and gets the discount; the 4th and 5th had it before.
    """
    ruled(home, "volume,,volume,0.9,0.1125,2026-11-01,,x\n")
    calls(home, "ws_1", *(f"2026-11-0{day}" for day in range(1, 6)))
    build(home, DAILY)
    before = [rule for _, rule, _ in discounts(home, "ws_1")]
    assert before == [None, None, None, "volume", "volume"]

    late(home, "small", prompt_tokens=1, completion_tokens=0, total_tokens=1)
    first = day_builds(home)
    build(home, DAILY)
    assert rebuilt(home, "fct_usage_costs", first) == ["2026-11-01"]
    assert rebuilt(home, "int_usage_discounts", first) == ["2026-11-01"]

    late(home, "large")
    small = day_builds(home)
    build(home, DAILY)
    assert rebuilt(home, "int_list_spend_daily", small) == ["2026-11-01"]
    assert rebuilt(home, "fct_usage_costs", small) == ["2026-11-01", "2026-11-03"]
    assert rebuilt(home, "fct_usage_daily", small) == ["2026-11-01", "2026-11-03"]
    after = [rule for _, rule, _ in discounts(home, "ws_1")]
    assert after == [None, None, None, None, "volume", "volume", "volume"]


def test_without_a_volume_rule_no_request_is_read_for_its_list_spend(home: Home) -> None:
    """And a rule reads its own days only: the 2nd of three."""
    calls(home, "ws_1", *NOVEMBER)
    ruled(home, "plain,ws_1,contract,0.9,,2026-11-02,2026-11-03,x\n")
    build(home, DAILY)
    assert rebuilt(home, "int_list_spend_daily") == []
    assert rebuilt(home, "int_usage_discounts") == ["2026-11-02"]
