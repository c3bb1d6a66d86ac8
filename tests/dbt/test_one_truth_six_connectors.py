"""The marts built from any one connector equal those of any other, column by column, where both carry it.

One sandbox is written in all six gateways' formats into one home, under a source each, and built once.
`NOT_AS_INFRON` says what each connector does not carry, carries for some calls only, calls otherwise or rounds;
every column of fct_usage_costs that is not named there has to be equal to the last digit.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.home import Home
from ingestion.sandbox import write_world
from ingestion.sandbox.gateways import CONNECTORS
from tests.conftest import alone
from tests.dbt.conftest import USAGE, build, rows

Row = dict[str, Any]

WORLD = {"days": 2, "requests_per_day": 150, "seed": 649}
"""Has calls that end on another day than they began, time out, write to the cache for 5 minutes and an hour
under both ways of counting, exceed 200,000 tokens, and use an unknown model.
"""

LINEAGE = {"event_id", "source", "request_id", "raw_file", "raw_line"}
ONE_SECOND = timedelta(seconds=1)
QUOTA_UNIT = Decimal("0.000002")
CREDIT = Decimal("0.01")
RATIO_DIGITS = Decimal("0.00000001")


@dataclass(frozen=True)
class Carried:
    """How a connector carries a column.

    Attributes:
        where: For which calls, by the truth (the row of Infron, which carries nearly everything).
        plain: The connector's value in the words of all; gets the value and the connector's own row.
        within: How far it may be from the truth.
    """

    where: Callable[[Row], bool] = lambda truth: True
    plain: Callable[[Any, Row], Any] = lambda value, own: value
    within: Any = None


NOT_AT_ALL = Carried(where=lambda truth: False)


def used(truth: Row) -> bool:
    """The call used something; others have no figures, which some write as 0 and some as nothing."""
    return truth["usage_source"] == "reported"


def failed(truth: Row) -> bool:
    """Gateways that keep an HTTP status keep it of failures."""
    return truth["status"] != "success"


def timed_out(truth: Row) -> bool:
    return truth["status"] == "timeout"


def without_cache(truth: Row) -> bool:
    return truth["cache_read_tokens"] == 0 and without_writes(truth)


def without_writes(truth: Row) -> bool:
    return truth["cache_write_5m_tokens"] + truth["cache_write_1h_tokens"] == 0


def known(truth: Row) -> bool:
    """The catalogue has a price; a gateway with prices of its own needs none."""
    return truth["unpriced_reason"] is None


def without_group_promise(truth: Row) -> bool:
    """No discount by group: a source without groups cannot state one."""
    return truth["discount_rule_id"] not in ("vip", "partner")


def on(*conditions: Callable[[Row], bool]) -> Carried:
    """Carried exactly, for calls that meet all conditions."""
    return Carried(where=lambda truth: all(condition(truth) for condition in conditions))


def named(names: dict[Any, Any]) -> Carried:
    """Carried for all calls, under other names; those not listed are everybody's."""
    return Carried(plain=lambda value, own: names.get(value, value))


def began(value: datetime, own: Row) -> datetime:
    """When a call began, whichever end the source's time is."""
    return value - timedelta(milliseconds=own["duration_ms"]) if own["time_basis"] == "end" else value


def from_second(unit: timedelta | None = None) -> Carried:
    return Carried(plain=began, within=unit)


KEYS = [f"key_{number:03d}" for number in range(1, 100)]

PARTS = [f"{part}_variance_usd" for part in ("quantity", "rate", "formula", "rounding", "timing")]

#: What follows from a price the gateway itself states, which only New-API does.
OF_RATIOS = (
    "list_cost_gateway_usd",
    "list_cost_vendor_usd",
    "markup_usd",
    "expected_quota",
    "rounding_unit_usd",
)

