"""Data Docs in a real browser, from the folder: every page opens, links work, nothing is requested outside."""

from __future__ import annotations

from dataclasses import replace

from playwright.sync_api import expect, sync_playwright

from dagster_project.quality import data_docs, results
from dagster_project.quality.suites.raw_day import RAW_DAY
from ingestion.home import Home
from tests.browser import CHROMIUM, NEEDS_CHROMIUM, SWITCHES, refuse_outside
from tests.dagster_project.quality.kept_results import RESULT

pytestmark = NEEDS_CHROMIUM


def test_every_page_opens_without_an_outside_request(home: Home) -> None:
    """From the index to the failed day, its line, the suite's page, and back."""
    passed = replace(RESULT, day="2026-11-03", passed=True, failing_rows=None)
    results.keep(home, RAW_DAY, "east.logs", [RESULT, passed])
    index = data_docs.write(home)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        context = browser.new_context()
        context.set_default_timeout(60_000)
        outside = refuse_outside(context, lambda address: address.scheme in ("file", "data"))
        page = context.new_page()
        page.goto(index.as_uri())
        expect(page.get_by_role("heading", name="Data Docs")).to_be_visible()
        page.get_by_role("link", name="2026-11-02").click()
        expect(page.get_by_text("failed, held back")).to_be_visible()
        expect(page.get_by_text("malformed_json")).to_be_visible()
        page.get_by_role("link", name="few_lines_are_rejected").click()
        expect(page.get_by_role("heading", name="raw_day")).to_be_visible()
        page.get_by_role("link", name="Data Docs").click()
        expect(page.get_by_role("heading", name="Days")).to_be_visible()
        browser.close()
    assert outside == []
