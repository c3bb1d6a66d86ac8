"""Whatever goes wrong on the way, a rerun ends with exactly the bytes of the undisturbed run."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import Any

import pytest

from ingestion.sandbox.servers.loopback import Answer, Fault, Rule, refusing, saying, web_page
from ingestion.usage_apis import AccessRefused, CallFailed, PagingError, UsageApiError

KINDS = ["infery", "new_api", "litellm", "openrouter", "openai", "anthropic"]

FAULTS = {
    "429 without Retry-After": refusing(429),
    "429 with Retry-After": refusing(429, retry_after="7"),
    "500": refusing(500),
    "502 as a web page": web_page(502),
    "503": refusing(503),
    "a web page under 200": web_page(),
    "an empty body": Fault("answer", Answer(b"")),
    "a failure under 200": saying({"success": False, "message": "database is locked"}),
    "JSON of another kind": saying([1, 2, 3]),
    "reset": Fault("reset"),
    "truncated": Fault("truncated"),
    "cut": Fault("cut"),
    "slow": Fault("slow", seconds=5),
    "401": refusing(401),
    "403": refusing(403),
}

REFUSED = {"401", "403"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_midway_leaves_no_trace(desk: Any, kit: Any, undisturbed: Any, kind: str, fault: str) -> None:
    """The second paged request goes wrong once; tokens that are refused end the first run."""
    quick = {"timeout_seconds": 0.25}
    gateway = desk.gateway(script=[Rule(kit.pattern(kind), 2, FAULTS[fault])])
    if fault in REFUSED:
        with pytest.raises(AccessRefused, match=rf"answered with {fault}.*GATEWAY_TOKEN"):
            desk.fetch(gateway, kind, **quick)
    else:
        desk.fetch(gateway, kind, **quick)
    desk.fetch(gateway, kind, **quick)
    assert kit.landed(desk.home, hidden=True) == undisturbed(kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["500", "a web page under 200", "cut", "reset"])
def test_a_lasting_fault_lands_nothing_of_the_window_and_the_next_run_all(
    desk: Any, kit: Any, undisturbed: Any, kind: str, fault: str
) -> None:
    broken = desk.gateway(script=[Rule(kit.pattern(kind), number, FAULTS[fault]) for number in range(2, 9)])
    with pytest.raises(CallFailed, match="failed 7 times"):
        desk.fetch(broken, kind)
    partial = kit.landed(desk.home)
    assert partial.items() <= undisturbed(kind).items()
    assert not any("20261101" in name for name in partial) or kind == "openrouter"
    desk.fetch(desk.gateway(), kind)
    assert kit.landed(desk.home, hidden=True) == undisturbed(kind)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "openrouter"])
def test_a_repeated_page_is_noticed_and_the_window_read_again(
    desk: Any, kit: Any, undisturbed: Any, kind: str
) -> None:
    gateway = desk.gateway(script=[Rule(kit.pattern(kind), 2, Fault("repeat"))])
    desk.fetch(gateway, kind)
    assert kit.landed(desk.home, hidden=True) == undisturbed(kind)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_the_script_a_rerun_ends_like_the_undisturbed_run(
    desk: Any, kit: Any, undisturbed: Any, kind: str, seed: int
) -> None:
    """Five faults of any kind at any of the first requests, drawn by the seed."""
    draw = random.Random(f"{kind} {seed}")
    faults = [*(fault for fault in FAULTS.values() if fault.kind != "slow"), Fault("repeat")]
    script = [Rule(kit.pattern(kind), draw.randint(2, 9), draw.choice(faults)) for _ in range(5)]
    gateway = desk.gateway(script=script)
    for _ in range(6):
        with suppress(UsageApiError):
            desk.fetch(gateway, kind)
    assert kit.landed(desk.home, hidden=True) == undisturbed(kind)


def test_a_gateway_that_ignores_the_page_number_is_given_up(desk: Any, kit: Any) -> None:
    gateway = desk.gateway(script=[Rule(r"/api/log/self\?p=[2-9]", None, Fault("repeat"))])
    with pytest.raises(
        PagingError, match=r"new_api: logs 20261101T000000Z-20261102T000000Z was read 4 times"
    ):
        desk.fetch(gateway, "new_api", streams=("logs",))
    assert len(gateway.requests) < 40
    assert [name for name in kit.landed(desk.home) if "20261101" in name] == []


@pytest.mark.parametrize(("kind", "row"), [("new_api", "new_api_item"), ("litellm", "litellm_row")])
def test_rows_that_shift_between_pages_are_read_again(desk: Any, kit: Any, kind: str, row: str) -> None:
    """A row of the first day arrives while its pages are read: newest first, so all later pages shift."""
    late = getattr(kit, row)(99, kit.start.replace(hour=10, minute=30))
    rows = kit.world()
    rows[kind].append(late)
    desk.fetch(desk.gateway(rows=rows), kind)
    home = desk.other_home("disturbed")
    gateway = desk.gateway(script=[Rule(kit.pattern(kind), 2, Fault("arrive", rows=((kind, late),)))])
    result = desk.fetch(gateway, kind, home=home)
    assert kit.landed(home, hidden=True) == kit.landed(desk.home, hidden=True)
    assert result.findings == []


def test_rows_that_shift_in_an_old_build_are_seen_by_the_repeated_row(desk: Any, kit: Any) -> None:
    """An old build gives no total; the row pushed over the page's edge comes twice."""
    late = kit.new_api_item(99, kit.start.replace(hour=11, minute=30))
    rows = kit.world()
    rows["new_api"].append(late)
    desk.fetch(desk.gateway(rows=rows, new_api_old_build=True), "new_api", check_stat=False)
    home = desk.other_home("disturbed")
    script = [Rule(r"self\?p=1&", 2, Fault("arrive", rows=(("new_api", late),)))]
    gateway = desk.gateway(script=script, new_api_old_build=True)
    desk.fetch(gateway, "new_api", home=home, check_stat=False)
    assert kit.landed(home, hidden=True) == kit.landed(desk.home, hidden=True)


