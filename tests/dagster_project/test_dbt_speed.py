"""The functions that stand in for dbt's do what dbt's do."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dagster_project.dbt_speed import inject_ctes, less_work

CTES = [SimpleNamespace(sql=" one as (\nselect 1\n)"), SimpleNamespace(sql=" two as (\nselect 2\n)")]


@pytest.mark.parametrize(
    "sql",
    [
        "with own as (select 3) select * from own",
        "-- with words\n/* with\nmore */\nWITH own as (select 3) select * from own",
        "with recursive own as (select 3) select * from own",
        "select * from one",
        "\n  (select 1)",
    ],
)
def test_ctes_go_where_dbt_puts_them(sql: str) -> None:
    from dbt.compilation import inject_ctes_into_sql

    def words(text: str) -> list[str]:
        return text.replace(",", " , ").split()

    assert words(inject_ctes(sql, CTES)) == words(inject_ctes_into_sql(sql, CTES))
    assert inject_ctes(sql, []) == sql


def test_equal_questions_get_one_type_tester_and_dbt_is_left_as_it_was() -> None:
    from dbt_common.clients import agate_helper

    before = agate_helper.build_type_tester
    with less_work():
        first = agate_helper.build_type_tester(["a"], string_null_values=())
        assert agate_helper.build_type_tester(("a",), string_null_values=()) is first
        assert agate_helper.build_type_tester(["b"], string_null_values=()) is not first
    assert agate_helper.build_type_tester is before
