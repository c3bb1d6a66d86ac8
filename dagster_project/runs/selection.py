"""Which assets of the job `nightly` each run of a night covers.

    landing/ ► raw, as far as there are files ► (what changed?) ► models, marts, publication, exports

Rulings: docs/decisions/runs.md#runs-12.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import dagster as dg

from dagster_project.quality.warehouse import GATES

_READ_BEFORE = "landing"
_RAW = "raw"
_MODELS = ("staging", "intermediate", "marts")
#: Marts that a suite judges every night; a night that was killed may not have judged them.
_JUDGED = {gate.mart for gate in GATES}


def landing_assets(graph: Any, streams: Collection[tuple[str, str]]) -> list[dg.AssetKey]:
    """Return the raw assets, of the streams only those with a file.

    The usage APIs are left out: a run before this one has read them.

    Args:
        graph: the job's asset graph.
        streams: (source, stream) that have a file to read.
    """
    return [
        key
        for key in graph.materializable_asset_keys
        if key.path[0] == _RAW and (tuple(key.path[1:]) in streams or not graph.get(key).is_partitioned)
    ]


def books_assets(graph: Any, models: Collection[str]) -> list[dg.AssetKey]:
    """Return what comes after the raw assets, of the dbt models only `models` and the marts that a suite judges.

    Args:
        graph: the job's asset graph.
        models: names of dbt models.
    """
    return [
        key
        for key in graph.materializable_asset_keys
        if key.path[0] not in (_RAW, _READ_BEFORE)
        and (key.path[0] not in _MODELS or key.path[-1] in models or key.path[-1] in _JUDGED)
    ]
