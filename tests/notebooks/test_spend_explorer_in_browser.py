"""notebooks/01_spend_explorer.py in a real browser: it draws, responds to a click, and makes no outside request."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from ingestion.home import HOME_VARIABLE, Home
from tests.browser import CHROMIUM, NEEDS_CHROMIUM, SWITCHES, refuse_outside
from tests.notebooks.conftest import publish_marts

PATIENCE_SECONDS = 60

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The notebooks, served from this machine over the small marts."""
    home = Home(tmp_path_factory.mktemp("home"))
    publish_marts(home, home.root)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = home.root / "notebooks.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "dagster_project.notebook_server", "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                HOME_VARIABLE: str(home.root),
                "XDG_CONFIG_HOME": str(home.root),
                "XDG_STATE_HOME": str(home.root),
            },
        )
        try:
            yield _address_once_open(server, log)
        finally:
            server.terminate()
            server.wait(PATIENCE_SECONDS)


def _address_once_open(server: subprocess.Popen, log: Path) -> str:
    """Return the address that the server prints, as soon as it answers there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if printed := re.search(r"http://\S+", log.read_text()):
            try:
                with urllib.request.urlopen(printed[0], timeout=1):
                    return printed[0]
            except OSError:
                pass
        time.sleep(0.1)
    raise AssertionError(f"the notebooks were not served:\n{log.read_text()}")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, list[str]]]:
    """A page whose requests beyond this machine are refused and remembered."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=CHROMIUM, args=SWITCHES
        )
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        expect.set_options(timeout=PATIENCE_SECONDS * 1000)
        outside = refuse_outside(context, lambda address: address.hostname in ("127.0.0.1", None))
        yield context.pages[0], outside
        context.close()


def test_a_reader_sees_the_chart_and_the_requests_behind_a_row(address: str, page: tuple[Page, list[str]]):
    """The most expensive row is 3.60 of key_1 on anthropic/claude, from one request, req_3."""
    browser, outside = page
    browser.goto(address)
    browser.get_by_role("link", name="Where does the money go?").click()
    expect(browser.get_by_role("heading", name="Where does the money go?")).to_be_visible()
    expect(browser.locator("svg.marks, canvas").first).to_be_visible()
    expect(browser.get_by_text("5.90")).to_be_visible()
    browser.get_by_role("row", name="anthropic/claude").get_by_role("checkbox").click()
    expect(browser.get_by_text("req_3")).to_be_visible()
    assert outside == []


def test_markup_in_a_name_of_a_log_is_shown_as_text(address: str, page: tuple[Page, list[str]]):
    browser, outside = page
    browser.goto(address)
    browser.get_by_role("link", name="Where does the money go?").click()
    browser.get_by_role("row", name="knows").get_by_role("checkbox").click()
    expect(browser.get_by_text("req_4")).to_be_visible()
    expect(browser.get_by_text("on nobody/<b>knows</b>-*it*")).to_be_visible()
    assert browser.locator("b", has_text="knows").count() == 0
    assert outside == []
