"""raw/ → build.duckdb: `dbt build` of some nodes, in this process, from the parsed manifest.

dagster_dbt's own resource starts a dbt process per step, which costs more than the build itself. Here the runner is
called directly, and dbt's result of each node is returned as plain data. Afterwards no connection to build.duckdb is
open, because publishing opens the same file. Knows nothing of Dagster (defs/warehouse.py) nor of earlier builds
(books/build.py).

Rulings: docs/decisions/runs.md#runs-2, docs/decisions/runs.md#runs-9.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from dagster_project.dbt_runner.project import FINDING, DbtProject
from dagster_project.workers.driving import Work
from ingestion.duck import THREADS_VARIABLE, threads
from ingestion.environment import environment_with
from ingestion.home import HOME_VARIABLE, Home

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

logger = logging.getLogger("tollbook.dbt")

LOG_LINES = 20
LOG_BYTES = 10_000_000
_SELECTED = "tollbook_selected"


@dataclass(frozen=True)
class NodeResult:
    """The result of one model or test. `status` is dbt's: success, error, skipped; pass, warn, fail."""

    unique_id: str
    name: str
    resource_type: str
    status: str
    seconds: float
    failures: int | None
    message: str
    compiled_path: str
    is_finding: bool

    @property
    def passed(self) -> bool:
        """Whether a test passed or a model was built."""
        return self.status in ("pass", "success")

    @property
    def broken(self) -> bool:
        """Whether it prevents publishing: an error, or a failing test that is not a finding."""
        return self.status == "error" or (self.status == "fail" and not self.is_finding)


@dataclass(frozen=True)
class BuildResult:
    """One build: every node of it in the order dbt finished them, and the last lines dbt logged.

    Attributes:
        nodes: what dbt reported of each node, tonight or when it was built last.
        built: the unique ids of the nodes that were built tonight.
        log_tail: the last lines dbt logged.
        rows: rows by model.
        days_rebuilt: days that were built tonight, by model, of models that are built day by day.
        work: what workers did, by model.
    """

    nodes: Sequence[NodeResult]
    built: Collection[str] = ()
    log_tail: Sequence[str] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    days_rebuilt: Mapping[str, int] = field(default_factory=dict)
    work: Mapping[str, Work] = field(default_factory=dict)

    @property
    def broken(self) -> list[NodeResult]:
        """Nodes that keep this build from being published."""
        return [node for node in self.nodes if node.broken]

    def explain(self) -> str:
        """Return which nodes broke, where their SQL is, and dbt's last log lines."""
        lines = []
        for node in self.broken:
            lines += [f"{node.resource_type} {node.name}: {node.status} {node.message}".rstrip()]
            lines += [f"  compiled SQL: {node.compiled_path}"] if node.compiled_path else []
        return "\n".join([*lines, f"last {len(self.log_tail)} log lines:", *self.log_tail])


@dataclass(frozen=True)
class Invocation:
    """One dbt invocation: nodes in the order dbt finished them, the last lines it logged, what workers did by model."""

    invocation_id: str
    nodes: Sequence[NodeResult]
    log_tail: Sequence[str]
    work: Mapping[str, Work]


class DbtBroken(RuntimeError):
    """dbt stopped before any node had a result; the message holds its last log lines."""


class Loaded:
    """The manifest of a project, for the invocations of one build."""

    def __init__(self, project: DbtProject) -> None:
        self._manifest, self._graph = project.manifest(), project.graph
        self._nodes = dict(self._manifest.nodes)
        self._manifest.unit_tests = {}  # They test the code, not the data, and `make test` runs them.
        self._manifest.exposures = {}  # They would be looked for among the nodes of each invocation.
        for node in self._nodes.values():
            if node.resource_type == "test" and FINDING in node.config.tags:
                node.config.severity = "warn"  # dbt skips the models that depend on a failing test's.

    def of(self, nodes: Collection[str]) -> Manifest:
        """Return the manifest with these nodes tagged as selected, and beside them only those they read.

        dbt orders and checks every node of a manifest in each invocation. Macros still see all of them in `graph`.
        """
        read = self._graph.above(nodes)
        self._manifest.nodes = {name: node for name, node in self._nodes.items() if name in read}
        for unique_id, node in self._manifest.nodes.items():
            node.tags = [tag for tag in node.tags if tag != _SELECTED] + [_SELECTED] * (unique_id in nodes)
        self._manifest.rebuild_ref_lookup()
        return self._manifest


