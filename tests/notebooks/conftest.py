"""A marts schema small enough to add up in the head, with the columns the notebooks read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from ingestion.home import Home

# Two keys, two models, two days. List 1.00 + 2.00 + 4.00 = 7.00, discounted 0.90 + 1.80 + 3.60 = 6.30,
# cache-optimized 0.50 + 1.80 + 3.60 = 5.90; the fourth request has no price.
REQUESTS = """
create schema meta;
create table meta.publication (home varchar);
create schema marts;
use marts;
create table fct_usage_costs as
from (values
    ('req_1', timestamp '2026-11-01 08:00:00', 'key_1', 'mem_1', 'openai/gpt-4o', '1.00', '0.90', '0.50'),
    ('req_2', timestamp '2026-11-01 09:00:00', 'key_2', null, 'openai/gpt-4o', '2.00', '1.80', '1.80'),
    ('req_3', timestamp '2026-11-02 08:00:00', 'key_1', 'mem_1', 'anthropic/claude', '4.00', '3.60', '3.60'),
    ('req_4', timestamp '2026-11-02 09:00:00', 'key_1', 'mem_1', 'nobody/<b>knows</b>-*it*', null, null, null)
) as rows (request_id, occurred_at, api_key_id, member_id, model_served, list_usd, discounted_usd, cached_usd)
select
    request_id, occurred_at, cast(occurred_at as date) as event_date, api_key_id, member_id, model_served,
    'success' as status, 1000 as input_tokens, 100 as output_tokens,
    cast(list_usd as decimal(18, 12)) as list_cost_usd,
    cast(discounted_usd as decimal(18, 12)) as discounted_cost_usd,
    cast(cached_usd as decimal(18, 12)) as cache_optimized_cost_usd,
    'infron/logs/requests.ndjson' as raw_file, row_number() over () as raw_line;
create table fct_usage_daily as
select
    event_date, api_key_id, member_id, model_served,
    count(*) as requests, count(*) filter (list_cost_usd is null) as unpriced_requests,
    coalesce(sum(list_cost_usd), 0) as list_cost_usd,
    coalesce(sum(discounted_cost_usd), 0) as discounted_cost_usd,
    coalesce(sum(cache_optimized_cost_usd), 0) as cache_optimized_cost_usd
from fct_usage_costs
group by all;
"""


@pytest.fixture
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts in memory."""
    with duckdb.connect() as con:
        con.execute(REQUESTS)
        yield con


@pytest.fixture
def publish(home: Home) -> Callable[[Path], None]:
    """A function that makes the marts the published ones of a home, as published at a folder."""
    return lambda place: publish_marts(home, place)


def publish_marts(home: Home, place: Path) -> None:
    """Make the marts the published ones of a home, as published at a folder."""
    with duckdb.connect() as marts:
        marts.execute(REQUESTS)
        marts.execute(f"attach '{home.published_database}' as published")
        marts.execute("copy from database memory to published")
        marts.execute("insert into published.meta.publication values ($1)", [str(place)])
