"""What holds for every notebook: it runs, is short, reads published marts alone, and says what to do without any."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dagster_project.notebooks.gallery import head_of
from dagster_project.notebooks.marts import Marts
from ingestion.home import Home
from tests.notebooks.conftest import NOTEBOOKS, imported

EVERY = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
#: `from mart`, `join mart` in the SQL of a notebook; its own CTEs are no marts.
_READ = re.compile(r"\b(?:from|join)\s+([a-z_]+)\b(?!\()")


def names_in(notebook: Path) -> tuple[set[str], set[str]]:
    """Return what a notebook's SQL reads, its own CTEs aside, and what its head names."""
    text = notebook.read_text()
    queries = " ".join(re.findall(r'ask\(\s*f?"""(.*?)"""', text, re.DOTALL))
    ctes = set(re.findall(r"\b([a-z_]+) as \(", queries))
    named = set(re.findall(r'"((?:fct|dim|rpt|recon|focus|dq)_[a-z_*]+|what_if)"', text))
    return set(_READ.findall(queries)) - ctes, named


@EVERY
def test_it_runs_over_a_published_night_and_shows_something(notebook: Path, published_home: Home):
    outputs, _ = imported(notebook).app.run()
    assert any(output is not None for output in outputs)


@EVERY
def test_it_is_at_most_200_lines_and_begins_with_its_question(notebook: Path):
    assert len(notebook.read_text().splitlines()) <= 200
    title, question = head_of(notebook)
    assert f'app_title="{title}"' in notebook.read_text()
    assert "?" in question


@EVERY
def test_it_reads_published_marts_alone_and_its_head_names_them(notebook: Path, marts: Marts):
    published = set(
        marts.ask("select table_name from duckdb_tables() union select view_name from duckdb_views()").rows[
            "table_name"
        ]
    )
    read, named = names_in(notebook)
    assert read <= published
    assert read - {"fct_usage_daily"} <= named


@EVERY
def test_without_marts_it_says_what_to_run(notebook: Path, home: Home):
    outputs, _ = imported(notebook).app.run()
    assert any("tollbook run" in getattr(output, "text", "") for output in outputs)
    assert not home.published_database.exists()


@EVERY
def test_every_click_has_its_empty_state(notebook: Path):
    """What depends on a chosen row stops at a sentence as long as none is chosen."""
    text = notebook.read_text()
    assert text.count("tables.picked(") <= text.count("is None, tables.nothing(") + text.count("is None,\n")
