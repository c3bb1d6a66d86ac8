"""What OpenAI and Anthropic count and bill, through dbt: disjoint classes, dollars, each bucket once."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal


def test_openais_input_is_split_into_disjoint_classes(ask):
    """2,000,000,000 input tokens of which 800 cached; the second bucket is the batch API's."""
    assert ask(
        "select is_batch, input_tokens, uncached_input_tokens, cache_read_tokens, output_tokens,"
        " request_count from staging.stg_openai__usage order by is_batch"
    ) == [(False, 2000000000, 1999999200, 800, 500, 5), (True, 10, 10, 0, 2, 1)]


def test_openais_costs_are_dollars_and_each_day_counts_once(ask):
    """12,345.0123456789 + 0.06 = 12,345.0723456789."""
    assert ask("select count(*), sum(cost_usd) from staging.stg_openai__costs") == [
        (2, Decimal("12345.0723456789"))
    ]


def test_anthropics_input_is_the_sum_of_its_classes(ask):
    """1,500 + 200 + 500 + 1,000 = 3,200; the row without a key is the Workbench's."""
    assert ask(
        "select api_key_id, uncached_input_tokens, cache_read_tokens, cache_write_5m_tokens,"
        " cache_write_1h_tokens, input_tokens, output_tokens, period_start_at"
        " from staging.stg_anthropic__usage order by api_key_id nulls last"
    ) == [
        ("apikey_1", 1500, 200, 500, 1000, 3200, 500, datetime(2026, 11, 1)),
        (None, 7, 0, 0, 0, 7, 1, datetime(2026, 11, 1)),
    ]


def test_anthropics_cents_become_dollars_with_their_fraction(ask):
    """The text "123.45" is $1.2345, never $123.45; "0.0075" is $0.000075."""
    assert ask("select cost_type, cost_usd from staging.stg_anthropic__costs order by cost_usd") == [
        ("web_search", Decimal("0.000075")),
        ("tokens", Decimal("1.2345")),
        ("code_execution", Decimal("25000.005")),
    ]


def test_bills_are_no_usage_events(ask):
    assert ask("select count(*) from marts.fct_usage_costs where source in ('openai', 'anthropic')") == [(0,)]
