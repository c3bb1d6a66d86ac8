"""AIsa, TokenOpen and the New-API family: what a log item means, what it cost, that a replay adds nothing.

One home holds everything: the same window as items, as a page of the API with other ids in another order, as
an old build's bare array, and the console's table beside them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.home import HOME_VARIABLE, Home
from tests.dbt.conftest import FACTS, build, land_text, rows

FIXTURES = Path(__file__).parents[1] / "fixtures" / "new_api"
SOURCES = """
sources:
  aisa: {connector: aisa}
  tokenopen: {connector: tokenopen}
  tokenopen_london: {connector: tokenopen, time_zone: Europe/London}
  dated: {connector: new_api, quota_per_unit: [{value: 500000}, {value: 300000, valid_from: 2026-11-02}]}
  anthropic_house: {connector: new_api, usage_semantic: anthropic, time_basis: start}
  one_api: {connector: one_api}
  streams: {connector: new_api}
  paged: {connector: new_api}
  administered: {connector: new_api, trusted_ids: true}
"""
LANDED = {
    "aisa/logs/dt=2026-11-01": ("contract_sample.ndjson", "items.ndjson", "account_events.ndjson"),
    "aisa/logs/dt=2026-11-02": ("page.json", "old_page.json", "empty_page.json"),
    "aisa/topups/dt=2026-11-01": ("topups.ndjson",),
    "aisa/data/dt=2026-11-01": ("hours.json",),
    "aisa/data/dt=2026-11-02": ("hours_later.json",),
    "aisa/status/dt=2026-11-01": ("status.json",),
    "tokenopen/logs/dt=2026-11-01": ("console.csv", "received.ndjson"),
    "tokenopen_london/logs/dt=2026-07-01": ("console_summer.csv",),
    "dated/logs/dt=2026-11-02": ("dated_units.ndjson",),
    "dated/status/dt=2026-11-01": ("status.json",),
    "anthropic_house/logs/dt=2026-11-01": ("exclusive_unsaid.ndjson",),
    "one_api/logs/dt=2026-11-01": ("one_api.ndjson",),
    "streams/logs/dt=2026-11-01": ("streams.ndjson",),
}


def plain_item(id_: int, quota: int, **changes: Any) -> dict[str, Any]:
    """One item of an old build, which has no request id."""
    return {"id": id_, "created_at": 1793517719, "type": 2, "model_name": "gpt-4o", "quota": quota, **changes}


#: Two items of one request and second, one a page, the second again the day after; and what an administrator reads.
ITEMS = {
    "paged/logs/dt=2026-11-01/page-1.ndjson": [plain_item(1, 1000, request_id="r-paged")],
    "paged/logs/dt=2026-11-01/page-2.ndjson": [plain_item(1, 250, request_id="r-paged")],
    "paged/logs/dt=2026-11-02/again.ndjson": [plain_item(1, 250, request_id="r-paged")],
    "administered/logs/dt=2026-11-01/a.ndjson": [plain_item(7, 100), plain_item(8, 100), plain_item(9, 50)],
    "administered/logs/dt=2026-11-02/b.ndjson": [plain_item(8, 100), plain_item(7, 100), plain_item(9, 60)],
}
SELECT = (
    *FACTS,
    "+rpt_source_days",
    "+fct_account_events",
    "+stg_new_api__topups",
    "+stg_new_api__usage_hours",
    "+stg_new_api__statuses",
)
USD = "cast(round(reported_cost_usd, 12) as varchar)"


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The built home; its tests only read it."""
    home = Home(tmp_path_factory.mktemp("new_api") / "home")
    home.root.mkdir()
    home.sources_file.write_text(SOURCES)
    for folder, names in LANDED.items():
        (home.landing / folder).mkdir(parents=True)
        for name in names:
            shutil.copy(FIXTURES / name, home.landing / folder / name)
    for path, items in ITEMS.items():
        land_text(home, path, items)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(home.root))
        build(home, SELECT)
        yield home


