"""The exposures of exports name what the exports read."""

from __future__ import annotations

import re
from pathlib import Path

from dagster_project.dbt_runner.project import project

EXPORTS = Path(__file__).parents[2] / "dagster_project" / "exports"


def test_the_exposures_of_exports_name_every_mart_that_they_read() -> None:
    """`request_savings` is a published view of fct_usage_costs, so it is no model."""
    exposures = [
        exposure
        for exposure in project().manifest_json["exposures"].values()
        if exposure["original_file_path"] == "models/exposures/exports.yml"
    ]
    named = {read.rpartition(".")[2] for exposure in exposures for read in exposure["depends_on"]["nodes"]}
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in EXPORTS.rglob("*") if path.suffix in (".py", ".yml")
    )
    assert named == {mart.name for mart in project().marts if re.search(rf"\b{mart.name}\b", code)}
    assert all((EXPORTS.parents[1] / exposure["owner"]["name"]).exists() for exposure in exposures)
