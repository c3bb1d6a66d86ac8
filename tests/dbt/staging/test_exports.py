"""A gateway's exports are united by name: what only one has is null in the others, so names and types must agree.

Rulings: docs/decisions/structure.md#structure-4
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from dagster_project.dbt_runner.project import project
from dagster_project.dbt_runner.token_classes import token_classes

Ask = Callable[[str], list[tuple[Any, ...]]]

#: What a row of any export must tell by itself: it may be null, but not for want of a column.
TOLD = {
    *("source", "request_id", "occurred_at", "input_tokens", "output_tokens", "web_searches", "usage_source"),
    *("usage_reading", "reported_total_tokens", "stream_rank", "raw_file", "raw_line", "delivered_on"),
    *(entry.tokens for entry in token_classes()),
}


def exports() -> dict[str, list[str]]:
    """The models that each gateway's model of usage events unites; none where the gateway has one export."""
    nodes = project().manifest_json["nodes"]
    return {
        node["name"]: [
            nodes[read]["name"]
            for read in node["depends_on"]["nodes"]
            if nodes[read]["fqn"][2] == node["fqn"][2]
        ]
        for name, node in nodes.items()
        if name.startswith("model.tollbook.stg_") and name.endswith("__usage_events")
        if all(read in nodes for read in node["depends_on"]["nodes"])
    }


EXPORTS = exports()


def columns(ask: Ask, model: str) -> dict[str, str]:
    asked = f"select column_name, data_type from duckdb_columns() where table_name = '{model}'"
    return dict(ask(asked))


def test_the_gateways_with_several_exports_have_a_model_for_each() -> None:
    assert {name: len(models) for name, models in EXPORTS.items()} == {
        "stg_infery__usage_events": 5,
        "stg_infron__usage_events": 3,
        "stg_litellm__usage_events": 3,
        "stg_new_api__usage_events": 2,
    }


@pytest.mark.parametrize("united", EXPORTS)
def test_a_column_has_one_type_in_every_export_of_a_gateway(ask: Ask, united: str) -> None:
    types = defaultdict(set)
    for export in EXPORTS[united]:
        for column, kind in columns(ask, export).items():
            types[column].add(kind)
    assert {column: kinds for column, kinds in types.items() if len(kinds) > 1} == {}


@pytest.mark.parametrize("export", [export for models in EXPORTS.values() for export in models])
def test_an_export_says_what_was_used_and_where_the_row_comes_from(ask: Ask, export: str) -> None:
    assert TOLD - set(columns(ask, export)) == set()


def test_the_exports_of_new_api_are_whole_events(ask: Ask) -> None:
    """Each is mapped to the columns every gateway ends in, so none may lack a column the other has."""
    items, console = (set(columns(ask, export)) for export in EXPORTS["stg_new_api__usage_events"])
    assert items ^ console == set()
