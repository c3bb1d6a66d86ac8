"""The notebooks are served only with the token, and under a name of this machine."""

from __future__ import annotations

import html
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from dagster_project.notebooks.gallery import head_of
from dagster_project.notebooks.server import NOTEBOOKS, PORT, address, notebook_app

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
    notebook = browser.get("/01_usage_explorer/", params=given)
    assert notebook.status_code in (303, 401)
    assert "Usage explorer" not in notebook.text


def test_the_token_opens_a_notebook(browser: TestClient):
    browser.cookies.clear()
    browser.get("/01_usage_explorer/", params={"access_token": TOKEN})
    assert browser.get("/01_usage_explorer/").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_is_refused_even_with_the_token(browser: TestClient, host: str):
    for path in ("/", "/01_usage_explorer/"):
        answer = browser.get(path, params={"access_token": TOKEN}, headers={"host": host})
        assert answer.status_code == 400


def test_without_a_token_everybody_on_this_machine_is_let_in():
    with TestClient(notebook_app(NOTEBOOKS, None), f"http://127.0.0.1:{PORT}") as client:
        assert client.get("/").status_code == 200
        assert client.get("/01_usage_explorer/").status_code == 200


def test_the_address_to_open_holds_the_token():
    assert address(2718, "x y") == "http://127.0.0.1:2718/?access_token=x+y"
    assert address(2718, None) == "http://127.0.0.1:2718/"


def test_the_gallery_shows_a_picture_a_title_and_a_sentence_of_each(browser: TestClient):
    page = browser.get("/", params={"access_token": TOKEN}).text
    for notebook in NOTEBOOKS.glob("[0-9]*.py"):
        title, question = map(html.escape, head_of(notebook))
        assert f"<b>{title}</b><p>{question}</p>" in page
        picture = browser.get(f"/pictures/{notebook.stem}.webp")
        assert picture.content[8:12] == b"WEBP"
        assert len(picture.content) <= 60_000


def test_the_way_back_from_a_notebook_needs_no_token_in_the_address(browser: TestClient):
    browser.cookies.clear()
    browser.get("/", params={"access_token": TOKEN})
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("name", ["nothing.webp", "..%2f01_usage_explorer.py", "01_usage_explorer.py"])
def test_nothing_but_the_pictures_is_served_beside_the_notebooks(browser: TestClient, name: str):
    assert browser.get(f"/pictures/{name}").status_code == 404
