"""A fetch may die anywhere: a window appears whole or not at all, and the next fetch finishes the work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ingestion.sandbox.servers.loopback import Rule, refusing
from ingestion.usage_apis import CallFailed, store
from ingestion.usage_apis.store import Staging, Store


class Killed(BaseException):
    """The process is killed: no handler runs, nothing is cleaned up."""


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the n-th call of a function kill the process, and nothing be tidied up afterwards."""

    def plan(owner: Any, name: str, nth: int, after: bool = False) -> None:
        true, count = getattr(owner, name), iter(range(1, 1000))

        def deadly(*arguments: Any, **options: Any) -> Any:
            if next(count) != nth:
                return true(*arguments, **options)
            if after:
                true(*arguments, **options)
            raise Killed

        monkeypatch.setattr(owner, name, deadly)
        monkeypatch.setattr(Store, "discard", lambda self, staging: None)

    return plan


def survive(
    desk: Any, kit: Any, kind: str, monkeypatch: pytest.MonkeyPatch, visible: set[str] | None
) -> None:
    """Kill a fetch, look at what counts, fetch again and compare with an undisturbed run."""
    gateway = desk.gateway()
    with pytest.raises(Killed):
        desk.fetch(gateway, kind)
    if visible is not None:
        assert set(kit.landed(desk.home)) == visible
    monkeypatch.undo()
    monkeypatch.setenv("GATEWAY_TOKEN", kit.token)
    monkeypatch.setenv("GATEWAY_USER", "7")
    desk.fetch(gateway, kind)
    other = desk.other_home("undisturbed")
    desk.fetch(gateway, kind, home=other)
    assert kit.landed(desk.home, hidden=True) == kit.landed(other, hidden=True)


@pytest.mark.parametrize("page", [1, 2, 3])
@pytest.mark.parametrize("kind", ["infery", "new_api", "litellm", "openai", "anthropic"])
def test_killed_at_a_page_nothing_of_the_window_counts(
    desk: Any, kit: Any, dying: Any, monkeypatch: pytest.MonkeyPatch, kind: str, page: int
) -> None:
    dying(Staging, "add", page, after=True)
    survive(desk, kit, kind, monkeypatch, set())


def test_killed_at_a_page_of_a_closed_window_the_next_fetch_requests_the_next_page(
    desk: Any, kit: Any, dying: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying(Staging, "add", 2, after=True)
    with pytest.raises(Killed):
        desk.fetch(desk.gateway(), "new_api", streams=("logs",))
    monkeypatch.undo()
    monkeypatch.setenv("GATEWAY_TOKEN", kit.token)
    monkeypatch.setenv("GATEWAY_USER", "7")
    gateway = desk.gateway()
    assert desk.fetch(gateway, "new_api", streams=("logs",)).rows == 16
    assert dict(gateway.requests[0].query)["p"] == "3"


def test_killed_before_the_commit_nothing_counts(
    desk: Any, kit: Any, dying: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying(Store, "commit", 1)
    survive(desk, kit, "litellm", monkeypatch, set())


def test_killed_after_the_commit_the_next_fetch_finishes_without_asking(
    desk: Any, kit: Any, dying: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying(Store, "_put_in_place", 1)
    survive(desk, kit, "litellm", monkeypatch, set())


@pytest.mark.parametrize("moved", [1, 2, 3, 4])
def test_killed_while_putting_in_place_the_next_fetch_puts_the_rest(
    desk: Any, kit: Any, dying: Any, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    """Three pages and the record are moved."""
    dying(store, "_move", moved, after=True)
    survive(desk, kit, "litellm", monkeypatch, None)


def test_what_was_committed_is_finished_even_if_the_api_is_away(
    desk: Any, kit: Any, dying: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying(Store, "_put_in_place", 1)
    with pytest.raises(Killed):
        desk.fetch(desk.gateway(), "litellm")
    monkeypatch.undo()
    monkeypatch.setenv("GATEWAY_TOKEN", kit.token)
    with pytest.raises(CallFailed):
        desk.fetch(desk.gateway(script=[Rule(".", None, refusing(503))]), "litellm")
    assert len(kit.landed(desk.home)) == 3


def test_a_replaced_window_drops_the_pages_it_no_longer_has(desk: Any, kit: Any) -> None:
    """13 rows on three pages (one on midnight) become 10 on two; what was taken back is within reason."""
    gateway = desk.gateway()
    desk.fetch(gateway, "litellm")
    for taken in (2, 1):
        del gateway.books.rows["litellm"][:taken]
        gateway.books.now += timedelta(hours=1)
        desk.fetch(gateway, "litellm")
    assert sorted(name[-8:] for name in kit.landed(desk.home) if "20261101T" in name) == [
        "000.json",
        "001.json",
    ]


def test_a_window_that_comes_back_nearly_empty_does_not_replace_what_landed(desk: Any, kit: Any) -> None:
    gateway = desk.gateway()
    desk.fetch(gateway, "litellm")
    before = kit.landed(desk.home)
    del gateway.books.rows["litellm"][:9]
    gateway.books.now += timedelta(hours=1)
    result = desk.fetch(gateway, "litellm")
    assert kit.landed(desk.home) == before
    assert result.findings == [
        "litellm: spend_logs_api 20261101T000000Z-20261102T000000Z came back with 3 rows but 12 had landed;"
        " those are kept. If the new ones are right, delete the window's record and pages"
    ]


def test_a_page_that_vanished_is_fetched_again(desk: Any, kit: Any) -> None:
    gateway = desk.gateway()
    desk.fetch(gateway, "litellm")
    before = kit.landed(desk.home, hidden=True)
    next((desk.home.landing / "litellm" / "spend_logs_api").rglob("*.001.json")).unlink()
    assert desk.fetch(gateway, "litellm").windows == 1
    assert kit.landed(desk.home, hidden=True) == before


def test_a_window_is_read_until_it_was_read_once_after_its_look_back(desk: Any, kit: Any) -> None:
    """Two days of look-back: the windows of 1 and 2 November are final when read on 4 and 5 November."""
    gateway = desk.gateway()
    asked = []
    for day in (3, 5, 6, 20):
        gateway.books.now = kit.now.replace(day=day)
        asked.append(desk.fetch(gateway, "litellm", look_back_days=2, since=kit.start.date()))
    assert [(one.windows, one.unchanged, one.skipped) for one in asked] == [
        (2, 0, 0),
        (2, 2, 0),
        (1, 2, 2),
        (14, 2, 3),
    ]


def test_another_width_of_windows_leaves_what_landed_and_shares_no_hour(desk: Any, kit: Any) -> None:
    gateway = desk.gateway(now=kit.start + timedelta(hours=10))
    desk.fetch(gateway, "infery", streams=("usage_api",), window_hours=6)
    gateway.books.now = kit.now
    desk.fetch(gateway, "infery", streams=("usage_api",), window_hours=24)
    desk.fetch(gateway, "infery", streams=("usage_api",), window_hours=8)
    windows = sorted({name.rsplit("/", 1)[1].split(".")[0] for name in kit.landed(desk.home)})
    assert windows == [
        "20261101T000000Z-20261101T060000Z",
        "20261101T060000Z-20261102T000000Z",
        "20261102T000000Z-20261103T000000Z",
    ]


def test_a_clock_set_back_requests_nothing_that_is_not_over(desk: Any, kit: Any) -> None:
    gateway = desk.gateway()
    desk.fetch(gateway, "litellm")
    gateway.requests.clear()
    desk.fetch(gateway, "litellm", now=kit.start + timedelta(days=1, hours=2))
    assert gateway.requests == []
