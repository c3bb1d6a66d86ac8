"""How dbt resources appear in Dagster: one method per property.

A dbt source is a raw table; a home may fill it from several gateways of one connector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from dagster_project.dbt_runner.project import FINDING, tables_of
from ingestion.sources import Source

OWNERS = ["team:data-platform"]


class Translator(DagsterDbtTranslator):
    """Translate the models of dbt/ for a home with these sources."""

    def __init__(self, sources: Sequence[Source]) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))
        self._sources = sources

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """A model's group is its folder: models/marts/usage → marts_usage."""
        return "_".join(dbt_resource_props["fqn"][1:-1]) or "dbt"

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the description alone; dagster-dbt would append the SQL, which is too long for lists."""
        return dbt_resource_props.get("description") or ""

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """Return the owners in a model's meta, else the default owners."""
        return super().get_owners(dbt_resource_props) or OWNERS

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        """A model depends on every raw asset that fills its dbt sources, and shows its SQL."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        sql = manifest["nodes"].get(unique_id, {}).get("raw_code", "")
        metadata = (
            {**spec.metadata, "sql": dg.MetadataValue.md(f"```sql\n{sql}\n```")} if sql else spec.metadata
        )
        return spec.replace_attributes(deps=self._raw_deps(spec.deps), metadata=metadata)

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        """A check blocks unless it is a finding; the step fails after all results are reported."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        if spec is None:
            return None
        node = manifest["nodes"][unique_id]
        is_finding = FINDING in node["tags"]
        return spec._replace(
            blocking=not is_finding,
            description=node.get("description") or spec.description or _described(node),
            metadata={
                **(spec.metadata or {}),
                "finding": is_finding,
                **({} if is_finding else {"holds_back": "the publication"}),
            },
        )

    def _raw_deps(self, deps: Sequence[dg.AssetDep]) -> list[dg.AssetDep]:
        keys = {key: dep for dep in deps for key in self._raw_keys(dep.asset_key)}
        return [dep if key == dep.asset_key else dg.AssetDep(asset=key) for key, dep in sorted(keys.items())]

    def _raw_keys(self, key: dg.AssetKey) -> list[dg.AssetKey]:
        """Read [raw, <connector>, <stream>] as the streams of this home that fill its table.

        A home has few of all gateways; tables that no stream fills depend on the load records.
        """
        if key.path[0] != "raw":
            return [key]
        if key.path[1:] in (["load_records"], ["rejects"]):
            return [
                dg.AssetKey(["raw", "load_records"]),
                *(
                    dg.AssetKey(["raw", source.name, stream])
                    for source in self._sources
                    for stream in source.streams
                ),
            ]
        if len(key.path) < 3:
            return [key]
        return self._raw_keys_of_table(*key.path[1:]) or [dg.AssetKey(["raw", "load_records"])]

    def _raw_keys_of_table(self, connector: str, stream: str) -> list[dg.AssetKey]:
        """Return the streams that fill the table; connectors of one family share theirs."""
        tables = tables_of(connector, stream)
        return [
            dg.AssetKey(["raw", source.name, layout.name])
            for source in self._sources
            for layout in source.reader.streams
            if layout.table in tables and layout.name in source.streams
        ]


def _described(node: Mapping[str, Any]) -> str | None:
    """Describe a test: a generic one by its kind and column, a singular one by its name."""
    generic = node.get("test_metadata")
    if not generic:
        return f"{node['name'].removeprefix('assert_').replace('_', ' ')}.".capitalize()
    arguments = generic["kwargs"]
    column = arguments.get("column_name") or ", ".join(arguments.get("columns", ()))
    kinds = {
        "not_null": f"{column} is always there.",
        "unique": f"No two rows have the same {column}.",
        "unique_combination": f"No two rows have the same {column}.",
        "accepted_values": f"{column} is one of {', '.join(map(str, arguments.get('values', ())))}.",
    }
    return kinds.get(generic["name"], f"{generic['name'].replace('_', ' ')}: {column}.")