def one(home: Home, columns: str, request_id: str, event_type: str = "llm_call") -> tuple[Any, ...]:
    """Return columns of the one event of a request and type."""
    where = f"request_id = '{request_id}' and event_type = '{event_type}'"
    (row,) = rows(home, f"select {columns} from marts.fct_usage_costs where {where}")
    return row


def test_the_contracts_item_is_priced_as_the_worked_example_and_charged_in_whole_quota(family: Home) -> None:
    """(3000 + 6000 x 0.1 + 1000 x 1.25 + 500 x 5) x 1.5 x 0.9 = 9922.5 units, charged as 9923 = $0.019846."""
    columns = (
        "occurred_at::varchar, time_basis, uncached_input_tokens, cache_read_tokens, cache_write_5m_tokens,"
        " cache_write_1h_tokens, output_tokens, list_cost_usd, discounted_cost_usd, cache_optimized_cost_usd,"
        " reported_cost_usd, quota_used, duration_ms, ttft_ms, api_key_id, api_key_name, member_id,"
        " group_name, call_type, billing_mode, status, is_stream"
    )
    assert one(family, columns, "20261101072159391…") == (
        *("2026-11-01 07:21:59", "end", 3000, 6000, 1000, 0, 500),
        *(Decimal("0.0375"), Decimal("0.03375"), Decimal("0.019845"), Decimal("0.019846"), 9923),
        *(4000, 812, "31", "prod-web", "7", "vip", "chat", "ratio", "success", True),
    )


@pytest.mark.parametrize(
    ("request_id", "classes", "cost"),
    [
        ("r-inclusive", (3000, 6000, 1000, 0, 0, 0, 500), "0.019845"),
        ("r-exclusive", (3000, 6000, 1000, 0, 0, 0, 500), "0.019845"),
        ("r-write-only", (3000, 0, 7000, 0, 0, 0, 500), "0.038475"),
        ("r-hour-write", (3000, 6000, 0, 1000, 0, 0, 500), "0.02187"),
        # 1000 for five minutes, 1500 for an hour, 500 without a lifetime: five minutes.
        ("r-both-writes", (1000, 6000, 1500, 1500, 0, 0, 500), "0.0242325"),
    ],
)
def test_token_classes_are_disjoint_whichever_way_the_row_counts(
    family: Home, request_id: str, classes: tuple[int, ...], cost: str
) -> None:
    """At $3 in, $0.30 read, $3.75 and $6 written, $15 out per million, 0.9 to pay."""
    columns = (
        "uncached_input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,"
        " input_audio_tokens, input_image_tokens, output_text_tokens, input_tokens, cache_optimized_cost_usd"
    )
    assert one(family, columns, request_id) == (*classes, 10000, Decimal(cost))


def test_a_setting_defines_how_tokens_are_counted_where_the_row_does_not(family: Home) -> None:
    """3000 prompt tokens beside 6000 read and 1000 written, without a statement of whether it includes them."""
    columns = "uncached_input_tokens, input_tokens, cache_optimized_cost_usd, time_basis"
    assert one(family, columns, "a-1") == (3000, 10000, Decimal("0.019845"), "start")


def test_images_and_audio_are_taken_out_of_prompt_and_completion(family: Home) -> None:
    """400 image tokens, named image_output by the gateway, are part of the prompt."""
    columns = (
        "uncached_input_tokens, input_image_tokens, input_audio_tokens, output_text_tokens,"
        " output_audio_tokens"
    )
    assert one(family, columns, "r-image") == (9600, 400, 0, 500, 0)
    assert one(family, columns, "r-audio") == (9000, 0, 1000, 300, 200)


