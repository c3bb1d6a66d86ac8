"""The loopback gateway answers as the real ones do, seen through plain HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from ingestion.sandbox.servers.gateway import GatewayServer
from ingestion.sandbox.servers.loopback import Fault, Rule, refusing, web_page
from ingestion.sandbox.servers.rows import Options

NOW = datetime(2026, 11, 3, 6, tzinfo=UTC)
START = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())

ROWS: dict[str, list[dict[str, Any]]] = {
    "infery": [
        {
            "timestamp": f"2026-11-01T{hour:02}:00:00Z",
            "model": "gpt-4o",
            "api_key_id": "key_1",
            "member_id": "mem_4",
            "prompt_tokens": 10,
            "completion_tokens": 1,
            "credits_used": 2,
        }
        for hour in range(5)
    ],
    "new_api": [
        {
            "created_at": START + 1800 * place,
            "type": 5 if place == 4 else 2,
            "model_name": "gpt-4o",
            "quota": 100,
            "prompt_tokens": 10,
            "completion_tokens": 1,
        }
        for place in range(5)
    ],
    "litellm": [
        {"request_id": str(place), "startTime": f"2026-11-01T00:00:0{place}.500000+00:00"}
        for place in range(5)
    ],
    "openrouter": [{"date": "2026-11-01", "requests": 1}, {"date": "2026-11-03", "requests": 1}],
    "openai_usage": [{"endpoint": "completions", "start_time": START, "input_tokens": 5}],
    "openai_costs": [{"start_time": START, "amount": {"value": 0.06, "currency": "usd"}}],
    "anthropic_usage": [{"starting_at": "2026-11-01T00:00:00Z", "uncached_input_tokens": 5}],
    "anthropic_costs": [{"starting_at": "2026-11-01T00:00:00Z", "amount": "123.45"}],
}

HEADERS = {
    "Authorization": "Bearer test_key",
    "New-Api-User": "7",
    "x-api-key": "test_key",
    "anthropic-version": "2023-06-01",
}


@pytest.fixture
def gateway() -> Iterator[GatewayServer]:
    """A gateway with pages of two."""
    with GatewayServer(ROWS, NOW, options=Options(page_size=2)) as running:
        yield running


def ask(
    server: GatewayServer,
    path: str,
    headers: dict[str, str] | None = None,
    method: str = "GET",
    **query: Any,
) -> tuple[int, Any]:
    """Send one request and return status and body."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    try:
        connection.request(
            method, f"{path}?{urlencode(query)}", headers=HEADERS if headers is None else headers
        )
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


DAY = {"start": "2026-11-01T00:00:00Z", "end": "2026-11-01T04:00:00Z"}


def test_infery_gives_requests_behind_a_cursor_and_keeps_the_end_out(gateway: GatewayServer) -> None:
    _, first = ask(gateway, "/v1/usage", **DAY)
    _, second = ask(gateway, "/v1/usage", cursor=first["next_cursor"], **DAY)
    hours = [row["timestamp"][11:13] for page in (first, second) for row in page["data"]]
    assert (hours, second["has_more"]) == (["00", "01", "02", "03"], False)
    assert "member_id" not in first["data"][0]


def test_infery_sums_per_member(gateway: GatewayServer) -> None:
    _, body = ask(gateway, "/v1/usage", group_by="member", **DAY)
    sums = {"requests": 4, "prompt_tokens": 40, "completion_tokens": 4, "credits_used": 8}
    assert body["data"] == [{"member_id": "mem_4", **sums}]


def test_new_api_is_newest_first_and_numbers_places(gateway: GatewayServer) -> None:
    _, body = ask(gateway, "/api/log/self", p=2, page_size=50)
    data = body["data"]
    assert (data["total"], data["page"], data["page_size"]) == (5, 2, 2)
    assert [(row["id"], row["created_at"] - START) for row in data["items"]] == [(3, 3600), (4, 1800)]


def test_new_api_keeps_both_ends(gateway: GatewayServer) -> None:
    _, body = ask(gateway, "/api/log/self", start_timestamp=START + 1800, end_timestamp=START + 3600)
    assert body["data"]["total"] == 2