#: New-API: whole seconds, whole quota units, prices of its own; no workspace, no seat, no reasoning; a failure is an
#: error row.
NEW_API = {
    "workspace_id": NOT_AT_ALL,
    "member_id": NOT_AT_ALL,  # The account, not a seat.
    "api_key_id": named({str(number): key for number, key in enumerate(KEYS, start=1)}),
    "occurred_at": from_second(ONE_SECOND),
    "event_type": on(used),
    "usage_reading": NOT_AT_ALL,  # The row says itself what its prompt includes.
    # Their own ratios price them, at no tier of the catalogue.
    "service_tier_priced": NOT_AT_ALL,
    "status": on(lambda truth: not timed_out(truth)),
    "http_status": on(failed),
    "duration_ms": Carried(within=999),
    "output_text_tokens": on(lambda truth: truth["reasoning_tokens"] == 0),
    "reasoning_tokens": NOT_AT_ALL,
    "discount_rule_id": on(lambda truth: not (truth["discount_rule_id"] or "").startswith("ws")),
    "discount_factor": on(used),  # The group ratio, which an error row does not have.
    # A row without cache writes does not say what they would cost.
    **{
        f"{written}_usd_per_mtok": Carried(
            where=lambda truth, written=written: truth[f"{written}_tokens"] > 0, within=RATIO_DIGITS
        )
        for written in ("cache_write_5m", "cache_write_1h")
    },
    "input_audio_usd_per_mtok": NOT_AT_ALL,
    "cache_read_audio_usd_per_mtok": NOT_AT_ALL,
    "cache_read_image_usd_per_mtok": NOT_AT_ALL,
    "cache_read_video_usd_per_mtok": NOT_AT_ALL,
    "input_video_usd_per_mtok": NOT_AT_ALL,
    "output_video_usd_per_mtok": NOT_AT_ALL,
    "output_audio_usd_per_mtok": NOT_AT_ALL,
    "input_image_usd_per_mtok": NOT_AT_ALL,
    "output_image_usd_per_mtok": NOT_AT_ALL,
    "web_searches_usd_per_mtok": NOT_AT_ALL,
    "service_tier_savings_usd": on(known),
    # Ratios of 9 digits stand for prices that may have no end.
    "price_source": NOT_AT_ALL,
    "price_version": NOT_AT_ALL,
    "unpriced_reason": on(known),
    **dict.fromkeys(OF_RATIOS, NOT_AT_ALL),
    **dict.fromkeys(
        (
            *("input_usd_per_mtok", "cache_read_usd_per_mtok", "output_usd_per_mtok"),
            *("output_reasoning_usd_per_mtok", "list_cost_usd", "discounted_cost_usd"),
            *("cache_optimized_cost_usd", "cache_list_cost_usd", "discount_savings_usd", "cache_savings_usd"),
        ),
        Carried(where=lambda truth: known(truth) and used(truth), within=RATIO_DIGITS),
    ),
    "reported_cost_usd": Carried(where=used, within=QUOTA_UNIT),
    "charged_cost_usd": Carried(where=used, within=QUOTA_UNIT),
    "economic_cost_usd": Carried(where=used, within=QUOTA_UNIT),
    "credits_used": NOT_AT_ALL,
    **dict.fromkeys(
        ["cost_variance_usd", *PARTS],
        Carried(where=lambda truth: known(truth) and used(truth), within=QUOTA_UNIT),
    ),
    "variance_reason": Carried(
        where=lambda truth: known(truth) and used(truth),
        plain=lambda value, own: "match" if value == "rounding" else value,
    ),
}

