"""A window is whole when it has every row and bucket it should have; what cannot be proven is read in halves."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.sandbox.servers.loopback import Answer, Fault, Rule, saying
from ingestion.usage_apis import CallFailed, PagingError
from ingestion.usage_apis.feed import Page, Row
from ingestion.usage_apis.reading import Reading
from ingestion.usage_apis.windows import Window


def litellm_ids(desk: Any, kit: Any) -> set[str]:
    """The request ids that landed."""
    pages = [json.loads(body)["data"] for body in kit.landed(desk.home).values()]
    return {row["request_id"] for page in pages for row in page}


def ties(kit: Any, *groups: tuple[int, int]) -> list[dict[str, Any]]:
    """Rows of the first day: of each group (second, count) so many at the same millisecond."""
    moments = [kit.start + timedelta(seconds=second) for second, count in groups for _ in range(count)]
    return [kit.litellm_row(number, at) for number, at in enumerate(moments)]


def test_a_tie_at_a_page_s_edge_loses_no_row(desk: Any, kit: Any) -> None:
    """3 + 4 + 3 rows on pages of 5: each page orders the four in its own way, so one of them could be missed."""
    rows = ties(kit, (10, 3), (20, 4), (30, 3))
    result = desk.fetch(desk.gateway(rows={"litellm": rows}), "litellm")
    assert result.rows == 10
    assert litellm_ids(desk, kit) == {row["request_id"] for row in rows}


@pytest.mark.parametrize(("second", "is_wrong"), [("bd", True), ("cd", False)])
def test_a_page_of_a_b_and_one_of_b_d_are_not_four_rows(kit: Any, second: str, is_wrong: bool) -> None:
    """Four rows are announced and four come, but only three are different."""
    reading = Reading(Window.day(kit.start.date()), keyed=True)
    for page in ("ab", second):
        reading.take(Page([Row(key.encode(), kit.start) for key in page], entries=2, total=4))
    reading.conclude(None, ())
    assert reading.wrong == (["3 different rows were read but 4 announced"] if is_wrong else [])


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 43_199), st.integers(1, 5)), min_size=1, max_size=6))
def test_whatever_rows_share_a_moment_all_of_them_land(
    desk: Any, kit: Any, groups: list[tuple[int, int]]
) -> None:
    """Up to a page of rows at each of a few seconds, with a total that is capped at 20 rows.

    The seconds are two apart: the smallest window has both its ends, and more than a page there cannot be halved.
    """
    rows = ties(kit, *((2 * second, count) for second, count in dict(groups).items()))
    home = desk.other_home(f"home-{len(list(desk.home.root.parent.iterdir()))}")
    gateway = desk.gateway(rows={"litellm": rows}, litellm_count_cap=20)
    result = desk.fetch(gateway, "litellm", home=home)
    assert (result.rows, result.findings) == (len(rows), [])
    pages = [json.loads(body)["data"] for body in kit.landed(home).values()]
    assert {row["request_id"] for page in pages for row in page} == {row["request_id"] for row in rows}


def test_a_window_with_a_capped_total_is_read_in_halves_until_it_is_counted(desk: Any, kit: Any) -> None:
    """12 rows in 11 hours and a count that stops at 4: quarters of a day have up to 7, eighths 4 at most."""
    gateway = desk.gateway(litellm_count_cap=4)
    result = desk.fetch(gateway, "litellm")
    assert (result.rows, result.findings) == (16, [])
    record = json.loads(
        (
            desk.home.landing / "litellm/.windows/spend_logs_api/20261101T000000Z-20261102T000000Z.json"
        ).read_bytes()
    )
    assert record["rows"] == 12, "the halves are one window"
    assert desk.fetch(gateway, "litellm").skipped == 2


def test_more_rows_in_a_second_than_a_page_report_what_to_set(desk: Any, kit: Any) -> None:
    """12 rows of one millisecond are three pages of 5, whose edges no narrower window moves."""
    rows, now = ties(kit, (10, 12)), kit.start + timedelta(hours=1, minutes=30)
    narrow = {"window_hours": 1, "own_calls_only": True}
    gateway = desk.gateway(rows={"litellm": rows}, now=now)
    with pytest.raises(PagingError, match=r"20261101T0000\d\dZ-.* was read 4 times.*raise api.page_size"):
        desk.fetch(gateway, "litellm", **narrow)
    gateway = desk.gateway(rows={"litellm": rows}, now=now, page_size=100)
    assert desk.fetch(gateway, "litellm", page_size=100, **narrow).rows == 12


def test_a_token_that_is_not_an_admin_s_is_reported(desk: Any, kit: Any) -> None:
    """The proxy shows it three rows of sixteen without a warning; a request about a team reveals it."""
    rows = kit.world()["litellm"]
    mine = [{**row, "user": "ann" if number < 3 else "bob"} for number, row in enumerate(rows)]
    gateway = desk.gateway(rows={"litellm": mine}, litellm_own_user="ann")
    result = desk.fetch(gateway, "litellm")
    assert result.rows == 3
    (finding,) = result.findings
    assert finding.startswith("litellm: spend_logs_api: the token in GATEWAY_TOKEN is not a proxy admin's")
    asked = len(gateway.requests)
    home = desk.other_home("meant")
    assert desk.fetch(gateway, "litellm", home=home, own_calls_only=True).findings == []
    assert len(gateway.requests) - asked == asked - 1, "nothing is asked where that is meant"


def test_findings_are_reported_although_the_fetch_fails_later(desk: Any, kit: Any) -> None:
    mine = [{**row, "user": "ann"} for row in kit.world()["litellm"]]
    script = [Rule(r"start_date=2026-11-02.*sort_by", None, saying({"total": 0}))]
    gateway = desk.gateway(script=script, rows={"litellm": mine}, litellm_own_user="ann")
    with pytest.raises(CallFailed) as failure:
        desk.fetch(gateway, "litellm")
    assert ["not a proxy admin's" in finding for finding in failure.value.findings] == [True]


def test_an_error_of_the_proxy_is_quoted(desk: Any) -> None:
    with pytest.raises(CallFailed, match="422: page_size: Input should be less than or equal to 5"):
        desk.fetch(desk.gateway(), "litellm", page_size=500)
    error = {
        "error": {
            "message": "Invalid sort_by: when",
            "type": "bad_request",
            "param": "sort_by",
            "code": "400",
        }
    }
    gateway = desk.gateway(script=[Rule("sort_by", None, Fault("answer", Answer.of(error, 400)))])
    with pytest.raises(CallFailed, match="400: Invalid sort_by: when"):
        desk.fetch(gateway, "litellm")
    gateway = desk.gateway(script=[Rule("sort_by", None, saying(error))])
    with pytest.raises(CallFailed, match="under 'data' but says: Invalid sort_by: when"):
        desk.fetch(gateway, "litellm")


EMPTY = {"data": [], "has_more": False, "next_page": None}


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize("stream", ["usage", "costs"])
def test_an_answer_without_a_bucket_is_no_window(desk: Any, kit: Any, kind: str, stream: str) -> None:
    """It is tried again later; the other windows land."""
    first = {"openai": f"{int(kit.start.timestamp())}", "anthropic": "2026-11-01T00"}[kind]
    script = [Rule(rf"(start_time|starting_at)={first}", None, saying(EMPTY))]
    with pytest.raises(
        PagingError, match=rf"{kind}: {stream} 20261101.*buckets are missing, the first that of 2026"
    ):
        desk.fetch(desk.gateway(script=script), kind, streams=(stream,), costs_settle_hours=1)
    found = kit.landed(desk.home)
    assert found
    assert not any("20261101T000000Z" in name for name in found)
    desk.fetch(desk.gateway(), kind, streams=(stream,), costs_settle_hours=1)
    assert any("20261101T000000Z" in name for name in kit.landed(desk.home))


@pytest.mark.parametrize("body", [json.dumps(EMPTY).encode(), b"{"])
def test_an_empty_window_that_landed_without_its_buckets_is_requested_again(
    desk: Any, kit: Any, body: bytes
) -> None:
    """As version 0.2 left them, or damaged; a window whose buckets have no row is not."""
    gateway = desk.gateway(rows={})
    only = {"streams": ("usage",), "endpoints": ("completions",), "look_back_days": 0}
    desk.fetch(gateway, "openai", **only)
    assert desk.fetch(gateway, "openai", **only).skipped == 2
    folder = desk.home.landing / "openai"
    name = "20261101T000000Z-20261102T000000Z.completions"
    for page in (folder / "usage/dt=2026-11-01").iterdir():
        page.unlink()
    (folder / f"usage/dt=2026-11-01/{name}.000.json").write_bytes(body)
    record = json.loads((folder / f".windows/usage/{name}.json").read_bytes())
    record["pages"] = [{"file": f"{name}.000.json", "sha256": "", "bytes": len(body), "rows": 0}]
    (folder / f".windows/usage/{name}.json").write_text(json.dumps(record))
    result = desk.fetch(gateway, "openai", **only)
    assert (result.windows, result.skipped) == (1, 1)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda buckets: buckets[1:], "1 of 24 buckets are missing, the first that of 2026-11-01 00:00"),
        (
            lambda buckets: [*buckets[:3], *buckets[4:]],
            "1 of 24 buckets are missing, the first that of 2026-11-01 03:00",
        ),
        (lambda buckets: [buckets[0], *buckets], "a bucket came twice"),
        (
            lambda buckets: [{**buckets[0], "start_time": buckets[0]["start_time"] - 3600}, *buckets],
            "a bucket of 2026-10-31 23:00 came that was not asked for",
        ),
    ],
)
def test_a_window_holds_exactly_its_buckets(desk: Any, kit: Any, change: Any, complaint: str) -> None:
    lo = int(kit.start.timestamp())
    hours = range(lo, lo + 24 * 3600, 3600)
    buckets = [{"start_time": at, "end_time": at + 3600, "results": []} for at in hours]
    body = {"data": change(buckets), "has_more": False, "next_page": None}
    script = [Rule(f"start_time={lo}", None, saying(body))]
    with pytest.raises(PagingError, match=complaint):
        desk.fetch(desk.gateway(script=script), "openai", streams=("usage",), endpoints=("completions",))


@pytest.mark.parametrize("ends_before", [False, True])
@pytest.mark.parametrize("width", ["1h", "1d"])
def test_anthropic_s_buckets_are_the_same_however_it_reads_the_end(
    desk: Any, kit: Any, ends_before: bool, width: str
) -> None:
    """48 rows of two days; the third day's bucket is left out where the API sends it."""
    gateway = desk.gateway(anthropic_ends_before=ends_before)
    result = desk.fetch(gateway, "anthropic", bucket_width=width, costs_settle_hours=1)
    assert (result.rows, result.findings) == (48 + 2, [])
    pages = [json.loads(body)["data"] for name, body in kit.landed(desk.home).items() if "/usage/" in name]
    starts = [bucket["starting_at"] for page in pages for bucket in page]
    assert len(starts) == len(set(starts)) == (48 if width == "1h" else 2)
    assert max(starts) < "2026-11-03"


def test_openrouter_separates_workspaces(desk: Any, kit: Any) -> None:
    """Two workspaces of one model and day are two rows, and one if workspaces are not requested."""
    row = {"date": "2026-11-01", "model": "openai/gpt-4o", "requests": 3, "usage": 0.5}
    rows = [{**row, "workspace_id": f"ws_{number}"} for number in (1, 2)]
    gateway = desk.gateway(rows={"openrouter": rows})
    desk.fetch(gateway, "openrouter")
    landed = [row for body in kit.landed(desk.home).values() for row in json.loads(body)["data"]]
    assert [row["workspace_id"] for row in landed] == ["ws_1", "ws_2"]
    ungrouped = json.loads(gateway.answer("/api/v1/activity", (), {"Authorization": "Bearer test_1"}).body)
    assert ungrouped["data"] == [{**row, "requests": 6, "usage": 1.0}]