def test_fewer_rows_than_announced_are_never_accepted(desk: Any, kit: Any) -> None:
    short = {"success": True, "data": {"items": [], "total": 12, "page": 2, "page_size": 5}}
    gateway = desk.gateway(script=[Rule(r"self\?p=3&.*=1793491200&", None, saying(short))])
    with pytest.raises(PagingError, match="10 rows were read but 12 announced"):
        desk.fetch(gateway, "new_api", streams=("logs",))
    assert {name.split(".")[0][-33:] for name in kit.landed(desk.home)} == {
        "20261102T000000Z-20261103T000000Z"
    }, "the other window landed all the same"


def test_a_contradiction_is_not_forgotten_when_the_api_goes_away_later(desk: Any) -> None:
    script = [
        Rule(
            "usage\\?start=2026-11-01.*00Z$", None, saying({"data": [], "has_more": True, "next_cursor": "x"})
        ),
        Rule("group_by", None, refusing(403)),
    ]
    with pytest.raises(AccessRefused, match=r"(?s)a page was empty although more.*answered with 403"):
        desk.fetch(desk.gateway(script=script), "infery")


def test_a_repeated_row_that_stays_is_accepted_and_reported(desk: Any, kit: Any) -> None:
    rows = kit.world()
    rows["infery"].append(dict(rows["infery"][0]))
    rows["infery"].extend(dict(rows["infery"][0]) for _ in range(5))
    result = desk.fetch(desk.gateway(rows=rows), "infery", streams=("usage_api",))
    assert result.rows == 22
    assert result.findings == ["infery: usage_api 20261101T000000Z-20261102T000000Z: a row came on two pages"]


def test_a_control_total_that_stays_different_is_reported(desk: Any) -> None:
    wrong = saying({"success": True, "message": "", "data": {"quota": 1, "rpm": 0, "tpm": 0}})
    gateway = desk.gateway(script=[Rule("/stat.*=1793491200&", None, wrong)])
    result = desk.fetch(gateway, "new_api", streams=("logs",))
    assert result.rows == 16
    assert result.findings == [
        "new_api: logs 20261101T000000Z-20261102T000000Z: the rows add up to 10053 but the API's own"
        " total is 1"
    ]