def test_new_api_sums_what_was_consumed_by_the_hour_and_over_all(gateway: GatewayServer) -> None:
    _, hours = ask(gateway, "/api/data/self")
    assert [(one["created_at"] - START, one["count"], one["quota"]) for one in hours["data"]] == [
        (0, 2, 200),
        (3600, 2, 200),
    ]
    _, stat = ask(gateway, "/api/log/self/stat")
    assert stat["data"]["quota"] == 400


def test_new_api_serves_its_units_without_a_token(gateway: GatewayServer) -> None:
    status, body = ask(gateway, "/api/status", headers={})
    assert (status, body["data"]["quota_per_unit"]) == (200, 500_000.0)


def test_new_api_fails_under_200(gateway: GatewayServer) -> None:
    status, body = ask(gateway, "/api/log/self", p="x")
    assert (status, body["success"]) == (200, False)


def test_an_old_build_counts_pages_from_zero() -> None:
    with GatewayServer(ROWS, NOW, options=Options(page_size=2, new_api_old_build=True)) as old:
        pages = [ask(old, "/api/log/self", p=page)[1]["data"] for page in range(4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]


def test_litellm_keeps_both_ends_and_caps_its_total(gateway: GatewayServer) -> None:
    gateway.books.options = Options(page_size=2, litellm_count_cap=1)
    ends = {"start_date": "2026-11-01 00:00:01", "end_date": "2026-11-01 00:00:03"}
    _, body = ask(gateway, "/spend/logs/v2", page=1, page_size=2, sort_order="asc", **ends)
    assert [row["request_id"] for row in body["data"]] == ["1", "2"]
    assert (body["total"], body["total_is_capped"]) == (1, True)


def test_openrouter_shows_completed_days_only(gateway: GatewayServer) -> None:
    assert ask(gateway, "/api/v1/activity")[1] == {"data": [{"date": "2026-11-01", "requests": 1}]}
    assert ask(gateway, "/api/v1/activity", date="2026-11-03")[0] == 400
    assert ask(gateway, "/api/v1/activity", date="2026-10-03")[0] == 400


def test_openai_pages_buckets_and_shows_empty_ones(gateway: GatewayServer) -> None:
    ends = {"start_time": START, "end_time": START + 3 * 86400, "limit": 2}
    _, first = ask(gateway, "/v1/organization/usage/completions", **ends)
    _, second = ask(gateway, "/v1/organization/usage/completions", page=first["next_page"], **ends)
    results = [bucket["results"] for page in (first, second) for bucket in page["data"]]
    expected = {"object": "organization.usage.completions.result", "input_tokens": 5}
    assert results == [[expected], [], []]
    assert (first["has_more"], second["has_more"], second["next_page"]) == (True, False, None)


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("/v1/organizations/usage_report/messages", {"uncached_input_tokens": 5}),
        ("/v1/organizations/cost_report", {"amount": "123.45"}),
    ],
)
def test_anthropic_takes_its_own_header(gateway: GatewayServer, path: str, result: dict[str, Any]) -> None:
    ends = {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-02T00:00:00Z"}
    _, body = ask(gateway, path, **ends)
    assert body["data"][0]["results"] == [result]
    assert ask(gateway, path, headers={"Authorization": "Bearer test_key"}, **ends)[0] == 401


def test_time_passes_and_rows_appear_after_their_lag() -> None:
    with GatewayServer(ROWS, datetime(2026, 11, 1, 2, tzinfo=UTC), lag=timedelta(minutes=30)) as gateway:
        assert len(ask(gateway, "/v1/usage", **DAY)[1]["data"]) == 2
        gateway.books.now += timedelta(minutes=30)
        assert len(ask(gateway, "/v1/usage", **DAY)[1]["data"]) == 3


@pytest.mark.parametrize("token", ["", "Bearer live_key", "Basic test_key", "Bearer test_"])
def test_only_test_tokens_are_taken_and_none_is_kept(gateway: GatewayServer, token: str) -> None:
    assert ask(gateway, "/v1/usage", headers={"Authorization": token}, **DAY)[0] == 401
    assert "key" not in repr(gateway.requests)


def test_it_listens_on_this_machine_only(gateway: GatewayServer) -> None:
    assert urlsplit(gateway.url).hostname == "127.0.0.1"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written(gateway: GatewayServer, method: str) -> None:
    assert ask(gateway, "/v1/usage", method=method)[0] == 405


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/nowhere", {}, 404),
        ("/v1/usage", {"start": "noon", "end": "later"}, 400),
        ("/v1/usage", {**DAY, "group_by": "colour"}, 400),
        ("/v1/usage", {**DAY, "cursor": "elsewhere"}, 400),
        ("/spend/logs/v2", {"start_date": "2026-11-01", "end_date": "2026-11-02"}, 400),
        (
            "/spend/logs/v2",
            {"start_date": "2026-11-01 00:00:00", "end_date": "2026-11-02 00:00:00", "page_size": 9},
            422,
        ),
        ("/api/v1/activity", {"date": "yesterday"}, 400),
        ("/v1/organization/costs", {"bucket_width": "1w"}, 400),
        ("/v1/organization/costs", {"page": "page_2"}, 400),
    ],
)
def test_a_wrong_request_is_refused(
    gateway: GatewayServer, path: str, query: dict[str, str], status: int
) -> None:
    assert ask(gateway, path, **query)[0] == status


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown tables infrey"):
        GatewayServer({"infrey": []}, NOW)


