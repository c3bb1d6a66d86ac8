"""docs/data-dictionary.md is what the descriptions of the marts say today."""

from __future__ import annotations

from pathlib import Path

from dagster_project.dbt_runner.dictionary import dictionary
from dagster_project.dbt_runner.project import project

DOCUMENT = Path(__file__).parents[2] / "docs" / "data-dictionary.md"


def test_the_document_is_current() -> None:
    """`make docs` writes it."""
    assert DOCUMENT.read_text(encoding="utf-8") == dictionary(project())


def test_a_name_has_a_row_for_each_meaning_and_names_its_marts() -> None:
    document = dictionary(project())
    assert "| `cache_optimized_cost_usd` | decimal(38,12) |" in document
    assert "`rpt_usage_by_…_daily`" in document
    for mart in project().marts:
        assert f"`{mart.name}`" in document or mart.name.startswith("rpt_usage_by_")
