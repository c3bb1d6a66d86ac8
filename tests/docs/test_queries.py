"""docs/queries.md: every query answers over a published home, and its sums are those of the requests or the documents.

The queries are taken from the document as they stand; what they are compared with is written here, over the facts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import pytest

from ingestion.duck import literal
from tests.dagster_project.conftest import FinishedNight

DOCUMENT = Path(__file__).parents[2] / "docs" / "queries.md"
SQL = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def queries() -> tuple[str, dict[int, str]]:
    """Return what the document says to begin with, and the query of every numbered question."""
    opening, *parts = re.split(r"^## (?=\d+\. )", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    answers = {}
    for part in parts:
        [query] = SQL.findall(part)
        answers[int(part.partition(".")[0])] = query.strip().removesuffix(";")
    [begin] = SQL.findall(opening)
    return begin, answers


BEGIN, QUERIES = queries()

#: Of a question, an aggregate of its answer, and the same from the facts. `requests` are the requests of the month.
SUMS = [
    (
        1,
        "sum(to_pay_usd) filter (line = 'total')",
        "select sum(cache_optimized_cost_usd) from workspace_requests",
    ),
    (
        1,
        "sum(to_pay_usd) filter (line <> 'total')",
        "select sum(cache_optimized_cost_usd) from workspace_requests",
    ),
    (1, "sum(charged_usd) filter (line = 'total')", "select sum(reported_cost_usd) from workspace_requests"),
    (
        1,
        "sum(list_usd + discount_usd + cache_usd)",
        "select 2 * sum(cache_optimized_cost_usd) from workspace_requests",
    ),
    (
        2,
        "sum(abs(difference_minor))",
        "select sum(abs(net_minor + vat_minor - total_minor)) from fct_invoices",
    ),
    (2, "count(*)", "select count(*) from fct_invoices"),
    (2, "sum(net_minor + vat_minor)", "select sum(net_minor + vat_minor) from fct_invoices"),
    (2, "sum(received_minor)", "select sum(received_minor) from fct_payments where invoice_id is not null"),
    (
        2,
        "sum(credits)",
        "select sum(granted_micro) // 1000000 from fct_credit_grants where invoice_id is not null",
    ),
    (3, "sum(to_pay_usd)", "select sum(cache_optimized_cost_usd) from requests"),
    (3, "sum(list_usd - saved_usd)", "select sum(cache_optimized_cost_usd) from requests"),
    (3, "sum(requests)", "select count(*) from requests"),
    (4, "sum(to_pay_usd)", "select sum(cache_optimized_cost_usd) from requests"),
    (
        5,
        "sum(cache_optimized_cost_usd)",
        """
        select sum(usd)
        from (
            select sum(cache_optimized_cost_usd) as usd
            from requests
            group by source, workspace_id, api_key_id
            order by usd desc
            limit 10
        )
        """,
    ),
    (
        6,
        "sum(charged_usd)",
        "select sum(reported_cost_usd) from requests where cost_variance_usd is not null",
    ),
    (6, "sum(variance_usd)", "select sum(reported_cost_usd - cache_optimized_cost_usd) from requests"),
    (7, "sum(claim_usd)", "select sum(claim_usd) from recon_reported_costs"),
    (
        8,
        "sum(difference_amount) filter (currency = 'gbp')",
        """
        select (select sum(net_minor) from fct_payments where currency = 'gbp') * 0.01
            - (select sum(payable_amount) from fct_invoices where currency = 'gbp')
        """,
    ),
    (9, "sum(received_minor)", "select sum(net_minor) from fct_payments"),
    (
        9,
        """
        sum(invoiced_minor + credited_minor + settled_otherwise_minor + paid_for_other_months_minor
        + without_invoice_minor + overpaid_minor + unpaid_minor + timing_minor + paid_in_other_months_minor
        + refunded_minor + disputed_minor)
        """,
        "select sum(net_minor) from fct_payments",
    ),
    (10, "sum(fee_minor) filter (object_kind = 'payment')", "select sum(fee_minor) from fct_payments"),
    (
        11,
        "sum(vat) filter (currency = 'gbp')",
        "select sum(vat_amount) from fct_invoices where currency = 'gbp'",
    ),
    (11, "sum(invoices)", "select count(*) from fct_invoices"),
    (
        12,
        "sum(closing_micro)",
        "select sum(amount_micro) from fct_credit_entries where entry_kind <> 'overage'",
    ),
    (
        12,
        "sum(opening_micro + granted_micro + burned_micro + expired_micro + adjusted_micro)",
        "select sum(remaining_micro) from fct_credit_grants",
    ),
    (14, "count(*) filter (source = 'infery')", "select 2"),
    (
        15,
        "sum(revenue_usd)",
        "select -sum(value_usd) from fct_credit_entries where caused_by = 'usage' and value_usd is not null",
    ),
    (15, "sum(revenue_usd - cost_usd - margin_usd)", "select 0"),
    (16, "sum(used)", "select sum(credits_used) from requests where workspace_id = 'ws_priorities'"),
    (17, "sum(total_savings_usd)", "select sum(list_cost_usd - cache_optimized_cost_usd) from requests"),
    (
        18,
        "sum(cost_usd) filter (model_served = 'openai/gpt-4o-mini')",
        "select sum(cache_optimized_cost_usd) from requests where model_served = 'openai/gpt-4o-mini'",
    ),
    (
        18,
        "sum(target_cost_usd) filter (model_served = 'openai/gpt-4o')",
        """
        select sum(
            (uncached_input_tokens * 0.15 + cache_read_tokens * 0.075 + output_tokens * 0.60)
            * 0.000001 * coalesce(discount_factor, 1)
        )
        from requests
        where model_served = 'openai/gpt-4o' and event_type = 'llm_call'
        """,
    ),
    (
        19,
        "coalesce(sum(requests), 0)",
        "select count(*) from fct_usage_costs where unpriced_reason is not null",
    ),
    (20, "count(*)", "select count(distinct source) from requests"),
]


@pytest.fixture(scope="module")
def marts(finished_night: FinishedNight) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file of the small world, opened as the document says."""
    with duckdb.connect() as connection:
        said = BEGIN.replace("'.tollbook/tollbook.duckdb'", literal(finished_night.home.published_database))
        assert said != BEGIN
        connection.execute(said)
        connection.execute(
            """
            create temp view requests as
            select * from fct_usage_costs where date_trunc('month', event_date) = getvariable('month');
            create temp view workspace_requests as from requests where workspace_id = getvariable('workspace');
            """
        )
        yield connection


def test_there_are_twenty_questions() -> None:
    assert list(QUERIES) == list(range(1, 21))


@pytest.mark.parametrize("number", QUERIES)
def test_a_question_has_an_answer(marts: duckdb.DuckDBPyConnection, number: int) -> None:
    """The small world has a price for everything, so that nothing is missing from its sums (19)."""
    assert bool(marts.sql(QUERIES[number]).fetchall()) == (number != 19)


@pytest.mark.parametrize(("number", "aggregate", "facts"), SUMS)
def test_the_sums_of_an_answer_are_those_of_the_facts(
    marts: duckdb.DuckDBPyConnection, number: int, aggregate: str, facts: str
) -> None:
    answer = marts.sql(QUERIES[number]).aggregate(aggregate).fetchall()
    assert answer == marts.sql(facts).fetchall()
    assert answer != [(None,)]


def test_an_invoice_is_rounded_once_half_up_to_the_cent(marts: duckdb.DuckDBPyConnection) -> None:
    [(exact, invoiced)] = (
        marts.sql(QUERIES[1]).filter("line = 'total'").project("to_pay_usd, invoice_usd").fetchall()
    )
    assert invoiced == exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert invoiced > 0
