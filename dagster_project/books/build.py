"""Bring build.duckdb up to date with raw/: only what changed is built.

closed files unchanged? ► what is out of date? ─nothing─► results of the last build
                               └─► prepare build state ► dbt build ► keep content and results ─┐
                               ▲──────────────────────── next wave ────────────────────────────┘
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import duckdb

from dagster_project.books import closing, empty, restating, state
from dagster_project.books.changes import inputs_of, may_be_built, out_of_date
from dagster_project.books.inputs import source_contents
from dagster_project.books.publication import restore_days
from dagster_project.books.restating import Restatement
from dagster_project.books.state import NodeBuild
from dagster_project.clock import today
from dagster_project.dbt_runner.build import BuildResult, Invocation, Loaded, NodeResult, run
from dagster_project.dbt_runner.graph import Graph
from dagster_project.dbt_runner.project import DbtProject
from dagster_project.workers.driving import Work
from ingestion.empty_parquet import write_empty
from ingestion.home import Home
from ingestion.raw_tables import DQ_RESULT_COLUMNS


def build(
    home: Home, project: DbtProject, select: Sequence[str] = (), restatement: Restatement | None = None
) -> BuildResult:
    """Bring nodes up to date in `home`: those whose code or inputs changed.

    Args:
        home: the home; the caller holds its lock.
        project: the dbt project.
        select: names of models to build whether or not they changed, with the views they read; or, if each name is
            `+name`, the models to look at with all they read. Everything is looked at when empty.
        restatement: event days that get a reason if this build rates them differently than before.

    Raises:
        DbtBroken: dbt ended without results, for example because the profile or a hook failed.
        ClosedFileDamaged: a file of a closed month has changed.
        NotRestatable: the restatement names days of a closed month.
    """
    closing.verify(home)
    if restatement:
        restating.refuse_closed(home, restatement)
    restore_days(home)
    has_begun = empty.begin(home, project)
    books = _Books(home, project, today())
    among, asked = _selected(project.graph, select, books.known)
    waves = out_of_date(project.graph, str(home.root), books.known, books.sources, among, asked)
    nodes = next(waves, [])
    if nodes:
        _prepare(home, project, books.found_on, restatement, nodes)
    while nodes:
        nodes = books.build(nodes, waves)
    result = books.result(among)
    # To this home, what it began with is as new as what it added.
    return replace(result, built=frozenset(node.unique_id for node in result.nodes)) if has_begun else result


def models_to_report(home: Home, project: DbtProject) -> set[str]:
    """Return the names of the models that the next build may build or test, and of those with a test that failed last.

    Args:
        home: the home; the caller holds its lock.
        project: the dbt project.
    """
    graph, books = project.graph, _Books(home, project, today())
    failed = [name for name, build in books.known.items() if not build.result.passed]
    nodes = {*may_be_built(graph, str(home.root), books.known, books.sources), *failed}
    tested = {name for node in nodes if graph.nodes[node].is_test for name in graph.nodes[node].upstream}
    return {graph.nodes[name].name for name in nodes | tested if not graph.nodes[name].is_test}


def _selected(
    graph: Graph, select: Sequence[str], known: Collection[str]
) -> tuple[Collection[str], Collection[str]]:
    """Return the nodes to look at, and those of them to build in any case."""
    if not select:
        return graph.nodes.keys(), ()
    if all(name.startswith("+") for name in select):
        return set(graph.with_upstream(name[1:] for name in select)), ()
    asked = {graph.by_name[name] for name in select}
    among = set(graph.with_views(select)) | (set(graph.with_paths_above(select)) & set(known))
    tests = {name for name in among if graph.nodes[name].is_test and asked & set(graph.nodes[name].upstream)}
    return among, asked | tests


def _prepare(
    home: Home, project: DbtProject, found_on: date, restatement: Restatement | None, nodes: Collection[str]
) -> None:
    for folder in (home.restatements, home.status_history):
        folder.mkdir(parents=True, exist_ok=True)
    write_empty(home, home.no_requests, [("event_date", "DATE")])
    write_empty(home, home.no_dq_results, DQ_RESULT_COLUMNS)
    with state.open_build(home, read_only=False) as warehouse:
        state.prepare(
            warehouse,
            found_on,
            {node["name"] for node in project.models},
            closing.closed_day_rows(home),
            restatement.row() if restatement else None,
        )
        state.forget_nodes(warehouse, nodes)


@dataclass
class _Books:
    """The nodes of a home while it is built: what each holds and what dbt reported."""

    home: Home
    project: DbtProject
    found_on: date
    _reported: dict[str, NodeResult] = field(default_factory=dict)
    _days: dict[str, int] = field(default_factory=dict)
    _work: dict[str, Work] = field(default_factory=dict)
    _log_tail: Sequence[str] = ()
    _manifest: Loaded | None = None

    def __post_init__(self) -> None:
        nodes = self.project.graph.nodes.values()
        self._code = self.project.parse_folder.name
        self._relations = {node.unique_id: f"{node.schema}.{node.name}" for node in nodes if not node.is_test}
        self.known = state.known_nodes(self.home, self._code, self._relations)
        self.sources = self._source_contents()

    def build(self, nodes: Collection[str], waves: Iterator[list[str]]) -> list[str]:
        """Build nodes, keep what they hold, and return the next ones; none after a node broke.

        What is kept of the next ones is forgotten, because a build may die half way.
        """
        for unique_id in nodes:
            self.known.pop(unique_id, None)
        self._manifest = self._manifest or Loaded(self.project)
        invocation = run(self.home, self.project, self._manifest, nodes)
        self._reported |= {node.unique_id: node for node in invocation.nodes}
        self._work |= invocation.work
        self._log_tail = invocation.log_tail
        with state.open_build(self.home, read_only=False) as warehouse:
            warehouse.execute("begin")
            self._keep(warehouse, invocation)
            is_broken = any(node.broken for node in invocation.nodes)
            following = [] if is_broken else next(waves, [])
            state.forget_nodes(warehouse, following)
            warehouse.execute("commit")
        return following

    def result(self, among: Collection[str]) -> BuildResult:
        """Return the last result of every node that was looked at."""
        nodes = [
            self._reported[unique_id] if unique_id in self._reported else self._recalled(unique_id)
            for unique_id in self.project.graph.nodes
            if unique_id in self._reported or (unique_id in among and unique_id in self.known)
        ]
        rows = {
            node.name: self.known[node.unique_id].row_count
            for node in nodes
            if node.unique_id in self.known and self.known[node.unique_id].row_count is not None
        }
        by_day = {node.name for node in self.project.graph.nodes.values() if node.is_by_day}
        return BuildResult(
            nodes=nodes,
            built=frozenset(self._reported),
            log_tail=self._log_tail,
            rows=rows,
            days_rebuilt={name: self._days.get(name, 0) for name in rows if name in by_day},
            work=self._work,
        )

    def _recalled(self, unique_id: str) -> NodeResult:
        result = self.known[unique_id].result
        return replace(result, compiled_path=str(self.home.root / result.compiled_path))

    def _keep(self, warehouse: duckdb.DuckDBPyConnection, invocation: Invocation) -> None:
        """Keep what the nodes that succeeded hold, then what they were built from: the new content of their inputs."""
        graph = self.project.graph
        results = {
            node.unique_id: node for node in invocation.nodes if not node.broken and node.status != "skipped"
        }
        built = [graph.nodes[unique_id] for unique_id in results]
        contents = state.contents_of(
            warehouse,
            {
                node.unique_id: self._relations[node.unique_id]
                for node in built
                if node.holds_rows and not node.is_test and not node.is_by_day
            },
            {node.unique_id: node.name for node in built if node.is_by_day},
        )
        for unique_id, result in results.items():
            content, row_count = contents.get(unique_id, (None, None))
            # A home may move.
            result = replace(result, compiled_path=os.path.relpath(result.compiled_path, self.home.root))
            self.known[unique_id] = NodeBuild("", str(self.home.root), content, row_count, result)
        self.sources.update(self._source_contents())
        for node in built:
            inputs = inputs_of(node, self.known, self.sources)
            self.known[node.unique_id] = replace(self.known[node.unique_id], inputs=inputs)
        state.remember_nodes(warehouse, self._code, {name: self.known[name] for name in results})
        days = state.days_built(warehouse, invocation.invocation_id)
        self._days |= {node.name: days.get(node.name, 0) for node in built if node.is_by_day}

    def _source_contents(self) -> dict[str, str]:
        return source_contents(self.home, self.project.manifest_json["sources"], self.found_on)