def test_a_retry_pair_is_two_calls_and_equal_rows_without_an_id_are_one(family: Home) -> None:
    """The window came as items, as a page in reverse order with other ids, its head as an old bare array.

    Two equal lines without a request id are one call, and counted as repeated.
    """
    found = (
        "select count(*), count(distinct event_id) from marts.fct_usage_costs where source = 'aisa' and {}"
    )
    assert rows(family, found.format("request_id is null")) == [(1, 1)]
    assert rows(family, found.format("request_id = 'r-retry' and event_type = 'llm_call'")) == [(2, 2)]
    assert rows(family, "select count(*) from marts.fct_usage_costs where source = 'aisa'") == [(27,)]
    per_day = (
        "select delivered_on::varchar, lines, events + duplicates, duplicates, revisions, repeated_identical"
        " from marts.rpt_source_days where source = 'aisa' and stream = 'logs' order by 1"
    )
    assert rows(family, per_day) == [("2026-11-01", 34, 34, 16, 0, 1), ("2026-11-02", 16, 16, 1, 0, 1)]


def test_items_of_one_request_and_second_are_distinguished_in_whatever_files_they_came(family: Home) -> None:
    """1,000 + 250 units, though each page has an item 1, and one came again: neither 1,000 nor 1,500."""
    items = "select quota_used from marts.fct_usage_costs where source = 'paged' order by 1"
    assert rows(family, items) == [(250,), (1000,)]


def test_a_trusted_id_separates_equal_calls_and_joins_revisions(family: Home) -> None:
    """Two calls of 100 units in one second, and one that was corrected from 50 to 60."""
    items = "select event_id, quota_used from marts.fct_usage_costs where source = 'administered' order by 1"
    assert rows(family, items) == [
        ("administered:#7", 100),
        ("administered:#8", 100),
        ("administered:#9", 60),
    ]
    per_day = "select sum(duplicates), sum(revisions), sum(repeated_identical) from marts.rpt_source_days"
    assert rows(family, f"{per_day} where source = 'administered'") == [(2, 1, 0)]


def test_an_error_and_a_refund_stay_apart_from_their_call(family: Home) -> None:
    columns = f"status, http_status, error_code, quota_used, {USD}, cache_optimized_cost_usd"
    assert one(family, columns, "r-retry", "error") == (
        *("failure", 429, "bad_response", 0, "0.000000000000", Decimal(0)),
    )


def test_a_task_is_charged_corrected_and_refunded_under_one_request_id(family: Home) -> None:
    """0.6 first, 0.1 on top when it was done, 1.0 back: more than was charged, which leaves -$0.30."""
    events = (
        f"select event_type, {USD}, quota_used from marts.fct_usage_costs"
        " where request_id = 'r-task' order by occurred_at"
    )
    assert rows(family, events) == [
        ("per_call_api", "0.600000000000", 300000),
        ("adjustment", "0.100000000000", 50000),
        ("refund", "-1.000000000000", -500000),
    ]


@pytest.mark.parametrize(
    ("request_id", "event_type", "expected"),
    [
        ("r-search", "per_call_api", ("search", "success", 9000, "0.02", "0.018", "0.018")),
        ("r-youtube", "per_call_api", ("youtube", "success", 1000, "0.002", "0.002", "0.002")),
        ("r-search-failed", "error", ("scholar", "failure", 0, "0", "0", "0")),
    ],
)
def test_a_call_with_a_price_of_its_own_costs_that_and_a_failed_one_nothing(
    family: Home, request_id: str, event_type: str, expected: tuple[Any, ...]
) -> None:
    """$0.02 x 0.9 = $0.018 = 9000 units."""
    columns = "call_type, status, quota_used, list_cost_usd, cache_optimized_cost_usd, reported_cost_usd"
    found = one(family, columns, request_id, event_type)
    assert found == (*expected[:3], *(Decimal(amount) for amount in expected[3:]))


def test_sentinels_are_no_values(family: Home) -> None:
    """-1 as price or override, an empty `other`, a first byte that came in the year 1 or before the call."""
    columns = "billing_mode, discount_factor, ttft_ms, reported_cost_usd"
    expected = ("ratio", Decimal("0.9"), None, Decimal("0.037126"))
    assert one(family, columns, "r-no-first-byte") == expected
    assert one(family, columns, "r-negative-wait") == expected
    nothing_said = (
        "select distinct billing_mode, discount_factor, ttft_ms, reported_cost_usd, fallback_depth,"
        " request_path from marts.fct_usage_costs where source = 'aisa' and request_id is null"
    )
    assert rows(family, nothing_said) == [("ratio", Decimal(1), None, Decimal("0.0002"), 0, None)]


