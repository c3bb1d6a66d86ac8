"""docs/features.md: the marts, columns, commands and tests that it names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from dagster_project.cli import app
from dagster_project.dbt_runner.project import project

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
HELD, _, _ = DOCUMENT.partition("\n## What a nightly system cannot have\n")
ROWS = [
    [cell.strip() for cell in line.strip("| ").split(" | ")]
    for line in HELD.splitlines()
    if line.startswith("| ") and not line.startswith("| feature")
]


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Every name with an underscore that a place may have: marts, their columns, and what a publication adds."""
    names = {mart.name for mart in project().marts}
    names |= {column for mart in project().marts for column in mart.columns}
    for path in (ROOT / "dbt" / "published").glob("*.sql"):
        names |= {path.stem, *re.findall(r"\w+", path.read_text(encoding="utf-8"))}
    settings = (ROOT / "ingestion" / "config" / "shipped" / "anomaly_settings.csv").read_text(
        encoding="utf-8"
    )
    return names | set(re.findall(r"\w+", settings))


@pytest.mark.parametrize(("feature", "here", "tests"), ROWS)
def test_a_feature_has_a_place_and_a_test_that_exist(
    known: set[str], feature: str, here: str, tests: str
) -> None:
    places = re.findall(r"`([^`]+)`", here)
    commands = {match[1] for place in places if (match := re.match(r"tollbook ([a-z]+)", place))}
    assert commands <= set(get_command(app).commands), feature
    assert {place for place in places if re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", place)} <= known, feature
    paths = re.findall(r"`([^`]+)`", tests)
    assert paths, feature
    assert [path for path in paths if not (ROOT / path).is_file()] == [], feature
