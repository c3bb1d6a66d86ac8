"""dbt/ → its parsed manifest, parsed once per content of dbt/.

A parse costs seconds and the result is the same for every home, so it is kept in dbt/target/<digest>/ (in the user's
cache where the package is installed). The digest covers every file of the project and the versions of dbt: a changed
model is a new digest, never a stale manifest. Knows nothing of Dagster; running the project is build.py's.

Rulings: docs/decisions/runs.md#runs-2.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster_project.dbt_runner.graph import Graph
from dagster_project.shipped import cache, shipped
from ingestion.connectors import CONNECTORS
from ingestion.locks import held

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

PROJECT_DIR = shipped("dbt")
FINDING = "finding"
#: Seconds to wait for another process that parses.
PARSE_WAIT_SECONDS = 300.0
_KEPT_PARSES = 4
_NOT_SOURCE = {"target", "logs", "dbt_packages"}


class DbtParseFailed(RuntimeError):
    """dbt could not parse the project; the message is dbt's own."""


@dataclass(frozen=True)
class Mart:
    """A published model: its name, its description, and those of its columns."""

    name: str
    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DbtProject:
    """The dbt project at `folder`."""

    folder: Path = PROJECT_DIR

    @property
    def arguments(self) -> list[str]:
        """The options of every dbt command: this project, and its profile's target with build.duckdb."""
        return ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder), "--target", "build"]

    @cached_property
    def parse_folder(self) -> Path:
        """dbt/target/<digest>, parsed now if this content was never parsed."""
        return _parsed(self.folder)

    @cached_property
    def manifest_json(self) -> Mapping[str, Any]:
        """The manifest as dictionaries, as dagster_dbt reads it."""
        return json.loads((self.parse_folder / "manifest.json").read_bytes())

    @cached_property
    def graph(self) -> Graph:
        """The models and tests, and what each is made of."""
        return Graph(self.manifest_json)

    def manifest(self) -> Manifest:
        """Return a fresh manifest object for the dbt invocations of one build, which may change it."""
        from dbt.contracts.graph.manifest import Manifest

        manifest = Manifest.from_msgpack((self.parse_folder / "partial_parse.msgpack").read_bytes())
        manifest.build_flat_graph()  # a fresh parse does this; models read `graph`
        return manifest

    @property
    def models(self) -> list[Mapping[str, Any]]:
        """Every model with its own relation or file."""
        return [
            node
            for node in self.manifest_json["nodes"].values()
            if node["resource_type"] == "model" and node["config"]["materialized"] != "ephemeral"
        ]

    @property
    def marts(self) -> list[Mart]:
        """Every model under models/marts, in name order."""
        return [
            Mart(
                node["name"],
                node["description"],
                {name: column["description"] for name, column in node["columns"].items()},
            )
            for node in sorted(self.models, key=lambda node: node["name"])
            if node["fqn"][1] == "marts"
        ]


@functools.cache
def project() -> DbtProject:
    """The repository's own dbt project."""
    return DbtProject(PROJECT_DIR)


def tables_of(connector: str, stream: str) -> set[str]:
    """Return the raw tables of an asset key [raw, <connector>, <stream>]: the stream's, or the table of that name.

    Connectors of one family share tables, so the table may be another connector's.
    """
    return {
        layout.table
        for known in CONNECTORS.values()
        for layout in known.streams
        if layout.table == f"{connector}_{stream}" or (known.name, layout.name) == (connector, stream)
    }


def digest(folder: Path) -> str:
    """Return 16 hex digits of a project's content: every file but dbt's own output, and dbt's versions."""
    content = hashlib.sha256()
    for package in ("dbt-core", "dbt-adapters", "dbt-duckdb", "duckdb"):
        content.update(f"{package} {version(package)}\n".encode())
    for path in _source_files(folder):
        content.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        content.update(hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()[:16]


def _source_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if parts[0] not in _NOT_SOURCE and not any(part.startswith(".") for part in parts) and path.is_file():
            yield path


def _parsed(folder: Path) -> Path:
    """Parse under a lock, into a folder that is renamed when complete.

    Raises:
        LockHeld: another process has been parsing for minutes; the message names it.
    """
    kept = cache("dbt") if folder == PROJECT_DIR else folder / "target"
    parse_folder = kept / digest(folder)
    if parse_folder.exists():
        return parse_folder
    kept.mkdir(parents=True, exist_ok=True)
    with held(kept / ".lock", PARSE_WAIT_SECONDS):
        if not parse_folder.exists():
            temporary = parse_folder.with_name(f".tmp-{os.getpid()}")
            shutil.rmtree(temporary, ignore_errors=True)
            _parse(folder, temporary)
            temporary.rename(parse_folder)
            _forget_old_parses(kept)
    return parse_folder


def _parse(folder: Path, target: Path) -> None:
    from dbt.cli.main import dbtRunner

    result = dbtRunner().invoke(
        [
            *("parse", "--no-partial-parse", "--log-level", "none"),
            *DbtProject(folder).arguments,
            *("--target-path", str(target), "--log-path", str(target)),
        ]
    )
    if not result.success:
        raise DbtParseFailed(f"{folder} does not parse: {result.exception}")


def _forget_old_parses(target: Path) -> None:
    parses = sorted((path for path in target.iterdir() if (path / "manifest.json").exists()), key=_modified)
    for path in parses[:-_KEPT_PARSES]:
        if time.time() - _modified(path) > 3600:
            shutil.rmtree(path, ignore_errors=True)


def _modified(path: Path) -> float:
    return path.stat().st_mtime
