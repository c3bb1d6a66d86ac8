"""The functions that stand in for dbt's do what dbt's do."""

from __future__ import annotations

from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict, ParseError

from dagster_project.dbt_runner.speed import inject_ctes, less_work, message_of

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


INFO = {
    "level": "debug",
    "msg": "On list_build: Close – ü",
    "invocation_id": "13af7a91",
    "extra": {"home": "books"},
    "ts": "2026-11-20T20:41:14.260693Z",
    "pid": 12791,
    "thread": "MainThread",
    "code": "E010",
    "name": "ConnectionClosed",
}
NODE = {
    "node_path": "staging/a.sql",
    "node_name": "a",
    "node_started_at": "2026-11-20T20:41:14.443703",
    "node_finished_at": None,
    "meta": {"owner": "data"},
    "node_relation": {"database": "build", "schema": "staging", "alias": "a", "relation_name": '"a"'},
}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("SQLQuery", {"conn_name": "list_build", "sql": "select 'ü'", "node_info": {}}),
        ("SQLQueryStatus", {"status": "OK", "elapsed": 0.017, "node_info": NODE, "query_id": None}),
        ("SQLQueryStatus", {"status": "OK", "elapsed": 1, "node_info": NODE}),
        ("NodeStart", {"node_info": NODE}),
        ("NodeFinished", {"node_info": NODE, "run_result": {"timing_info": [{"started_at": INFO["ts"]}]}}),
        ("NewConnectionOpening", {"connection_state": StrEnum("State", ["init"]).init, "node_info": {}}),
        ("ConnectionClosedMsg", {"info": INFO}),
        ("ConnectionClosedMsg", {"info": INFO | {"ts": "2026-11-20T20:41:14Z", "extra": {}}}),
    ],
)
def test_an_event_is_the_message_dbt_would_make_of_it(kind: str, content: dict[str, Any]) -> None:
    from dbt.adapters.events import adapter_types_pb2
    from dbt.events import core_types_pb2

    message = getattr(core_types_pb2 if kind.startswith("Node") else adapter_types_pb2, kind)
    assert message_of(content, message()) == ParseDict(content, message())


def test_what_dbt_cannot_send_is_refused_in_its_words() -> None:
    from dbt.adapters.events import adapter_types_pb2 as types

    for content in ({"no_such_field": 1}, {"conn_name": 5}, {"info": {}}):
        with pytest.raises(ParseError) as ours:
            message_of(content, types.SQLQuery())
        with pytest.raises(ParseError) as theirs:
            ParseDict(content, types.SQLQuery())
        assert str(ours.value) == str(theirs.value)
