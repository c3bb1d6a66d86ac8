"""The notebooks are served only with the token, and under a name of this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from dagster_project.notebook_server import NOTEBOOKS, PORT, address, notebook_app

TOKEN = "a-token-of-the-test"


@pytest.fixture(scope="module")
def browser() -> Iterator[TestClient]:
    with TestClient(
        notebook_app(NOTEBOOKS, TOKEN), f"http://127.0.0.1:{PORT}", follow_redirects=False
    ) as client:
        yield client


def test_the_gallery_lists_every_notebook_to_who_has_the_token(browser: TestClient):
    answer = browser.get("/", params={"access_token": TOKEN})
    assert answer.status_code == 200
    for notebook in NOTEBOOKS.glob("[0-9]*.py"):
        assert f"/{notebook.stem}/?access_token={TOKEN}" in answer.text


@pytest.mark.parametrize("given", [{}, {"access_token": ""}, {"access_token": "another"}])
def test_nothing_is_shown_without_the_token(browser: TestClient, given: dict[str, str]):
    browser.cookies.clear()
    assert browser.get("/", params=given).status_code == 401
    notebook = browser.get("/01_spend_explorer/", params=given)
    assert notebook.status_code in (303, 401)
    assert "Where does the money go?" not in notebook.text


def test_the_token_opens_a_notebook(browser: TestClient):
    browser.cookies.clear()
    browser.get("/01_spend_explorer/", params={"access_token": TOKEN})
    assert browser.get("/01_spend_explorer/").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_is_refused_even_with_the_token(browser: TestClient, host: str):
    for path in ("/", "/01_spend_explorer/"):
        answer = browser.get(path, params={"access_token": TOKEN}, headers={"host": host})
        assert answer.status_code == 400


def test_without_a_token_everybody_on_this_machine_is_let_in():
    with TestClient(notebook_app(NOTEBOOKS, None), f"http://127.0.0.1:{PORT}") as client:
        assert client.get("/").status_code == 200
        assert client.get("/01_spend_explorer/").status_code == 200


def test_the_address_to_open_holds_the_token():
    assert address(2718, "x y") == "http://127.0.0.1:2718/?access_token=x+y"
    assert address(2718, None) == "http://127.0.0.1:2718/"
