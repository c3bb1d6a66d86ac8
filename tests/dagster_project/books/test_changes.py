"""Only what changed is built: which nodes are out of date, on a graph of eight nodes.

source logs ► view events ► table requests ► table spend ► test spend_is_sound
source rules ► table rules ────────────────► table spend
source closings ► table months
               table rules ► table report
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dagster_project.books import changes
from dagster_project.books.changes import inputs_of, may_be_built, out_of_date
from dagster_project.books.state import NodeBuild
from dagster_project.dbt_runner.build import NodeResult
from dagster_project.dbt_runner.graph import Graph

LOGS, RULES_FILE, CLOSINGS = "source.t.raw.logs", "source.t.raw.rules", "source.t.books.closings"


def node(name: str, kind: str, *reads: str, **config: Any) -> dict[str, Any]:
    """A node of a manifest."""
    return {
        "name": name,
        "schema": "marts",
        "package_name": "t",
        "resource_type": "test" if kind == "test" else "model",
        "config": {"materialized": kind, **config},
        "depends_on": {"nodes": list(reads), "macros": ["macro.tollbook.home_path"] * (kind == "view")},
        "raw_code": "",
    }


GRAPH = Graph(
    {
        "nodes": {
            "model.t.events": node("events", "view", LOGS),
            "model.t.requests": node("requests", "table", "model.t.events"),
            "model.t.rules": node("rules", "table", RULES_FILE),
            "model.t.spend": node("spend", "table", "model.t.requests", "model.t.rules"),
            "model.t.report": node("report", "table", "model.t.rules"),
            "model.t.months": node("months", "table", CLOSINGS),
            "test.t.spend_is_sound": node("spend_is_sound", "test", "model.t.spend"),
        },
        "sources": {
            LOGS: {"config": {"meta": {"is_event_table": True}}},
            RULES_FILE: {"config": {"meta": {}}},
            CLOSINGS: {"config": {"meta": {}}},
        },
        "macros": {"macro.tollbook.home_path": {"depends_on": {"macros": []}}},
    }
)


class Books:
    """Nodes that are built by noting their content: what `content_of` says, else a hash of their inputs."""

    def __init__(self) -> None:
        self.known: dict[str, NodeBuild] = {}
        self.sources = {LOGS: "1", RULES_FILE: "1", CLOSINGS: "1"}
        self.place = "/home"

    def build(
        self, content_of: Mapping[str, str] | None = None, asked: tuple[str, ...] = ()
    ) -> list[list[str]]:
        """Build what is out of date; return the names of the nodes, wave by wave."""
        waves = []
        for wave in out_of_date(GRAPH, self.place, self.known, self.sources, GRAPH.nodes, asked):
            for unique_id in wave:
                one = GRAPH.nodes[unique_id]
                inputs = inputs_of(one, self.known, self.sources)
                content = (content_of or {}).get(one.name, inputs)
                result = NodeResult(unique_id, one.name, one.kind, "success", 0, None, "", "", False)
                self.known[unique_id] = NodeBuild(inputs, self.place, content, None, result)
            waves.append([GRAPH.nodes[unique_id].name for unique_id in wave])
        return waves


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> Books:
    """Books of which everything is built, with waves of one model."""
    monkeypatch.setattr(changes, "DEPTH", 1)
    books = Books()
    assert sorted(name for wave in books.build() for name in wave) == sorted(GRAPH.by_name)
    return books


def test_what_was_never_built_is_built_at_once(books: Books) -> None:
    books.known.clear()
    assert len(books.build()) == 1


def test_nothing_is_built_twice_of_the_same_inputs(books: Books) -> None:
    assert books.build() == []


def test_a_changed_source_reaches_what_reads_it_through_a_view_and_nothing_else(books: Books) -> None:
    books.sources[LOGS] = "2"
    assert books.build() == [["requests"], ["spend"], ["spend_is_sound"]]


def test_a_model_whose_rows_stayed_the_same_ends_the_chain(books: Books) -> None:
    books.sources[LOGS] = "2"
    same = {"requests": books.known["model.t.requests"].content}
    assert books.build(same) == [["requests"]]
    assert books.build() == []


def test_within_a_wave_whatever_reads_a_built_node_is_built(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "DEPTH", 9)
    books.sources[LOGS] = "2"
    same = {"requests": books.known["model.t.requests"].content}
    assert books.build(same) == [["requests", "spend", "spend_is_sound"]]


def test_a_node_that_is_not_known_is_built_and_its_readers_if_its_rows_changed(books: Books) -> None:
    before = books.known.pop("model.t.rules").content
    assert books.build({"rules": before}) == [["rules"]]
    books.known.pop("model.t.rules")
    assert sorted(name for wave in books.build({"rules": "other"}) for name in wave) == [
        "report",
        "rules",
        "spend",
        "spend_is_sound",
    ]


def test_what_a_person_asks_for_is_built_in_any_case(books: Books) -> None:
    assert books.build(asked=("model.t.report",)) == [["report"]]


def test_the_same_rows_by_another_way_are_no_change(books: Books) -> None:
    """A source goes from 1 to 2 and back: what was built from 2 is built from 1 again."""
    books.sources[LOGS] = "2"
    books.build()
    books.sources[LOGS] = "1"
    assert books.build() == [["requests"], ["spend"], ["spend_is_sound"]]


def test_a_home_that_moved_has_its_relations_made_again_and_the_same_rows(books: Books) -> None:
    books.place = "/elsewhere"
    assert books.build() == [["events"]]
    assert books.build() == []


def test_what_may_be_built_is_all_below_a_change_and_what_reads_files_of_the_build(books: Books) -> None:
    def names() -> list[str]:
        nodes = may_be_built(GRAPH, books.place, books.known, books.sources)
        return sorted(GRAPH.nodes[unique_id].name for unique_id in nodes)

    assert names() == []
    books.sources[LOGS] = "2"
    assert names() == ["months", "requests", "spend", "spend_is_sound"]
    books.build({"requests": books.known["model.t.requests"].content})
    assert names() == []
