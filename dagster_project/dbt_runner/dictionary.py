"""The parsed project → docs/data-dictionary.md: every column of the marts by name, with its type, meaning and marts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from dagster_project.dbt_runner.project import DbtProject

_HEAD = """\
# Data dictionary

Every column of the published marts by name. A name with more than one meaning has a row for each. Written by
`make docs` from the descriptions in `dbt/models/marts/`; do not edit. Marts by question: [marts.md](marts.md).

| column | type | meaning | in |
|---|---|---|---|
"""
#: One name for the rollups of usage, which have most columns in common.
_ROLLUPS = frozenset(
    f"rpt_usage_by_{name}_daily" for name in ("call_type", "group", "key", "member", "model", "workspace")
)


def dictionary(project: DbtProject) -> str:
    """Return the document."""
    marts: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for mart in project.models:
        for column in mart["columns"].values() if mart["fqn"][1] == "marts" else ():
            meaning = " ".join(column["description"].split()).replace("|", "\\|")
            data_type = "varchar" if column["data_type"] == "string" else column["data_type"]
            marts[column["name"], data_type, meaning].append(mart["name"])
    lines = [
        f"| `{name}` | {data_type} | {meaning} | {', '.join(_named(where))} |"
        for (name, data_type, meaning), where in sorted(marts.items())
    ]
    return _HEAD + "\n".join(lines) + "\n"


def _named(marts: Iterable[str]) -> list[str]:
    names = set(marts)
    if names >= _ROLLUPS:
        names = names - _ROLLUPS | {"rpt_usage_by_…_daily"}
    return [f"`{name}`" for name in sorted(names)]
