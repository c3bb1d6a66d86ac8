"""docs/marts.md names every mart, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from dagster_project.dbt_runner.project import project

DOCUMENT = Path(__file__).parents[2] / "docs" / "marts.md"


def named() -> set[str]:
    """Return the marts the document names; `a_{b,c}_d` stands for a_b_d and a_c_d."""
    names = set()
    for name in re.findall(
        r"`((?:fct|dim|rpt|recon|focus|dq)_[a-z_{},]+)`", DOCUMENT.read_text(encoding="utf-8")
    ):
        before, brace, rest = name.partition("{")
        choices, _, after = rest.partition("}")
        names |= {before + choice + after for choice in choices.split(",")} if brace else {name}
    return names


def test_the_document_names_every_mart_and_no_other() -> None:
    assert named() == {mart.name for mart in project().marts}
