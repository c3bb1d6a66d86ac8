"""Every notebook in a real browser: from the gallery, without an error or an outside request, and it answers a click.

With `TOLLBOOK_PICTURES` set, also draws the pictures of the gallery into `notebooks/pictures`, of the home that
`$TOLLBOOK_HOME` names (`make pictures`).
"""

from __future__ import annotations

import base64
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

from dagster_project.notebooks.gallery import head_of
from dagster_project.notebooks.server import PICTURES
from ingestion.home import HOME_VARIABLE, Home
from tests.browser import CHROMIUM, NEEDS_CHROMIUM, SWITCHES, refuse_outside
from tests.notebooks.conftest import NOTEBOOKS

PATIENCE_SECONDS = 60
DRAWS_PICTURES = "TOLLBOOK_PICTURES" in os.environ
#: What the click on the first row shows, or, where a row is chosen at first, what is said when it is cleared.
AFTER_A_CLICK = {
    "01_usage_explorer": "Order of requests",
    "02_traffic": "failed ones, then the slowest",
    "03_charged_against_recomputed": "Requests with the reason",
    "04_invoices_and_payments": "No item is chosen.",
    "05_credits_and_budgets": "No wallet is chosen.",
    "06_keys_and_members": "No row is chosen.",
    "07_savings_and_what_if": "On openai/gpt-4o",
    "08_incidents": "No incident is chosen.",
    "09_data_quality": "No source is chosen.",
    "10_month_end": "No point is chosen.",
}

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def shown_home(request: pytest.FixtureRequest) -> Home:
    """The home whose marts are shown; the tests only read it."""
    return Home.locate() if DRAWS_PICTURES else request.getfixturevalue("finished_night").home


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the server writes; nothing, as long as no cell fails."""
    return tmp_path_factory.mktemp("server") / "notebooks.log"


@pytest.fixture(scope="module")
def address(shown_home: Home, log: Path) -> Iterator[str]:
    """The gallery, served from this machine; the address has its token."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        HOME_VARIABLE: str(shown_home.root),
        "XDG_CONFIG_HOME": str(log.parent),
        "XDG_STATE_HOME": str(log.parent),
    }
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "dagster_project.notebooks.server", "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **own},
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
    """A page of 1,280 px whose requests beyond this machine are refused and remembered."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=CHROMIUM,
            args=SWITCHES,
            viewport={"width": 1280, "height": 800},
        )
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        expect.set_options(timeout=PATIENCE_SECONDS * 1000)
        outside = refuse_outside(context, lambda address: address.hostname in ("127.0.0.1", None))
        yield context.pages[0], outside
        context.close()


#: A bookmark of a notebook: its choices, and a heading that only they show.
BOOKMARK = ("06_keys_and_members", "&of=Members", "Member")


def opened(page: Page, address: str, notebook: Path) -> None:
    """Open a notebook from the gallery, or by its bookmark, and wait until its first table is there."""
    title, _ = head_of(notebook)
    page.goto(address)
    link = page.get_by_role("link", name=title)
    if notebook.stem == BOOKMARK[0]:
        page.goto(link.evaluate("link => link.href") + BOOKMARK[1])
        expect(page.get_by_role("columnheader", name=BOOKMARK[2]).first).to_be_visible()
    else:
        link.click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    expect(page.locator("marimo-table table").first).to_be_visible()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_draws_and_answers_a_click(
    notebook: Path, address: str, page: tuple[Page, list[str]], log: Path
):
    browser, outside = page
    opened(browser, address, notebook)
    answer = browser.get_by_text(AFTER_A_CLICK[notebook.stem])
    if DRAWS_PICTURES:
        draw(browser, PICTURES / f"{notebook.stem}.webp")
    if "is chosen" in AFTER_A_CLICK[notebook.stem]:
        browser.get_by_text("Clear selection").first.click()
    elif notebook.stem == "07_savings_and_what_if":
        browser.locator("marimo-dropdown").last.get_by_role("button").click()
        browser.keyboard.type("openai/gpt-4o")
        browser.get_by_role("option", name="openai/gpt-4o", exact=True).click()
    else:
        browser.locator("marimo-table tbody").first.get_by_role("checkbox").first.click()
    expect(answer.first).to_be_visible()
    if notebook.stem == "07_savings_and_what_if":
        expect(browser).to_have_url(re.compile(r"target=openai(/|%2F)gpt-4o(&|$)"))
    assert browser.get_by_text("An internal error occurred").count() == 0
    assert outside == []
    # Beyond its address the server reports nothing but failed cells.
    assert log.read_text().splitlines()[1:] == []


def draw(page: Page, picture: Path) -> None:
    """Write what is in view as a picture, small enough for the repository."""
    page.wait_for_load_state("networkidle")
    time.sleep(1)
    seen = {"x": 0, "y": 0, "width": 1280, "height": 800, "scale": 0.55}
    session = page.context.new_cdp_session(page)
    image = session.send("Page.captureScreenshot", {"format": "webp", "quality": 70, "clip": seen})
    picture.parent.mkdir(exist_ok=True)
    picture.write_bytes(base64.b64decode(image["data"]))
