"""Data Docs: pages by day and suite, failing rows first, names of logs as text, unchanged pages left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dagster_project.quality import data_docs, results
from dagster_project.quality.suites.raw_day import RAW_DAY
from ingestion.home import Home
from tests.dagster_project.quality.kept_results import RESULT

ODD = '[{"model": "<script>alert(1)</script>", "rows": 7}]'


@pytest.fixture
def judged(home: Home) -> Home:
    """A day that failed, with markup in a name, and one that passed."""
    results.keep(home, RAW_DAY, "east.logs", [replace(RESULT, failing_rows=ODD), passed("2026-11-03")])
    data_docs.write(home)
    return home


def passed(day: str) -> results.Result:
    return replace(RESULT, day=day, passed=True, observed=0.0, failing_rows=None)


def test_a_home_in_which_nothing_was_judged_has_an_empty_page(home: Home) -> None:
    assert "Nothing was judged yet" in data_docs.write(home).read_text()


def test_pages_show_counts_limits_and_failing_rows_as_text(judged: Home) -> None:
    index, day, suite = (
        (judged.data_docs / name).read_text()
        for name in ("index.html", "days/2026-11-02.html", "suites/raw_day.html")
    )
    assert '<a href="days/2026-11-02.html">2026-11-02</a>' in index
    assert '<span class="failed">1 failed</span>, <span class="passed">1 passed</span>' in index
    assert "failed, held back" in day
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in day
    assert "<script" not in index + day + suite
    assert "at most reject_threshold of the source" in suite


def test_only_pages_whose_results_changed_are_written_again(judged: Home) -> None:
    def files() -> dict[str, int]:
        return {path.name: path.stat().st_ino for path in judged.data_docs.rglob("*.html")}

    before = files()
    data_docs.write(judged)
    assert files() == before
    results.keep(judged, RAW_DAY, "east.logs", [passed("2026-11-02"), passed("2026-11-03")])
    data_docs.write(judged)
    changed = {name for name, inode in files().items() if before[name] != inode}
    assert changed == {"index.html", "raw_day.html", "2026-11-02.html"}


def test_a_day_without_results_loses_its_page(judged: Home) -> None:
    results.keep(judged, RAW_DAY, "east.logs", [passed("2026-11-03")])
    data_docs.write(judged)
    assert [path.name for path in (judged.data_docs / "days").iterdir()] == ["2026-11-03.html"]