def test_a_stream_that_broke_off_is_no_success_but_charged(family: Home) -> None:
    """(20 + 4 × 10) × 1.25 = 75 units are due and 100 charged, $0.0002, however the stream ended; unless nothing came.

    An unreadable chunk on the way to the end is the gateway's error, the caller got the whole answer.
    """
    asked = f"request_id, status, error_code, usage_source, {USD}"
    found = rows(
        family, f"select {asked} from marts.fct_usage_costs where source = 'streams' order by occurred_at"
    )
    assert found == [
        ("r-stream-done", "success", None, "reported", "0.000200000000"),
        ("r-stream-soft-error", "success", None, "reported", "0.000200000000"),
        ("r-stream-left", "cancelled", "client_gone", "reported", "0.000200000000"),
        ("r-stream-late", "timeout", "timeout", "reported", "0.000200000000"),
        ("r-stream-broken", "failure", "scanner_error", "reported", "0.000200000000"),
        ("r-stream-nothing", "failure", "scanner_error", "missing", "0.000000000000"),
    ]


def test_the_details_of_the_call_on_the_row_are_kept(family: Home) -> None:
    """A mapped model two channels further with estimated usage; a plan, a tier, a markup, the playground."""
    columns = "usage_source, fallback_depth, model_requested, model_served, provider, priced_model"
    assert one(family, columns, "r-estimated") == (
        *("estimated", 2, "smart", "openai/gpt-4o-2024-08-06", "openai", "openai/gpt-4o"),
    )
    assert one(family, "usage_source, unpriced_reason, list_cost_usd", "r-no-usage") == (
        "missing",
        "no_usage",
        None,
    )
    assert one(family, "quota_used, reported_cost_usd", "r-plan") == (18563, Decimal(0))
    assert one(family, "billing_mode", "r-tiered") == ("tiered_expr",)
    assert one(family, "discount_factor, discounted_cost_usd", "r-markup") == (
        Decimal("1.2"),
        Decimal("0.045"),
    )
    assert one(family, "origin, api_key_id", "r-playground") == ("playground", None)
    assert one(family, "call_type, origin", "r-embeddings") == ("embeddings", "api")


def test_tokenopens_table_and_items_carry_the_time_of_reception(family: Home) -> None:
    """9922.5 units are $0.019845 exactly; the cost of 0.14 on that row is in another currency."""
    found = rows(
        family,
        "select occurred_at::varchar, status, call_type, input_tokens, output_tokens, reported_cost_usd,"
        " quota_used, api_key_id, time_basis, error_code from marts.fct_usage_costs"
        " where source = 'tokenopen' and request_id is null order by occurred_at, event_id",
    )
    call = (
        "2026-11-01 07:21:59",
        "success",
        "chat",
        10000,
        500,
        Decimal("0.019846"),
        9923,
        "prod-web",
        "start",
        None,
    )
    assert found == [
        call,
        ("2026-11-01 07:22:00", *call[1:5], Decimal("0.019845"), None, *call[7:]),
        (
            "2026-11-01 07:22:01",
            "failure",
            "chat",
            0,
            0,
            Decimal(0),
            0,
            "batch",
            "start",
            "rate limit, try again",
        ),
        (
            "2026-11-01 07:22:02",
            "success",
            "embeddings",
            10000,
            0,
            Decimal("0.0002"),
            100,
            "batch",
            "start",
            None,
        ),
        ("2026-11-01 07:22:03", "success", "other", 10, 0, Decimal("0.04"), None, "batch", "start", None),
    ]
    assert one(family, "time_basis, occurred_at::varchar", "t-1") == ("start", "2026-11-01 07:21:59")
    summer = "select occurred_at::varchar from marts.fct_usage_costs where source = 'tokenopen_london'"
    assert rows(family, summer) == [("2026-06-30 23:30:00",)]