def run(home: Home, project: DbtProject, manifest: Loaded, nodes: Collection[str]) -> Invocation:
    """Run `dbt build` over some nodes against `home`.

    Args:
        home: the home whose raw/ is read.
        project: the dbt project.
        manifest: of the project.
        nodes: unique ids.

    Raises:
        DbtBroken: dbt ended without results, for example because the profile or a hook failed.
    """
    from dbt.cli.main import dbtRunner

    from dagster_project.dbt_runner import day_tasks

    log_tail: deque[str] = deque(maxlen=LOG_LINES)
    day_tasks.DONE.clear()
    with _log_file(home) as log_file, environment(home):
        runner = dbtRunner(manifest=manifest.of(nodes), callbacks=[_listener(log_tail, log_file)])
        try:
            outcome = runner.invoke(_arguments(home, project))
        finally:
            close_connections()
    if outcome.exception is not None and not isinstance(outcome.exception, Exception):
        raise outcome.exception  # dbt returns the interrupt of a run that is being stopped
    results = getattr(outcome.result, "results", None)
    if results is None:
        raise DbtBroken("\n".join([f"dbt stopped: {outcome.exception}", *log_tail]))
    invocation_id = outcome.result.args.get("invocation_id") or _invocation_id()
    return Invocation(
        invocation_id, [_node_result(result) for result in results], list(log_tail), dict(day_tasks.DONE)
    )


def _arguments(home: Home, project: DbtProject) -> list[str]:
    work = home.dbt_work
    return [
        "build",
        "--no-write-json",
        *project.arguments,
        *("--target-path", str(work / "target"), "--log-path", str(work / "logs")),
        # dbt leaves its log file open; _listener writes ours.
        *("--log-level", "none", "--log-level-file", "none"),
        # A tag is looked up once per node, a name is compared with every node. Tests are selected like models.
        *("--select", f"tag:{_SELECTED}", "--indirect-selection", "empty"),
    ]


def environment(home: Home) -> AbstractContextManager[None]:
    """Set the absolute path of the home and DuckDB's number of threads for dbt."""
    return environment_with({HOME_VARIABLE: str(home.root), THREADS_VARIABLE: str(threads())})


@contextmanager
def _log_file(home: Home) -> Iterator[TextIO]:
    """Open dbt's log of all runs, rotated so that it stays readable."""
    path = home.dbt_work / "logs" / "dbt.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    with path.open("a") as handle:
        yield handle


def _listener(log_tail: deque[str], log_file: TextIO) -> Any:
    """Write every line to the log file, keep the last ones for an error message, and report the current node."""

    def listen(event: Any) -> None:
        if event.info.level in ("debug", "test"):
            return
        message = event.info.msg.strip()
        if message:
            log_tail.append(message)
            log_file.write(f"{event.info.ts.ToJsonString()} {message}\n")
        if event.info.name == "LogStartLine":
            logger.info(message.partition("START ")[2].split(" ..")[0] or message, extra={"activity": True})

    return listen


def close_connections() -> None:
    """Close every connection of dbt to its database, so that others may open the file."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()


def _invocation_id() -> str:
    from dbt_common.invocation import get_invocation_id

    return get_invocation_id()


def _node_result(result: Any) -> NodeResult:
    node = result.node
    compiled = getattr(node, "compiled_path", None)
    return NodeResult(
        unique_id=node.unique_id,
        name=node.name,
        resource_type=str(node.resource_type),
        status=str(result.status),
        seconds=round(result.execution_time, 3),
        failures=result.failures,
        message=result.message or "",
        compiled_path=str(compiled or ""),
        is_finding=FINDING in node.config.tags,
    )