NOT_AS_INFRON: dict[str, dict[str, Carried]] = {
    "infron": {
        "request_path": NOT_AT_ALL,
        "ttft_ms": NOT_AT_ALL,
        "quota_used": NOT_AT_ALL,
        "credits_used": NOT_AT_ALL,
    },
    "aisa": NEW_API | {"event_date": on(lambda truth: truth["ends_on"] == truth["event_date"])},
    "tokenopen": NEW_API,
    "infery": {
        "api_key_name": NOT_AT_ALL,
        "group_name": NOT_AT_ALL,
        "occurred_at": from_second(),
        "event_date": on(lambda truth: truth["ends_on"] == truth["event_date"]),
        "request_path": NOT_AT_ALL,
        "http_status": NOT_AT_ALL,
        "is_stream": NOT_AT_ALL,
        "ttft_ms": NOT_AT_ALL,
        "uncached_input_tokens": on(without_cache),
        "cache_read_tokens": NOT_AT_ALL,
        "cache_write_5m_tokens": NOT_AT_ALL,
        "cache_write_1h_tokens": NOT_AT_ALL,
        "output_text_tokens": on(lambda truth: truth["reasoning_tokens"] == 0),
        "reasoning_tokens": NOT_AT_ALL,
        "discount_rule_id": on(without_group_promise),
        "discount_factor": on(without_group_promise),
        "discounted_cost_usd": on(without_group_promise),
        "discount_savings_usd": on(without_group_promise),
        "cache_optimized_cost_usd": on(without_group_promise, without_cache),
        "cache_list_cost_usd": on(without_cache),
        "cache_savings_usd": on(without_group_promise, without_cache),
        "reported_cost_usd": Carried(within=CREDIT),
        "charged_cost_usd": Carried(within=CREDIT),
        "economic_cost_usd": Carried(within=CREDIT),
        "cost_variance_usd": Carried(
            where=lambda truth: without_group_promise(truth) and without_cache(truth), within=CREDIT
        ),
        # A credit a call hides every reason.
        **dict.fromkeys(["variance_reason", "formula_variance_usd", "rounding_variance_usd"], NOT_AT_ALL),
        "quota_used": NOT_AT_ALL,
    },
    "litellm": {
        "api_key_id": named({hashlib.sha256(key.encode()).hexdigest(): key for key in KEYS}),
        "origin": NOT_AT_ALL,
        "request_path": on(lambda truth: truth["origin"] == "api"),
        "status": on(lambda truth: not timed_out(truth)),
        "http_status": on(failed),
        "ttft_ms": on(used),
        "provider": named({"gemini": "google-ai-studio"}),
        "model_served": Carried(plain=lambda value, own: value.replace("gemini/", "google-ai-studio/")),
        "reported_cost_usd": on(used),
        "charged_cost_usd": on(used),
        "economic_cost_usd": on(used),
        **dict.fromkeys(["cost_variance_usd", *PARTS], on(used)),
        "quota_used": NOT_AT_ALL,
        "credits_used": NOT_AT_ALL,
    },
    "openrouter": {
        "api_key_id": NOT_AT_ALL,
        "api_key_name": NOT_AT_ALL,
        "origin": NOT_AT_ALL,
        "group_name": NOT_AT_ALL,
        "request_path": NOT_AT_ALL,
        "status": on(lambda truth: not timed_out(truth)),
        "http_status": NOT_AT_ALL,
        "ttft_ms": NOT_AT_ALL,
        "fallback_depth": NOT_AT_ALL,
        "provider": named(
            {
                "Google AI Studio": "google-ai-studio",
                "OpenAI": "openai",
                "Anthropic": "anthropic",
                "DeepSeek": "deepseek",
                "Mistral": "mistral",
                "Nimbus": "nimbus",
            }
        ),
        **dict.fromkeys(
            ("model_requested", "model_served"),
            named(
                {
                    "google/gemini-2.5-pro": "google-ai-studio/gemini-2.5-pro",
                    "google/gemini-2.5-flash-preview-09-2025": (
                        "google-ai-studio/gemini-2.5-flash-preview-09-2025"
                    ),
                    "anthropic/claude-sonnet-4.5": "anthropic/claude-sonnet-4-5",
                    "anthropic/claude-haiku-4.5": "anthropic/claude-haiku-4-5",
                    "mistralai/mistral-large-4": "mistral/mistral-large-4",
                }
            ),
        ),
        "uncached_input_tokens": on(without_writes),
        "cache_write_5m_tokens": NOT_AT_ALL,
        "cache_write_1h_tokens": NOT_AT_ALL,
        "price_match": NOT_AT_ALL,  # Its slugs are found by aliases.
        "unpriced_reason": Carried(plain=lambda value, own: value and "unknown_provider"),
        "discount_rule_id": on(without_group_promise),
        "discount_factor": on(without_group_promise),
        "discounted_cost_usd": on(without_group_promise),
        "discount_savings_usd": on(without_group_promise),
        "cache_optimized_cost_usd": on(without_group_promise, without_writes),
        "cache_list_cost_usd": on(without_writes),
        "cache_savings_usd": on(without_group_promise, without_writes),
        "reported_cost_usd": on(used),
        "charged_cost_usd": on(used),
        "economic_cost_usd": on(used),
        **dict.fromkeys(["cost_variance_usd", *PARTS], on(used, without_group_promise, without_writes)),
        "variance_reason": on(used, without_group_promise, without_writes),
        "quota_used": NOT_AT_ALL,
        "credits_used": NOT_AT_ALL,
    },
}

