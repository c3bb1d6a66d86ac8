"""Undeclared fields are listed with the number of their rows and of all rows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pytest

from dagster_project.reports.unknown_fields import unknown_fields


@pytest.fixture
def marts() -> duckdb.DuckDBPyConnection:
    session = duckdb.connect()
    session.execute(
        """
        create table rpt_unknown_fields as
        select * from (values
            (date '2026-11-01', 'aisa', 'price_mismatch', 'new_fee', 40, 40, true, 1.6, 'r-1'),
            (date '2026-11-02', 'aisa', 'price_mismatch', 'new_fee', 1, 1, true, 0.04, 'r-2'),
            (date '2026-11-02', 'aisa', 'price_mismatch', 'colour', 1, 1, true, 0.04, 'r-2'),
            (date '2026-11-01', 'aisa', 'price_mismatch', 'now_and_then', 2, 40, true, 0.08, 'r-1'),
            (date '2026-11-01', 'aisa', 'match', 'harmless', 900, 900, false, 0, 'r-9'),
            (date '2026-12-01', 'litellm', 'unpriced', 'extra', 3, 4, true, 0, 'r-3')
        ) as rows (event_date, source, variance_reason, field_name, requests, reason_requests, is_unexplained,
            cost_variance_usd, example_request_id),
        (values (0.5)) as charged (unpriced_charge_usd)
        """
    )
    return session


def test_a_field_on_all_rows_that_nothing_explains_comes_first(marts: duckdb.DuckDBPyConnection) -> None:
    """1.6 + 0.04 USD of variance and 2 x 0.5 charged without a price."""
    found = unknown_fields(marts)
    assert [(field.source, field.name, field.requests, field.unexplained) for field in found] == [
        ("aisa", "new_fee", 41, 41),
        ("aisa", "colour", 1, 1),
        ("aisa", "now_and_then", 2, 40),
        ("litellm", "extra", 3, 4),
    ]
    assert str(found[0]) == "new field new_fee on 41 of 41 unexplained rows, 2.64 USD"
    assert (found[0].amount, found[0].reasons) == (Decimal("2.64"), ("price_mismatch",))


def test_a_month_lists_only_its_own_rows(marts: duckdb.DuckDBPyConnection) -> None:
    assert [field.name for field in unknown_fields(marts, date(2026, 12, 1))] == ["extra"]


def test_marts_without_the_table_list_none() -> None:
    assert unknown_fields(duckdb.connect()) == []
