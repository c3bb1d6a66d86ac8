"""The graph of dbt's nodes: what the rows of each are made of, and in which order they are built.

    sources ► views ► tables, days, lake ► tests

Views and ephemeral models hold no rows: a model that reads one reads what it reads. Which files a landed table has is
content of that table, so a model that reads it through macros/engine/raw.sql does not depend on the files of other
tables. The history of a lake model decides nothing of its rows, so it is no input of it (materializations/lake.sql).

Rulings: docs/decisions/runs.md#runs-10.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

#: The load records of all files. Macros that read one table's files through it.
FILES = "model.tollbook.stg_raw__files"
_FILE_READERS = {"macro.tollbook.raw_events", "macro.tollbook.raw_table"}
#: Macros that write the path of the home into SQL.
_PATHS = {"macro.tollbook.home_path", "macro.tollbook.home_glob"}


@dataclass(frozen=True)
class Node:
    """A model or a test.

    Attributes:
        kind: `test`, or how the model is materialized.
        upstream: the nodes its SQL names.
        inputs: ids of models that hold rows, and of sources. If the content of none has changed, the node is as it was.
            For a view: what its SQL lists the files of.
        has_paths: whether the relation is to be made again where the home has moved.
        depth: models with rows on the longest way to it.
    """

    unique_id: str
    name: str
    schema: str
    kind: str
    upstream: tuple[str, ...]
    inputs: frozenset[str]
    has_paths: bool
    depth: int

    @property
    def is_test(self) -> bool:
        """Whether it is a test."""
        return self.kind == "test"

    @property
    def holds_rows(self) -> bool:
        """Whether it has rows of its own; an ephemeral model is part of the SQL of what reads it."""
        return self.kind not in ("view", "ephemeral")

    @property
    def is_by_day(self) -> bool:
        """Whether the build state has its rows day by day."""
        return self.kind in ("daily", "lake")


class Graph:
    """The models and tests of a parsed project."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._nodes: Mapping[str, Mapping[str, Any]] = manifest["nodes"]
        self._sources: Mapping[str, Mapping[str, Any]] = manifest["sources"]
        self._macros: Mapping[str, Mapping[str, Any]] = manifest["macros"]

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """Every node by its unique id; a node comes after those its SQL names."""
        made: dict[str, Node] = {}
        rows_of: dict[str, frozenset[str]] = {}
        for unique_id in self._in_order():
            node = self._node(unique_id, made, rows_of)
            made[unique_id] = node
            rows_of[unique_id] = frozenset([unique_id]) if node.holds_rows else self._read(unique_id, rows_of)
        return made

    def with_upstream(self, names: Iterable[str]) -> list[str]:
        """Return the unique ids of nodes, of all nodes they read, and of every test that reads nothing else."""
        found = self.above([self.by_name[name] for name in names])
        return [
            node.unique_id
            for node in self.nodes.values()
            if node.unique_id in found
            or (node.is_test and all(upstream in found for upstream in node.upstream))
        ]

    def with_views(self, names: Iterable[str]) -> list[str]:
        """Return the unique ids of nodes, of the views they read, and of every test that reads one of these and else
        only what is upstream.
        """
        asked = [self.by_name[name] for name in names]
        models = self.above(asked, lambda node: node.kind == "view")
        upstream = self.above(asked)
        return [
            node.unique_id
            for node in self.nodes.values()
            if node.unique_id in models
            or (
                node.is_test
                and any(name in models for name in node.upstream)
                and all(name in upstream for name in node.upstream)
            )
        ]

    def with_paths_above(self, names: Iterable[str]) -> list[str]:
        """Return the unique ids of what nodes read and that is to be made again where the home has moved."""
        upstream = self.above([self.by_name[name] for name in names])
        return [unique_id for unique_id in upstream if self.nodes[unique_id].has_paths]

    def views_below(self, names: Iterable[str]) -> list[str]:
        """Return the names of the views that models read, directly or through other views."""
        asked = [self.by_name[name] for name in names]
        return sorted(
            self.nodes[unique_id].name
            for unique_id in self.above(asked, lambda node: node.kind == "view") - set(asked)
        )

    @cached_property
    def by_name(self) -> dict[str, str]:
        """The unique id of every node, by name."""
        return {node.name: unique_id for unique_id, node in self.nodes.items()}

    def above(self, asked: Collection[str], is_followed: Callable[[Node], bool] = lambda _: True) -> set[str]:
        """Return unique ids with those of all nodes they read, directly or through nodes that are followed."""
        found = set(asked)
        unread = list(asked)
        while unread:
            for upstream in self.nodes[unread.pop()].upstream:
                if upstream not in found and is_followed(self.nodes[upstream]):
                    found.add(upstream)
                    unread.append(upstream)
        return found

    def _in_order(self) -> list[str]:
        """Return the unique ids of models and tests, each after what it reads."""
        ordered: dict[str, None] = {}

        def visit(unique_id: str) -> None:
            if unique_id in ordered or unique_id not in self._nodes:
                return
            for upstream in self._nodes[unique_id]["depends_on"]["nodes"]:
                visit(upstream)
            ordered[unique_id] = None

        for unique_id in sorted(self._nodes):
            visit(unique_id)
        return list(ordered)

    def _node(self, unique_id: str, made: Mapping[str, Node], rows_of: Mapping[str, frozenset[str]]) -> Node:
        stated = self._nodes[unique_id]
        is_test = stated["resource_type"] == "test"
        kind = "test" if is_test else stated["config"]["materialized"]
        upstream = tuple(name for name in stated["depends_on"]["nodes"] if name in self._nodes)
        above = [made[name] for name in upstream]
        return Node(
            unique_id=unique_id,
            name=stated["name"],
            schema=stated["schema"],
            kind=kind,
            upstream=upstream,
            inputs=self._listed(unique_id, rows_of) if kind == "view" else self._read(unique_id, rows_of),
            has_paths=kind == "lake" or (kind == "view" and bool(_PATHS & self._macros_of(unique_id))),
            depth=max((node.depth + node.holds_rows for node in above), default=0),
        )

    def _read(self, unique_id: str, rows_of: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """Return the models with rows and the sources that a node reads, directly or through views."""
        stated = self._nodes[unique_id]
        history = {
            f"model.{stated['package_name']}.{name}" for name in stated["config"].get("history", {}).values()
        }
        reads: set[str] = set()
        for name in stated["depends_on"]["nodes"]:
            if name in history or (name == FILES and self._reads_own_files(unique_id)):
                continue
            reads |= rows_of.get(name, {name})
        return frozenset(reads)

    def _reads_own_files(self, unique_id: str) -> bool:
        """Whether a node names the load records only to find the files of the tables it reads."""
        return (
            bool(_FILE_READERS & self._macros_of(unique_id))
            and "stg_raw__files" not in (self._nodes[unique_id]["raw_code"])
        )

    def _listed(self, unique_id: str, rows_of: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """Return what decides which files the SQL of a view names; files of events are found when it is read.

        The books' own files are written while models are built, so those are inputs, too.
        """
        sources = {
            name
            for name in self._nodes[unique_id]["depends_on"]["nodes"]
            if name in self._sources and not self._sources[name]["config"]["meta"].get("is_event_table")
        }
        return self._read(unique_id, rows_of) if sources else frozenset()

    def _macros_of(self, unique_id: str) -> set[str]:
        """Return the macros a node calls, directly or through other macros."""
        found: set[str] = set()
        unread = list(self._nodes[unique_id]["depends_on"]["macros"])
        while unread:
            name = unread.pop()
            if name not in found and name in self._macros:
                found.add(name)
                unread += self._macros[name]["depends_on"]["macros"]
        return found