def test_a_script_names_request_and_number() -> None:
    script = [Rule("/api/status", 2, refusing(503)), Rule("cursor=after_2", None, refusing(500))]
    with GatewayServer(ROWS, NOW, script=script, options=Options(page_size=2)) as gateway:
        assert [ask(gateway, "/api/status")[0] for _ in range(3)] == [200, 503, 200]
        assert [ask(gateway, "/v1/usage", cursor="after_2", **DAY)[0] for _ in range(2)] == [500, 500]
        assert [asked.status for asked in gateway.requests] == [200, 503, 200, 500, 500]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("reset"), ConnectionError),
        (Fault("truncated"), http.client.IncompleteRead),
        (Fault("cut"), json.JSONDecodeError),
        (web_page(), json.JSONDecodeError),
    ],
)
def test_an_answer_fails_as_scripted(fault: Fault, error: type[Exception]) -> None:
    with (
        GatewayServer(ROWS, NOW, script=[Rule(".", 1, fault)]) as gateway,
    ):
        with pytest.raises(error):
            ask(gateway, "/api/status")
        assert ask(gateway, "/api/status")[0] == 200


def test_rows_arrive_and_answers_repeat_as_scripted() -> None:
    late = ("infery", {**ROWS["infery"][0], "timestamp": "2026-11-01T03:30:00Z"})
    script = [Rule(".", 2, Fault("arrive", rows=(late,))), Rule(".", 4, Fault("repeat"))]
    with GatewayServer(ROWS, NOW, script=script) as gateway:
        counts = [len(ask(gateway, "/v1/usage", **DAY)[1]["data"]) for _ in range(3)]
        assert counts == [4, 5, 5]
        assert len(ask(gateway, "/v1/usage", start=DAY["end"], end=DAY["end"])[1]["data"]) == 5
    assert len(ROWS["infery"]) == 5


def test_new_api_limits_its_calls_and_then_sends_an_empty_answer() -> None:
    """Three in ten seconds: the fourth is refused and does not count; each is taken when one is ten seconds old."""
    now = [0.0]
    with GatewayServer(ROWS, NOW, options=Options(new_api_limit=(3, 10)), clock=lambda: now[0]) as gateway:

        def status_at(second: float) -> int:
            now[0] = second
            answer = gateway.answer("/api/status", (), {})
            assert answer.status == 200 or (answer.body, answer.headers) == (b"", ())
            return answer.status

        assert [status_at(second) for second in (0, 4, 5, 6, 9.9, 10, 13, 14)] == [
            *(200, 200, 200, 429, 429),
            *(200, 429, 200),
        ]
        assert gateway.answer("/api/v1/activity", (), HEADERS).status == 200, (
            "another API, on another address"
        )


