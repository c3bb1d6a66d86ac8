"""dbt's `graph` as far as the models ask it: the contracts of the marts, for sqlfluff."""

from pathlib import Path

import yaml

nodes = {
    f"model.tollbook.{model['name']}": {"columns": {column["name"]: column for column in model["columns"]}}
    for path in Path("dbt/models/marts").rglob("*.yml")
    for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", [])
}