def test_a_unit_has_the_value_set_for_that_day(family: Home) -> None:
    """9923 / 500,000 until the first of November, 9923 / 300,000 = 0.03307666… from the second on."""
    worth = (
        "select request_id, reported_cost_usd from marts.fct_usage_costs where source = 'dated' order by 1"
    )
    assert rows(family, worth) == [("u-1", Decimal("0.019846")), ("u-2", Decimal("0.033076666667"))]


def test_one_api_counts_milliseconds_and_tests_its_channels(family: Home) -> None:
    found = rows(
        family,
        "select request_id, event_type, status, duration_ms, quota_used from marts.fct_usage_costs"
        " where source = 'one_api' order by 1",
    )
    assert found == [("o-1", "llm_call", "success", 1234, 171), ("o-2", "test", "success", 456, 3)]


def test_account_events_are_kept_once_and_cost_nothing_unless_flagged(family: Home) -> None:
    found = rows(
        family,
        "select source, event_type, log_kind, description, quota, has_charge, deliveries"
        " from marts.fct_account_events order by source, occurred_at",
    )
    assert found == [
        ("aisa", "topup", "topup", "Topped up $20.00 through Stripe", 0, False, 2),
        ("aisa", "system", "manage", "An administrator changed the quota", 0, False, 2),
        ("aisa", "system", "system", "Two-factor authentication enabled", 0, False, 2),
        ("aisa", "system", "system", "Security settings changed", 77, True, 1),
        ("aisa", "system", "login", "Signed in", 0, False, 1),
        ("aisa", "system", "unknown", None, 0, False, 1),
        ("one_api", "topup", "topup", "redeemed $1", 500000, False, 1),
    ]


def test_a_topup_credits_what_its_payment_provider_means(family: Home) -> None:
    """Stripe: the money, 20.0 x 500,000; Creem: the amount is the quota; all others: 10 x 500,000, whatever was paid.

    The provider comes before the method; a plan that was bought has an amount of 0 and credits no wallet.
    """
    found = rows(
        family,
        "select trade_no, topup_status, quota_credited, credited_usd, completed_at is not null"
        " from staging.stg_new_api__topups order by 1",
    )
    assert found == [
        ("USR7NO6", "success", 5000000, Decimal("10"), True),
        ("ref_5", "success", 10000000, Decimal("20"), True),
        ("ref_7", "success", 2500000, Decimal("5"), True),
        ("ref_8", "expired", 0, Decimal("0"), False),
        ("t-bepusdt", "success", 5000000, Decimal("10"), True),
        ("t-epay-wx", "success", 5000000, Decimal("10"), True),
        ("t-pancake", "success", 5000000, Decimal("10"), True),
        ("t-plan", "success", 0, Decimal("0"), True),
        ("t-stripe-card", "success", 4800000, Decimal("9.6"), True),
        ("t-unsaid", "success", 5000000, Decimal("10"), True),
        ("t-waffo", "success", 5000000, Decimal("10"), True),
    ]


def test_an_hour_counts_as_last_delivered(family: Home) -> None:
    found = rows(
        family,
        "select hour_at::varchar, model_requested, requests, total_tokens, quota_used, reported_cost_usd"
        " from staging.stg_new_api__usage_hours order by 2",
    )
    assert found == [
        ("2026-11-01 07:00:00", "claude-sonnet-4-5", 2, 21000, 19846, Decimal("0.039692")),
        ("2026-11-01 07:00:00", "gpt-4o", 2, 40, 200, Decimal("0.0004")),
    ]


def test_a_gateways_own_unit_stands_beside_the_configured_one(family: Home) -> None:
    found = rows(
        family,
        "select source, quota_per_unit, configured_quota_per_unit, display_unit"
        " from staging.stg_new_api__statuses order by 1",
    )
    assert found == [("aisa", 500000, 500000, "USD"), ("dated", 500000, 500000, "USD")]
