"""The parsed manifest: one parse per content of dbt/, and the marts it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.dbt_runner.project import DbtParseFailed, DbtProject, digest, project


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text("name: small\nversion: '1'\nprofile: small\n")
    (tmp_path / "models" / "one.sql").write_text("select 1 as one\n")
    return tmp_path


def test_the_digest_follows_every_file_of_the_project(small: Path) -> None:
    before = digest(small)
    (small / "models" / "one.sql").write_text("select 2 as one\n")
    assert digest(small) != before


def test_what_dbt_writes_is_no_part_of_the_digest(small: Path) -> None:
    before = digest(small)
    (small / "target").mkdir()
    (small / "target" / "manifest.json").write_text("{}")
    (small / "logs").mkdir()
    (small / "logs" / "dbt.log").write_text("said")
    (small / ".user.yml").write_text("id: 1")
    assert digest(small) == before


def test_a_project_that_does_not_parse_reports_why_and_leaves_no_parse(small: Path) -> None:
    with pytest.raises(DbtParseFailed, match="does not parse"):
        _ = DbtProject(small).parse_folder
    assert not list((small / "target").glob("*/manifest.json"))


def test_published_marts_are_the_models_under_marts_with_their_words() -> None:
    marts = {mart.name: mart for mart in project().marts}
    assert {"fct_usage_costs", "fct_usage_daily", "recon_invoice_payments"} <= set(marts)
    assert all(mart.description and all(mart.columns.values()) for mart in marts.values())
    assert not any(name.startswith(("stg_", "int_")) for name in marts)


def test_a_manifest_is_fresh_for_every_invocation() -> None:
    assert project().manifest() is not project().manifest()
