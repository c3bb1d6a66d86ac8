"""raw/ → build.duckdb: one `dbt build`, in this process, from the parsed manifest.

dagster_dbt's own resource starts a dbt process per step, which costs more than the build itself. Here the runner is
called directly, and dbt's result of each node is returned as plain data. Afterwards no connection to build.duckdb is
open, because publishing opens the same file. Knows nothing of Dagster (defs/warehouse.py) nor of earlier builds
(books/build.py).

Rulings: docs/decisions/runs.md#runs-2, docs/decisions/runs.md#runs-9.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from dagster_project.dbt_runner.project import FINDING, DbtProject
from ingestion.duck import THREADS_VARIABLE, threads
from ingestion.home import HOME_VARIABLE, Home

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

logger = logging.getLogger("tollbook.dbt")

LOG_LINES = 20
LOG_BYTES = 10_000_000


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
    """One dbt invocation: its nodes in the order dbt finished them, and the last lines it logged."""

    invocation_id: str
    nodes: Sequence[NodeResult]
    log_tail: Sequence[str]
    rows: Mapping[str, int] = field(default_factory=dict)
    days_rebuilt: Mapping[str, int] = field(default_factory=dict)

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


class DbtBroken(RuntimeError):
    """dbt stopped before any node had a result; the message holds its last log lines."""


def run(home: Home, project: DbtProject, select: Sequence[str] = ()) -> BuildResult:
    """Run `dbt build` over `select` against `home`.

    If every name of `select` includes its upstream (`+name`), dbt gets only these nodes. Unit tests are left out: they
    test the code, not the data, and `make test` runs them.

    Args:
        home: the home whose raw/ is read.
        project: the dbt project.
        select: names of nodes, `+name` for a node and all it reads; everything when empty.

    Raises:
        DbtBroken: dbt ended without results, for example because the profile or a hook failed.
    """
    from dbt.cli.main import dbtRunner

    log_tail: deque[str] = deque(maxlen=LOG_LINES)
    with _log_file(home) as log_file, _environment(home):
        runner = dbtRunner(manifest=_manifest(project, select), callbacks=[_listener(log_tail, log_file)])
        try:
            outcome = runner.invoke(_arguments(home, project, select))
        finally:
            _close_connections()
    if outcome.exception is not None and not isinstance(outcome.exception, Exception):
        raise outcome.exception  # dbt returns the interrupt of a run that is being stopped
    results = getattr(outcome.result, "results", None)
    if results is None:
        raise DbtBroken("\n".join([f"dbt stopped: {outcome.exception}", *log_tail]))
    invocation_id = outcome.result.args.get("invocation_id") or _invocation_id()
    return BuildResult(invocation_id, [_node_result(result) for result in results], list(log_tail))


def _manifest(project: DbtProject, select: Sequence[str]) -> Manifest:
    """Set findings to warn, so that dbt does not skip the models that depend on theirs."""
    whole = _is_whole(select)
    manifest = project.manifest(project.with_upstream(name[1:] for name in select) if whole else ())
    for node in manifest.nodes.values():
        if node.resource_type == "test" and FINDING in node.config.tags:
            node.config.severity = "warn"
    return manifest


def _is_whole(select: Sequence[str]) -> bool:
    """Whether `select` names everything that has to be in the graph."""
    return all(name.startswith("+") for name in select)


def _arguments(home: Home, project: DbtProject, select: Sequence[str]) -> list[str]:
    work = home.dbt_work
    return [
        "build",
        "--no-write-json",
        *("--project-dir", str(project.folder), "--profiles-dir", str(project.folder)),
        *("--target-path", str(work / "target"), "--log-path", str(work / "logs")),
        # dbt leaves its log file open; _listener writes ours.
        *("--log-level", "none", "--log-level-file", "none"),
        *("--exclude-resource-type", "unit_test"),
        # A test over several models runs if each of them is selected or upstream of a selected one.
        *(
            ("--select", *select, *project.views_below(select), "--indirect-selection", "buildable")
            if not _is_whole(select)
            else ()
        ),
    ]


@contextmanager
def _environment(home: Home) -> Iterator[None]:
    """Set the absolute path of the home and DuckDB's number of threads for dbt."""
    wanted = {HOME_VARIABLE: str(home.root), THREADS_VARIABLE: str(threads())}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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


def _close_connections() -> None:
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