@pytest.mark.parametrize(
    ("kind", "body", "complaint"),
    [
        ("infery", {"data": [], "has_more": True, "next_cursor": "x"}, "a page was empty although more"),
        ("infery", {"data": [], "has_more": True}, "gives no next_cursor"),
        ("infery", {"data": []}, "does not say whether there are more pages"),
        ("infery", {"data": ["x"], "has_more": False}, "no list of objects under 'data'"),
        ("infery", {"data": [{"timestamp": "noon"}], "has_more": False}, "no readable time"),
        ("infery", {"data": [{"timestamp": "2026-11-05T00:00:00Z"}], "has_more": False}, "another time zone"),
        ("litellm", {"data": [{"startTime": "2026-11-01"}]}, "answered with a summary"),
        ("litellm", {"total": 0}, "no list of objects"),
        ("infery", {"data": [], "group_by": "colour", "has_more": False}, "not grouped by model"),
        ("openai", {"data": [{"results": []}], "has_more": False}, "no readable time"),
        ("openai", {"data": [{"start_time": 1793491200}], "has_more": False}, "under 'results'"),
        ("new_api", {"success": True, "message": ""}, "it has no data"),
        ("new_api", {"success": False, "message": "database is locked"}, "success=false: database is locked"),
        ("new_api", {"success": False, "message": "no right", "data": None}, "success=false: no right"),
    ],
)
def test_an_answer_that_cannot_be_true_fails_with_its_reason(
    desk: Any, kit: Any, kind: str, body: Any, complaint: str
) -> None:
    gateway = desk.gateway(script=[Rule(kit.pattern(kind), None, saying(body))])
    with pytest.raises(UsageApiError, match=complaint):
        desk.fetch(gateway, kind)


def test_a_cursor_that_comes_twice_is_given_up(desk: Any, kit: Any) -> None:
    rows = iter(range(1000))

    def body() -> dict[str, Any]:
        return {"data": [kit.infery_row(next(rows), kit.start)], "has_more": True, "next_cursor": "again"}

    gateway = desk.gateway()
    gateway.answer = lambda *asked: Answer.of(body())
    with pytest.raises(PagingError, match="a cursor came twice"):
        desk.fetch(gateway, "infery", streams=("usage_api",))


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("99999", 300, 300),
        ("Tue, 03 Nov 2026 06:00:42 GMT", 42, 42),
        ("Tue, 03 Nov 2026 05:00:00 GMT", 0, 0),
        ("soon", 0.5, 1),
        (None, 0.5, 1),
    ],
)
def test_retry_after_is_honoured_in_both_its_forms_up_to_a_limit(
    desk: Any, kit: Any, retry_after: str | None, least: float, most: float
) -> None:
    gateway = desk.gateway(script=[Rule(kit.pattern("infery"), 1, refusing(429, retry_after=retry_after))])
    desk.fetch(gateway, "infery")
    assert len(desk.slept) == 1
    assert least <= desk.slept[0] <= most


def test_waits_double_with_jitter(desk: Any, kit: Any) -> None:
    gateway = desk.gateway(
        script=[Rule(kit.pattern("infery"), number, refusing(503)) for number in range(1, 7)]
    )
    desk.fetch(gateway, "infery")
    assert [2**place / 2 <= wait <= 2**place for place, wait in enumerate(desk.slept)] == [True] * 6


def test_a_refused_token_is_not_tried_again(desk: Any, kit: Any) -> None:
    gateway = desk.gateway(script=[Rule(".", None, refusing(401))])
    with pytest.raises(AccessRefused):
        desk.fetch(gateway, "infery")
    assert (len(gateway.requests), desk.slept) == (1, [])


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (refusing(404, "no such path"), "answered with 404: no such path"),
        (refusing(422, "page_size too large"), "answered with 422: page_size too large"),
        (Fault("answer", Answer(b"gone", 410, "text/plain")), "answered with 410: no message"),
        (
            Fault("answer", Answer(b"", 301, headers=(("Location", "http://127.0.0.1:9/"),))),
            "a redirect; write the final address",
        ),
    ],
)
def test_what_will_not_pass_fails_at_once(desk: Any, fault: Fault, complaint: str) -> None:
    gateway = desk.gateway(script=[Rule(".", None, fault)])
    with pytest.raises(CallFailed, match=complaint):
        desk.fetch(gateway, "infery")
    assert len(gateway.requests) == 1


def test_a_late_row_is_found_within_the_look_back(desk: Any, kit: Any) -> None:
    """The first day is read again on the third; only the pages that changed are written."""
    gateway = desk.gateway()
    desk.fetch(gateway, "litellm")
    before = kit.stamps(desk.home)
    late = kit.litellm_row(77, kit.start.replace(hour=23))
    gateway.books.add([("litellm", late)])
    gateway.books.now = gateway.books.now.replace(hour=8)
    result = desk.fetch(gateway, "litellm")
    assert (result.windows, result.unchanged, result.rows) == (1, 1, 13)
    after = kit.stamps(desk.home)
    changed = {path.name for path in after if after[path] != before.get(path)}
    assert changed == {f"20261101T000000Z-20261102T000000Z.{page:03}.json" for page in range(3)}
    found = [json.loads(body) for name, body in kit.landed(desk.home).items() if "20261101T" in name]
    assert late["request_id"] in {row["request_id"] for page in found for row in page["data"]}
