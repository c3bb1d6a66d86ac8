"""New-API takes 180 calls in 180 s from an address: calls are paced, limits outlasted, fetches continued."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from ingestion.sandbox.servers.loopback import Answer, Fault, Rule, refusing, saying
from ingestion.usage_apis import AccessRefused, CallFailed
from ingestion.usage_apis.settings import Rate

EMPTY_429 = Fault("answer", Answer(b"", 429, "text/plain"))


@pytest.fixture
def busy_day(kit: Any) -> dict[str, list[dict[str, Any]]]:
    """A day of 200 items, which are 40 pages of 5."""
    return {"new_api": [kit.new_api_item(n, kit.start + timedelta(seconds=60 * n)) for n in range(200)]}


def landed_ids(desk: Any, kit: Any) -> list[str]:
    """The request ids that landed, in order."""
    found = [json.loads(body)["data"]["items"] for body in kit.landed(desk.home).values()]
    return sorted(item["request_id"] for items in found for item in items)


def test_a_fetch_of_more_calls_than_the_limit_is_paced_and_never_limited(desk: Any, kit: Any) -> None:
    """190 pages of one item, an empty one and a control total are 192 calls: one wait of the limit and a second."""
    items = [kit.new_api_item(n, kit.start + timedelta(seconds=60 * n)) for n in range(190)]
    gateway = desk.gateway(rows={"new_api": items}, now=kit.start + timedelta(days=1, hours=1))
    result = desk.fetch(gateway, "new_api", streams=("logs",), page_size=1)
    assert (result.rows, len(gateway.requests)) == (190, 192)
    assert {asked.status for asked in gateway.requests} == {200}
    assert desk.slept == [181.0]


def test_a_rate_may_be_set_lower_or_not_at_all(desk: Any, kit: Any) -> None:
    """8 calls: 4 and 2 pages with a control total each; 3 a minute are two waits, no rate is none."""
    gateway = desk.gateway()
    desk.fetch(gateway, "new_api", streams=("logs",), rate=Rate(calls=3, seconds=60))
    assert desk.slept == [61.0] * ((len(gateway.requests) - 1) // 3)
    desk.slept.clear()
    desk.fetch(gateway, "new_api", streams=("logs",), rate=None, home=desk.other_home("unpaced"))
    assert desk.slept == []


def test_a_limit_that_others_have_used_up_is_outlasted(desk: Any, kit: Any, busy_day: Any) -> None:
    """Without a rate of its own the fetch runs into 429, which names no time, and waits until it is lifted."""
    gateway = desk.gateway(rows=busy_day, new_api_limit=(30, 180))
    result = desk.fetch(gateway, "new_api", streams=("logs",), rate=None)
    assert result.rows == 200
    assert [asked.status for asked in gateway.requests].count(429) > 1
    assert 180 <= sum(desk.slept) <= 180 + 60


def test_a_limit_that_lasts_is_given_up_after_the_stated_time(desk: Any) -> None:
    gateway = desk.gateway(script=[Rule(".", None, EMPTY_429)])
    with pytest.raises(CallFailed, match=r"answered with 429 for 90 seconds; call more slowly \(api.rate\)"):
        desk.fetch(gateway, "new_api", streams=("logs",), outlast_seconds=90)
    assert 90 <= sum(desk.slept) <= 90 + 60


def test_a_limit_does_not_use_up_the_tries_of_other_failures(desk: Any, kit: Any) -> None:
    """Ten limited calls, then a server that fails six times: the seventh try is still made."""
    script = [Rule(kit.pattern("new_api"), n, EMPTY_429) for n in range(1, 11)]
    script += [Rule(kit.pattern("new_api"), n, refusing(500)) for n in range(11, 17)]
    assert desk.fetch(desk.gateway(script=script), "new_api", streams=("logs",), rate=None).rows == 16


def test_a_day_that_no_single_fetch_can_read_lands_over_several(desk: Any, kit: Any, busy_day: Any) -> None:
    """Three fetches are cut off after 12 pages each, the fourth reads the last 4. No page is requested twice."""
    asked: list[str] = []
    for pages in (12, 24, 36):
        script = [Rule(rf"p={pages + 1}&", None, refusing(404, "away"))]
        gateway = desk.gateway(rows=busy_day, script=script)
        kept = f"{pages} pages of logs 20261101T000000Z-20261102T000000Z are kept"
        with pytest.raises(CallFailed, match=kept):
            desk.fetch(gateway, "new_api", streams=("logs",))
        assert kit.landed(desk.home) == {}, "a window lands whole or not at all"
        asked += [dict(one.query)["p"] for one in gateway.requests if one.status == 200]
    gateway = desk.gateway(rows=busy_day)
    assert desk.fetch(gateway, "new_api", streams=("logs",)).rows == 200
    asked += [dict(one.query)["p"] for one in gateway.requests[:4]]
    assert sorted(asked, key=int) == [str(page) for page in range(1, 41)]
    assert landed_ids(desk, kit) == sorted(item["request_id"] for item in busy_day["new_api"])
    assert list((desk.home.landing / "new_api" / ".windows").glob(".partial*")) == []


def test_pages_of_an_earlier_fetch_that_no_longer_fit_are_read_again(
    desk: Any, kit: Any, undisturbed: Any
) -> None:
    """A row that came late has moved the pages: the total differs, and the whole window is read."""
    late = kit.new_api_item(99, kit.start.replace(hour=11, minute=30))
    script = [Rule(kit.pattern("new_api"), number, refusing(500)) for number in range(3, 10)]
    with pytest.raises(CallFailed, match="2 pages of logs"):
        desk.fetch(desk.gateway(script=script), "new_api", streams=("logs",))
    rows = kit.world()
    rows["new_api"].append(late)
    result = desk.fetch(desk.gateway(rows=rows), "new_api", streams=("logs",))
    assert (result.rows, result.findings) == (17, [])
    assert len(landed_ids(desk, kit)) == len(set(landed_ids(desk, kit))) == 17


def test_pages_that_were_kept_damaged_are_read_again(desk: Any, kit: Any, undisturbed: Any) -> None:
    script = [Rule(kit.pattern("new_api"), number, refusing(500)) for number in range(3, 10)]
    with pytest.raises(CallFailed):
        desk.fetch(desk.gateway(script=script), "new_api")
    kept = sorted((desk.home.landing / "new_api" / ".windows").glob(".partial*/*.json"))
    kept[0].write_bytes(kept[0].read_bytes()[:100])
    desk.fetch(desk.gateway(), "new_api")
    assert kit.landed(desk.home, hidden=True) == undisturbed("new_api")


def test_an_old_build_is_gone_on_behind_its_pages_too(desk: Any, kit: Any) -> None:
    script = [Rule(kit.pattern("new_api"), number, refusing(500)) for number in range(4, 11)]
    with pytest.raises(CallFailed, match="2 pages of logs"):
        desk.fetch(desk.gateway(script=script, new_api_old_build=True), "new_api", streams=("logs",))
    gateway = desk.gateway(new_api_old_build=True)
    assert desk.fetch(gateway, "new_api", streams=("logs",)).rows == 16
    assert dict(gateway.requests[0].query)["p"] == "2"


def test_a_window_that_is_no_longer_requested_leaves_no_pages(desk: Any, kit: Any) -> None:
    script = [Rule(kit.pattern("new_api"), number, refusing(500)) for number in range(3, 10)]
    with pytest.raises(CallFailed):
        desk.fetch(desk.gateway(script=script), "new_api", streams=("logs",))
    later = (kit.start + timedelta(days=1)).date()
    desk.fetch(desk.gateway(), "new_api", streams=("logs",), since=later)
    assert list((desk.home.landing / "new_api" / ".windows").glob(".partial*")) == []


@pytest.mark.parametrize("old", [False, True])
def test_a_bad_token_is_the_same_clear_error_in_old_and_new_builds(
    desk: Any, kit: Any, monkeypatch: pytest.MonkeyPatch, old: bool
) -> None:
    """401 in newer builds, HTTP 200 with success=false in older ones; neither is tried again."""
    monkeypatch.setenv("GATEWAY_TOKEN", "expired")
    gateway = desk.gateway(new_api_old_build=old)
    said = r"success=false \(.*access token" if old else r"401 \(Unauthorized, invalid access token"
    settings = r"GATEWAY_TOKEN \(or the number in GATEWAY_USER\)"
    with pytest.raises(
        AccessRefused, match=rf"new_api: GET /api/log/self was answered with {said}.*{settings}"
    ):
        desk.fetch(gateway, "new_api", streams=("logs",))
    assert (len(gateway.requests), desk.slept) == (1, [])


@pytest.mark.parametrize(
    "message",
    [
        "无权进行此操作，access token 无效",
        "無權進行此操作，access token 無效",
        "Unauthorized, invalid access token",
        "无权进行此操作，未提供 New-Api-User",
        "用户已被封禁",
        "User has been banned",
    ],
)
def test_every_build_s_words_for_a_refusal_are_understood(desk: Any, message: str) -> None:
    gateway = desk.gateway(script=[Rule(".", None, saying({"success": False, "message": message}))])
    with pytest.raises(AccessRefused):
        desk.fetch(gateway, "new_api", streams=("logs",))
    assert len(gateway.requests) == 1