#: What a source says about itself; compared with this, not with each other.
OF_THE_SOURCE = {
    "infron": {"time_basis": "start", "billing_mode": "token"},
    "aisa": {"time_basis": "end", "billing_mode": "ratio"},
    "tokenopen": {"time_basis": "start", "billing_mode": "ratio"},
    "infery": {"time_basis": "end", "billing_mode": "credits"},
    "litellm": {"time_basis": "start", "billing_mode": "token"},
    "openrouter": {"time_basis": "start", "billing_mode": "token"},
}

#: Each source's own words for what went wrong, and its own clock for what it took itself; only
#: the two that are one gateway's agree.
OWN_WORDS = {"error_code", "gateway_overhead_ms"}
ONE_GATEWAY = {"aisa", "tokenopen"}

#: Carried by one connector alone, so that there is nothing to compare it with.
ALONE = {"credits_used"}


@pytest.fixture(scope="session")
def six(session_folder: Path) -> Home:
    """The world in six connectors, built; once for all test processes, and never written to."""
    home = Home(session_folder / "one-truth" / "home")
    done = session_folder / "one-truth.done"
    with alone(session_folder / "one-truth.lock"):
        if not done.exists():
            write_world(home.root, **WORLD, connectors=tuple(CONNECTORS))
            for landed in home.landing.iterdir():
                # The world's wallets and reports speak for one gateway each.
                if landed.name not in CONNECTORS:
                    shutil.rmtree(landed)
            build(home, USAGE)
            done.touch()
    return home


@pytest.fixture(scope="session")
def costs(six: Home) -> dict[str, dict[str, Row]]:
    """fct_usage_costs as source → request id → row."""
    found: dict[str, dict[str, Row]] = {name: {} for name in CONNECTORS}
    with duckdb.connect(str(six.build_database), read_only=True) as connection:
        relation = connection.sql("select * from marts.fct_usage_costs")
        columns = relation.columns
        for values in relation.fetchall():
            row = dict(zip(columns, values, strict=True))
            assert row["request_id"] not in found[row["source"]]
            found[row["source"]][row["request_id"]] = row
    for row in found["infron"].values():
        row["ends_on"] = (row["occurred_at"] + timedelta(milliseconds=row["duration_ms"])).date()
    return found


def columns_of(costs: dict[str, dict[str, Row]]) -> list[str]:
    """The columns that are compared."""
    row = next(iter(costs["litellm"].values()))
    return [name for name in row if name not in LINEAGE and name not in OF_THE_SOURCE["infron"]]


def carried(connector: str, column: str) -> Carried:
    """How a connector carries a column."""
    if column in OWN_WORDS and connector not in ONE_GATEWAY:
        return NOT_AT_ALL
    return NOT_AS_INFRON[connector].get(column, Carried())


def far_apart(one: Any, other: Any, within: list[Any]) -> bool:
    """Whether two values differ by more than both connectors' roundings together."""
    if not within or one is None or other is None:
        return one != other
    return abs(one - other) > sum(within[1:], start=within[0])


def compared(
    costs: dict[str, dict[str, Row]], one: str, other: str, column: str
) -> Iterator[tuple[Any, ...]]:
    """Yield (request id, value of one, of the other, whether they differ) where both carry the column."""
    ways = carried(one, column), carried(other, column)
    within = [way.within for way in ways if way.within is not None]
    for request, truth in costs["infron"].items():
        pair = costs[one].get(request), costs[other].get(request)
        if None in pair or not all(way.where(truth) for way in ways):
            continue
        values = [way.plain(own[column], own) for way, own in zip(ways, pair, strict=True)]
        yield request, *values, far_apart(*values, within)


@pytest.mark.parametrize(("one", "other"), list(combinations(CONNECTORS, 2)))
def test_two_connectors_give_the_same(costs: dict[str, dict[str, Row]], one: str, other: str) -> None:
    differences = [
        (column, request, left, right)
        for column in columns_of(costs)
        for request, left, right, differs in compared(costs, one, other, column)
        if differs
    ]
    assert differences == []


