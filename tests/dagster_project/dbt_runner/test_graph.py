"""The graph of the project's nodes: what the rows of each are made of."""

from __future__ import annotations

import re

import pytest

from dagster_project.dbt_runner.graph import FILES, Node
from dagster_project.dbt_runner.project import project

#: Macros over what the books keep, and the source that stands for it.
BOOKS = {
    "macro.tollbook.restatement_records": "books.restatements",
    "macro.tollbook.closed_credit_files": "books.closings",
    "macro.tollbook.run_state": "books.run",
}

#: Part of the history of the requests, which is no input of them.
HISTORY = {"model.tollbook.int_usage_costs_adjusted"}


def node(name: str) -> Node:
    graph = project().graph
    return graph.nodes[graph.by_name[name]]


def inputs(name: str) -> set[str]:
    return {unique_id.partition("tollbook.")[2] for unique_id in node(name).inputs}


def test_a_node_comes_after_what_it_reads() -> None:
    seen: set[str] = set()
    for unique_id, one in project().graph.nodes.items():
        assert set(one.upstream) <= seen
        seen.add(unique_id)
    assert seen == project().manifest_json["nodes"].keys()


def test_a_staging_table_is_made_of_its_own_files() -> None:
    assert inputs("stg_openai__usage") == {"raw.openai_usage"}
    assert inputs("stg_stripe__charges") == {"raw.stripe_charges"}


def test_a_model_that_asks_for_files_is_made_of_the_load_records() -> None:
    assert FILES in node("rpt_source_days").inputs
    assert FILES in node("stg_raw__file_days").inputs


def test_a_view_is_no_input_but_what_it_reads_is() -> None:
    read = inputs("fct_usage_costs")
    assert {"raw.infron_logs", "raw.litellm_logs", "int_model_prices"} <= read
    assert not {name for name in read if name.startswith("stg_infron")}
    kinds = {project().graph.nodes[name].kind for name in node("fct_usage_costs").inputs if name[0] == "m"}
    assert "view" not in kinds


def test_the_history_of_the_requests_is_no_input_of_them() -> None:
    """Restating and booking adjustments write beside the rows of a day; the records of closed months decide them."""
    assert "books.run" not in inputs("fct_usage_costs")
    assert "books.closings" in inputs("fct_usage_costs")


@pytest.mark.parametrize("macro", BOOKS)
def test_what_reads_the_books_own_files_names_their_source(macro: str) -> None:
    nodes = project().manifest_json["nodes"]
    readers = {unique_id for unique_id, one in nodes.items() if macro in one["depends_on"]["macros"]}
    readers -= HISTORY
    assert {
        name
        for name in readers
        if f"source.tollbook.{BOOKS[macro]}" not in nodes[name]["depends_on"]["nodes"]
    } == set()


def test_a_model_that_lists_files_of_the_lake_names_their_source() -> None:
    nodes = project().manifest_json["nodes"].values()
    readers = {one["name"]: one["depends_on"]["nodes"] for one in nodes if "lake_files(" in one["raw_code"]}
    assert readers.keys() == {"rpt_restated_requests"}
    assert "source.tollbook.books.restated_requests" in readers["rpt_restated_requests"]


def test_only_known_macros_read_below_the_lake() -> None:
    """Whatever reads files that are no source would not be built again when they change."""
    macros = project().manifest_json["macros"]
    reading = {
        name.removeprefix("macro.tollbook.")
        for name, macro in macros.items()
        if name.startswith("macro.tollbook.")
        and re.search(r"\blake_files\(|from glob\('", macro["macro_sql"])
    }
    assert (
        reading
        - {
            "lake_files",
            "closed_credit_files",
            "restatement_records",
            "recorded_statuses",
            "write_no_dq_results",
            "adjustment_files",
            "materialization_lake_duckdb",
        }
        == set()
    )


def test_relations_with_the_path_of_the_home_are_known() -> None:
    with_paths = {one.name for one in project().graph.nodes.values() if one.has_paths}
    assert {"stg_infron__logs", "stg_config__sources", "fct_usage_costs"} <= with_paths
    assert not with_paths & {"int_usage_events", "stg_raw__files", "fct_usage_daily"}
