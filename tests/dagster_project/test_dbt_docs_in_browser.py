"""`make docs` in a real browser, from the file: models, lineage and exposures open, nothing is requested outside."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from dagster_project import dbt_docs
from tests.browser import CHROMIUM, NEEDS_CHROMIUM, SWITCHES, refuse_outside

pytestmark = NEEDS_CHROMIUM


def test_the_page_opens_without_an_outside_request(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From the overview to a mart, its types, the export that reads it, and the lineage graph."""
    monkeypatch.setattr(dbt_docs, "cache", lambda _: tmp_path)
    page_file = dbt_docs.write()
    assert [file.name for file in tmp_path.iterdir()] == [page_file.name]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(60_000)
        outside = refuse_outside(context, lambda address: address.scheme in ("file", "data"))
        page = context.new_page()
        page.goto(page_file.as_uri())
        expect(page.get_by_role("heading", name="Tollbook")).to_be_visible()
        page.goto(f"{page_file.as_uri()}#!/model/model.tollbook.fct_usage_daily")
        expect(page.get_by_text("One row per UTC day, day of use, billing day")).to_be_visible()
        expect(page.get_by_text("DECIMAL(38,12)").first).to_be_visible()
        page.goto(f"{page_file.as_uri()}#!/exposure/exposure.tollbook.export_usage")
        expect(page.get_by_text("summed by what")).to_be_visible()
        page.locator(".launcher-btn a").click()
        expect(page.get_by_text("Lineage Graph", exact=True)).to_be_visible()
        expect(page.locator("canvas").first).to_be_visible()
        browser.close()
    assert outside == []
