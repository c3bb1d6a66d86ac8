"""dbt's arrows run staging → intermediate → marts, and facts and dimensions read no report and no reconciliation.

Rulings: docs/decisions/days.md#days-5, docs/decisions/anomalies.md#anomalies-3
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dagster_project.dbt_runner.project import project

LAYERS = ("staging", "intermediate", "marts")
FACTS = ("fct_", "dim_")
REPORTS = ("rpt_", "recon_", "focus_")
#: (reader, read) against the arrows: sums over the requests, which are built and kept under their published name, and
#: steps of the detectors, which judge such sums.
EXCEPTIONS = {
    ("int_credit_usage", "fct_usage_costs"),
    ("int_focus_usage_daily", "fct_usage_costs"),
    ("int_key_hours", "fct_usage_costs"),
    ("int_key_model_days", "fct_usage_costs"),
    ("int_model_flags", "fct_traffic_hourly"),
    ("int_source_coverage", "fct_day_completeness"),
    ("int_source_flags", "fct_account_events"),
    ("int_source_flags", "rpt_delivery_days"),
}


def arrows() -> Iterator[tuple[Any, Any]]:
    """Every model with each model it reads, as nodes of the manifest."""
    nodes = project().manifest_json["nodes"]
    models = {name: node for name, node in nodes.items() if node["resource_type"] == "model"}
    for model in models.values():
        for read in model["depends_on"]["nodes"]:
            if read in models:
                yield model, models[read]


def layer(model: Any) -> int:
    return LAYERS.index(model["fqn"][1])


def test_every_model_is_in_a_layer_and_reads_none_above_it() -> None:
    upwards = {(model["name"], read["name"]) for model, read in arrows() if layer(read) > layer(model)}
    assert upwards == EXCEPTIONS


def test_facts_and_dimensions_read_no_report() -> None:
    found = {(model["name"], read["name"]) for model, read in arrows()}
    assert len(found) > 100
    assert [
        (model, read) for model, read in sorted(found) if model.startswith(FACTS) and read.startswith(REPORTS)
    ] == []