@pytest.mark.parametrize(("is_old", "status"), [(False, 401), (True, 200)])
def test_new_api_turns_a_token_away_as_its_build_does(is_old: bool, status: int) -> None:
    with GatewayServer(ROWS, NOW, options=Options(new_api_old_build=is_old)) as gateway:
        said, body = ask(gateway, "/api/log/self", headers={**HEADERS, "Authorization": "Bearer none"})
    assert (said, body["success"]) == (status, False)
    assert "access token" in body["message"]


LITELLM_DAY = {"start_date": "2026-11-01 00:00:00", "end_date": "2026-11-02 00:00:00", "sort_order": "asc"}


def test_litellm_orders_rows_of_one_millisecond_anew_on_each_page() -> None:
    rows = [{"request_id": f"r{n}", "startTime": "2026-11-01T00:00:01.5004"} for n in range(8)]
    with GatewayServer({"litellm": rows}, NOW) as gateway:
        pages = [ask(gateway, "/spend/logs/v2", page=page, page_size=4, **LITELLM_DAY)[1] for page in (1, 2)]
        again = ask(gateway, "/spend/logs/v2", page=1, page_size=4, **LITELLM_DAY)[1]
    assert again == pages[0], "the same call, the same answer"
    assert {page["total"] for page in pages} == {8}
    assert len({row["request_id"] for page in pages for row in page["data"]}) < 8


def test_litellm_opens_the_metadata_of_its_table() -> None:
    row = {**ROWS["litellm"][0], "metadata": '{"status": "success"}'}
    with GatewayServer({"litellm": [row]}, NOW) as gateway:
        [found] = ask(gateway, "/spend/logs/v2", **LITELLM_DAY)[1]["data"]
    assert found["metadata"] == {"status": "success"}


def test_litellm_shows_a_user_the_rows_of_its_own_and_refuses_those_of_a_team() -> None:
    rows = [{**row, "user": "ann" if number else "bob"} for number, row in enumerate(ROWS["litellm"])]
    with GatewayServer({"litellm": rows}, NOW, options=Options(litellm_own_user="ann")) as gateway:
        assert ask(gateway, "/spend/logs/v2", **LITELLM_DAY)[1]["total"] == 4
        status, body = ask(gateway, "/spend/logs/v2", team_id="t", **LITELLM_DAY)
    assert (status, body["error"]["message"]) == (403, "Not authorized to view team spend for team_id=t")
    with GatewayServer({"litellm": rows}, NOW) as gateway:
        assert ask(gateway, "/spend/logs/v2", team_id="t", **LITELLM_DAY)[1]["total"] == 0


@pytest.mark.parametrize(("ends_before", "buckets"), [(False, ["01", "02"]), (True, ["01"])])
def test_anthropic_reads_its_end_in_one_of_two_ways(ends_before: bool, buckets: list[str]) -> None:
    with GatewayServer(ROWS, NOW, options=Options(anthropic_ends_before=ends_before)) as gateway:
        ends = {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-03T00:00:00Z"}
        _, body = ask(gateway, "/v1/organizations/usage_report/messages", **ends)
    assert [bucket["starting_at"][8:10] for bucket in body["data"]] == buckets


def test_openrouter_separates_workspaces_only_on_request() -> None:
    rows = [{"date": "2026-11-01", "model": "m", "workspace_id": f"ws_{n}", "requests": n} for n in (1, 2)]
    with GatewayServer({"openrouter": rows}, NOW) as gateway:
        assert ask(gateway, "/api/v1/activity", group_by="workspace")[1]["data"] == rows
        assert ask(gateway, "/api/v1/activity")[1]["data"] == [
            {"date": "2026-11-01", "model": "m", "requests": 3}
        ]
        assert ask(gateway, "/api/v1/activity", group_by="colour")[0] == 400