def test_every_column_is_compared_somewhere(costs: dict[str, dict[str, Row]]) -> None:
    """No row of the table above takes a column out of every comparison."""
    seen = {
        column
        for column in columns_of(costs)
        for one, other in combinations(CONNECTORS, 2)
        if next(compared(costs, one, other, column), None)
    }
    assert set(columns_of(costs)) - seen == ALONE


def test_the_table_of_differences_names_nothing_that_is_equal(costs: dict[str, dict[str, Row]]) -> None:
    """Every exception is needed: without it some row would differ from another connector's."""
    needless = []
    for connector, exceptions in NOT_AS_INFRON.items():
        for column in exceptions:
            own = costs[connector]
            others = [
                row for other in CONNECTORS for row in costs[other].values() if row["request_id"] in own
            ]
            if all(own[row["request_id"]][column] == row[column] for row in others):
                needless.append((connector, column))
    assert needless == []


@pytest.mark.parametrize("connector", CONNECTORS)
def test_every_request_is_there_once(costs: dict[str, dict[str, Row]], connector: str) -> None:
    """Infery lists what it charged; every other connector every request."""
    expected = {request for request, truth in costs["infron"].items() if connector != "infery" or used(truth)}
    assert set(costs[connector]) == expected
    assert len(expected) > 300
    for row in costs[connector].values():
        assert {name: row[name] for name in OF_THE_SOURCE[connector]} == OF_THE_SOURCE[connector]


def test_the_world_shows_what_the_connectors_differ_in(costs: dict[str, dict[str, Row]]) -> None:
    truths = costs["infron"].values()
    assert any(truth["ends_on"] != truth["event_date"] and used(truth) for truth in truths)
    assert any(timed_out(truth) for truth in truths)
    assert any(truth["cache_write_1h_tokens"] for truth in truths)
    assert any(truth["unpriced_reason"] for truth in truths)
    assert any(truth["input_tokens"] > 200_000 for truth in truths)
    assert any(not without_group_promise(truth) and used(truth) for truth in truths)


@pytest.mark.parametrize(
    "rollup", ["rpt_usage_by_model_daily", "rpt_usage_by_key_daily", "rpt_usage_by_member_daily"]
)
def test_rollups_of_every_source_have_the_same_sums(six: Home, rollup: str) -> None:
    """Tokens and list cost for all; what the cache saved where the cache's share is known; charges rounded.

    A quota unit is 0.000002 USD, so the sum over n calls is off by less than n units; a credit is a cent.
    """
    found = {
        source: sums
        for source, *sums in rows(
            six,
            f"""
            select
                source,
                sum(successful_requests), sum(input_tokens), sum(output_tokens), sum(list_cost_usd),
                sum(discounted_cost_usd), sum(cache_optimized_cost_usd), sum(reported_cost_usd)
            from marts.{rollup} group by source
            """,
        )
    }
    truth = found["infron"]
    assert found.keys() == CONNECTORS.keys()
    for source, sums in found.items():
        assert sums[:3] == truth[:3], source
    for source in ("infery", "litellm", "openrouter"):
        assert found[source][3] == truth[3], source
    assert found["litellm"][4:6] == truth[4:6]
    # New-API's rows carry a price where the catalogue has none.
    known_to_the_gateway = rows(
        six,
        """
        select source, sum(list_cost_usd), sum(discounted_cost_usd), sum(cache_optimized_cost_usd)
        from marts.fct_usage_costs where source in ('aisa', 'tokenopen') and priced_model is null group by source
        """,
    )
    assert len(known_to_the_gateway) == 2
    for source, *extra in known_to_the_gateway:
        for own, more, true in zip(found[source][3:6], extra, truth[3:6], strict=True):
            assert abs(own - more - true) <= RATIO_DIGITS * truth[0], source
    for source, unit in (("litellm", 0), ("openrouter", 0), ("aisa", QUOTA_UNIT), ("tokenopen", QUOTA_UNIT)):
        assert abs(found[source][6] - truth[6]) <= unit * truth[0], source
    assert truth[6] <= found["infery"][6] < truth[6] + CREDIT * truth[0]
