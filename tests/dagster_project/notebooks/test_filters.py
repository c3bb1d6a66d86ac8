"""Conditions of SQL from what is chosen; text of a log or of an address is quoted."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from dagster_project.notebooks import filters
from dagster_project.notebooks.marts import Marts

EVENTS = """
create table events as from (values
    (date '2026-11-01', 'a', 1), (date '2026-11-02', null, 2),
    (date '2026-11-03', '', 4), (date '2026-11-03', 'it''s', 8)
) as rows (event_date, model, amount)
"""


@pytest.fixture
def marts() -> Marts:
    connection = duckdb.connect()
    connection.execute(EVENTS)
    return Marts(connection)


def kept(marts: Marts, condition: str) -> int:
    """Return the sum of the amounts that a condition keeps."""
    return marts.ask(f"select sum(amount) as amount from events where {condition}").first()["amount"]


@pytest.mark.parametrize(
    ("chosen", "amount"),
    [
        ([], 15),
        (["a"], 1),
        (["it's"], 8),
        ([filters.NONE], 6),
        (["a", filters.NONE], 7),
        (["') or true --"], None),
    ],
)
def test_the_chosen_values_are_kept_and_none_means_all(marts: Marts, chosen: list[str], amount: int | None):
    """1 has a, 2 null and 4 an empty name, 8 a quote."""
    assert kept(marts, filters.conditions({"model": chosen})) == amount


def test_a_scope_is_days_and_values(marts: Marts):
    scope = filters.scope((date(2026, 11, 2), date(2026, 11, 3)), {"Model": ["it's"]}, {"Model": "model"})
    assert kept(marts, scope) == 8
    assert kept(marts, filters.between("event_date", (date(2026, 11, 1), date(2026, 11, 2)))) == 3


def test_a_text_is_looked_for_as_it_is(marts: Marts):
    assert kept(marts, filters.contains("model", " it's ")) == 8
    assert kept(marts, filters.contains("model", "%")) is None
    assert kept(marts, filters.contains("model", "")) == 15


def test_a_macro_is_called_with_quoted_text():
    assert filters.called("what_if", "a'b") == "what_if('a''b')"


@pytest.mark.parametrize("values", [[], ["a"], ["a", "b"], ["it's", 'ü, "b"'], ['["a", "b"]'], ["null"]])
def test_what_is_written_into_the_address_is_read_back(values: list[str]):
    """Several values are one parameter; a name that looks like a list is a name."""
    assert filters.chosen_in(filters.in_address(values) or None, ["a", "b", "null", *values]) == values


@pytest.mark.parametrize("given", ["c", '["c"]', "[1", "{}", "3", "null"])
def test_what_is_not_offered_is_not_chosen(given: str):
    assert filters.chosen_in(given, ["a", "b"]) == []
