"""dbt's exposures name every notebook, with the marts of its head."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from dagster_project.notebooks.gallery import head_of
from dagster_project.reports.next_steps import RECONCILIATIONS
from tests.conftest import REPOSITORY
from tests.notebooks.conftest import NOTEBOOKS

DECLARED = REPOSITORY / "dbt" / "models" / "exposures" / "notebooks.yml"


def test_every_notebook_is_an_exposure_and_no_other():
    exposures = yaml.safe_load(DECLARED.read_text())["exposures"]
    assert [exposure["owner"]["name"] for exposure in exposures] == [
        f"notebooks/{path.name}" for path in NOTEBOOKS
    ]
    assert [exposure["label"] for exposure in exposures] == [head_of(path)[0] for path in NOTEBOOKS]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_an_exposure_names_the_marts_of_the_head(notebook: Path):
    """what_if is a macro over fct_usage_costs; recon_* are the marts of `tollbook reconcile`."""
    [exposure] = [
        one
        for one in yaml.safe_load(DECLARED.read_text())["exposures"]
        if one["owner"]["name"].endswith(notebook.name)
    ]
    named = set(re.findall(r'"((?:fct|dim|rpt|recon|dq)_[a-z_]+)"', notebook.read_text()))
    if '"recon_*"' in notebook.read_text():
        named |= {one.mart for one in RECONCILIATIONS}
    declared = {re.search(r"'(\w+)'", reference)[1] for reference in exposure["depends_on"]}
    assert named <= declared
    assert declared - named <= {"fct_usage_costs", "fct_usage_daily"}
