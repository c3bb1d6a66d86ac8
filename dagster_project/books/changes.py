"""Which nodes of dbt are out of date, wave by wave.

    content of sources ► nodes whose inputs changed ► built ► their content ► nodes whose inputs changed ► …

A node is built again if its code changed or the content of an input is not what it was built from. Whether a model's
rows have changed is known when it is built, so the nodes are taken in waves, each with one invocation of dbt. Within a
wave, whatever reads a node that is being built is built, too: deep waves save invocations, shallow ones save nodes.

Rulings: docs/decisions/runs.md#runs-10.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby

from dagster_project.books.state import NodeBuild
from dagster_project.dbt_runner.graph import Graph, Node

#: Models with rows, one above the other, in a wave. With new requests of one gateway, 5 takes 4 invocations and 152
#: nodes of 357; 1 takes 17 and 113, all together 196.
DEPTH = 5
#: The dbt source of files that the build itself writes.
BOOKS = "books"


def out_of_date(
    graph: Graph,
    place: str,
    known: Mapping[str, NodeBuild],
    sources: Mapping[str, str],
    among: Collection[str],
    asked: Collection[str] = (),
) -> Iterator[list[str]]:
    """Yield the unique ids of the nodes to build next, until nothing is out of date.

    The caller builds what it was given, and changes `known` and `sources` before it asks for more.

    Args:
        graph: the nodes.
        place: the path of the home. Relations with another in them are made again; their rows are the same.
        known: the nodes as they were built last.
        sources: the content of every source.
        among: the nodes to look at.
        asked: those of them that are built in any case.
    """
    nodes = [node for unique_id, node in graph.nodes.items() if unique_id in among]
    if not any(node.unique_id in known for node in nodes):
        waves = [nodes]  # Nothing is known of the content, so nothing can be left out.
    else:
        nodes.sort(key=lambda node: node.depth // DEPTH)  # Keeps the order within a wave.
        waves = [list(wave) for _, wave in groupby(nodes, key=lambda node: node.depth // DEPTH)]
    for wave in waves:
        if stale := _stale(wave, place, known, sources, asked):
            yield stale


def may_be_built(
    graph: Graph, place: str, known: Mapping[str, NodeBuild], sources: Mapping[str, str]
) -> list[str]:
    """Return the unique ids of all nodes that `out_of_date` may yield.

    Those whose inputs turn out to hold what they held before are not among what it yields. A build may change the
    books' own files, so what reads them counts as out of date if anything is.
    """
    nodes = graph.nodes.values()
    if not _stale(nodes, place, known, sources):
        return []
    own = {name for name in sources if name.split(".")[2] == BOOKS}
    return _stale(nodes, place, known, sources, changing=own)


def _stale(
    nodes: Iterable[Node],
    place: str,
    known: Mapping[str, NodeBuild],
    sources: Mapping[str, str],
    asked: Collection[str] = (),
    changing: Collection[str] = (),
) -> list[str]:
    """Return those of `nodes`, in order, that are out of date or read one of them or of `changing`."""
    stale, changed = [], set(changing)
    for node in nodes:
        if node.kind == "ephemeral":
            continue
        build = known.get(node.unique_id)
        if (
            build is None
            or node.unique_id in asked
            or any(name in changed for name in node.inputs)
            or build.inputs != inputs_of(node, known, sources)
        ):
            stale.append(node.unique_id)
            changed.add(node.unique_id)
        elif node.has_paths and build.place != place:
            stale.append(node.unique_id)
    return stale


def inputs_of(node: Node, known: Mapping[str, NodeBuild], sources: Mapping[str, str]) -> str:
    """Return a hash of the content of all inputs of a node."""
    contents = []
    for name in sorted(node.inputs):
        content = sources[name] if name in sources else known[name].content if name in known else None
        contents.append(f"{name} {content}")
    return hashlib.sha256("\n".join(contents).encode()).hexdigest()
