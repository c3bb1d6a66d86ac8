"""Every shape Infery delivers, line by line: calls five ways, sums, plans and invoices."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "infery"


def _landed(desk, name: str, stream: str) -> list[dict]:
    desk.land((FIXTURES / name).read_bytes(), name=name, stream=f"infery/{stream}")
    desk.run()
    assert desk.rejects() == []
    assert desk.record()["unknown_fields"] == []
    return desk.rows(f"infery_{stream}")


def test_the_nine_columns_of_the_export_land_with_their_physical_lines(desk):
    first, second, third = _landed(desk, "usage.csv", "usage")
    assert (first["raw_line"], second["raw_line"], third["raw_line"]) == (2, 3, 4)
    assert first["occurred_at"] == datetime(2026, 11, 1, 7, 21, 59, 391000)
    assert (first["prompt_tokens"], first["completion_tokens"], first["credits_used"]) == (5124, 316, 2)
    assert (second["fallback_depth"], second["latency_ms"]) == (2, 900)
    assert third["api_key_id"] is None


def test_columns_of_the_export_may_come_in_any_order_and_with_others(desk):
    text = (
        "request_id,model,latency_ms,note,timestamp,prompt_tokens,completion_tokens,credits_used,"
        'fallback_depth,api_key_id\nreq_1,gpt-4o,5,"a, b",2026-11-01T07:00:00Z,1,2,3,0,key_1\n'
    )
    desk.land(text.encode(), name="a.csv", stream="infery/usage")
    desk.run()
    (row,) = desk.rows("infery_usage")
    assert (row["request_id"], row["prompt_tokens"], row["credits_used"]) == ("req_1", 1, 3)
    assert desk.record()["unknown_fields"] == ["note"]


def test_calls_of_the_usage_api_are_numbered_by_their_place_in_the_page(desk):
    rows = _landed(desk, "usage_api.json", "usage_api")
    assert [(row["raw_line"], row["request_id"]) for row in rows] == [(1, "req_01"), (2, "req_04")]
    assert desk.record()["event_days"] == [{"event_date": "2026-11-01", "events": 2}]


def test_sums_know_what_they_are_by_and_which_window_they_cover_and_are_no_events(desk):
    rows = _landed(desk, "usage_api_grouped.json", "usage_api_grouped")
    assert [(row["group_by"], row["model"], row["requests"]) for row in rows] == [
        ("model", "gpt-4o", 120),
        ("model", "gpt-4o-mini", 3),
    ]
    assert {(row["period_start"], row["period_end"]) for row in rows} == {
        (datetime(2026, 11, 1), datetime(2026, 11, 2))
    }
    assert "occurred_at" not in rows[0]
    assert desk.record()["event_days"] == []


def test_sums_that_lie_among_the_calls_are_told_by_their_body_and_stay_sums(desk):
    for name in ("usage_api.json", "usage_api_grouped.json"):
        desk.land((FIXTURES / name).read_bytes(), name=name, stream="infery/usage_api")
    assert [result.skipped for result in desk.run()] == [False, False]
    assert desk.rejects() == []
    assert [row["request_id"] for row in desk.rows("infery_usage_api")] == ["req_01", "req_04"]
    sums = desk.rows("infery_usage_api_grouped")
    assert [(row["model"], row["requests"]) for row in sums] == [("gpt-4o", 120), ("gpt-4o-mini", 3)]
    assert desk.run() == []


def test_sums_by_key_and_member_land_under_either_name(desk):
    page = (
        '{"data": [{"key": "key_1", "requests": 1}, {"api_key_id": "key_2", "requests": 2},'
        ' {"member": "mem_1", "requests": 3}], "group_by": "key", "start": "2026-11-01T00:00:00Z",'
        ' "end": "2026-11-02T00:00:00Z", "has_more": false}'
    )
    desk.land(page.encode(), name="a.json", stream="infery/usage_api_grouped")
    desk.run()
    found = [(row["api_key_id"], row["member_id"]) for row in desk.rows("infery_usage_api_grouped")]
    assert found == [("key_1", None), ("key_2", None), (None, "mem_1")]


def test_the_drill_down_keeps_its_four_times_and_both_models(desk):
    call, playground = _landed(desk, "requests.ndjson", "requests")
    assert call["occurred_at"] == call["gateway_out"] == datetime(2026, 11, 1, 8, 0, 0, 120000)
    assert call["provider_in"] == datetime(2026, 11, 1, 7, 59, 59, 260000)
    assert (call["model_requested"], call["model_used"], call["fallback"]) == ("gpt-4o", "gpt-4o-mini", True)
    assert (call["member_id"], playground["member_id"], playground["origin"]) == (None, "mem_4", "playground")


def test_captured_headers_are_numbers_in_text_and_may_come_without_usage(desk):
    cached, fallen_back, without = _landed(desk, "headers.ndjson", "headers")
    assert (cached["credits_used"], cached["uncached_input_tokens"]) == (2, 4100)
    assert (cached["cache_read_tokens"], cached["reasoning_tokens"]) == (1024, 25)
    assert (fallen_back["fallback_from"], fallen_back["model_used"]) == ("claude-sonnet-4-5", "gpt-4o")
    assert (without["usage_source"], without["credits_used"]) == ("missing", 1)


def test_captured_usage_is_read_in_the_shape_of_its_route(desk):
    """The messages' input is without its cache: 10 + 90 = 100."""
    usage = {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 5}
    captured = {"at": "2026-11-01T07:21:59Z", "x-request-id": "req_1", "usage": usage}
    desk.land([captured], stream="infery/headers")
    desk.run()
    [row] = desk.rows("infery_headers")
    assert (row["input_tokens"], row["cache_read_tokens"], row["output_tokens"]) == (100, 90, 5)


def test_captured_bodies_have_their_credits_and_the_id_of_the_gateway(desk):
    body, message = _landed(desk, "responses.ndjson", "responses")
    assert (body["request_id"], body["model"], body["credits_used"]) == ("req_01", "gpt-4o", 2)
    assert (body["uncached_input_tokens"], body["cache_read_tokens"]) == (4100, 1024)
    assert (body["output_text_tokens"], body["reasoning_tokens"]) == (291, 25)
    assert (message["request_id"], message["model"], message["credits_used"]) == (
        "req_07",
        "claude-sonnet-4-5",
        3,
    )
    assert (message["fallback_from"], message["occurred_at"]) == ("gpt-4o", datetime(2026, 11, 1, 11))
    assert (message["input_tokens"], message["cache_read_tokens"]) == (4012, 4000)


def test_the_tail_of_a_recorded_stream_has_usage_and_credits(desk):
    whole, broken_off = _landed(desk, "responses.sse", "responses")
    assert (whole["request_id"], whole["model"], whole["credits_used"]) == ("req_08", "gpt-4o-mini", 2)
    assert (whole["is_stream"], whole["raw_line"]) == (True, 7)
    assert (whole["uncached_input_tokens"], whole["cache_read_tokens"]) == (400, 600)
    assert (broken_off["usage_source"], broken_off["credits_used"]) == ("missing", None)


def test_the_total_of_the_drill_down_that_is_no_sum_is_contradictory(desk):
    call = {"timings": {"gateway_out": "2026-11-01T07:21:59Z"}, "prompt_tokens": 35, "completion_tokens": 12}
    desk.land(
        [
            {**call, "request_id": "req_1", "total_tokens": 109},
            {**call, "request_id": "req_2", "total_tokens": 47},
        ],
        stream="infery/requests",
    )
    desk.run()
    found = [row["usage_source"] for row in desk.rows("infery_requests")]
    assert found == ["contradictory", "reported"]


def test_plans_land(desk):
    team, scale = _landed(desk, "plans.ndjson", "plans")
    assert (team["monthly_credits_expire"], scale["monthly_credits_expire"]) == (True, False)
    assert (scale["monthly_credits"], scale["valid_from"]) == (20000, datetime(2026, 11, 1))


def test_an_invoice_keeps_its_decimals(desk):
    (invoice,) = _landed(desk, "invoices.ndjson", "invoices")
    assert (invoice["net"], invoice["vat"], invoice["total"]) == (
        Decimal("41.67"),
        Decimal("8.33"),
        Decimal("50.00"),
    )
    assert (invoice["vat_rate"], invoice["credits"]) == (Decimal("0.20"), 5000)


def test_a_call_belongs_to_the_day_it_ended_and_to_the_model_that_served(desk):
    call = {
        "request_id": "req_1",
        "timings": {
            "gateway_in": "2026-10-31T23:59:58Z",
            "provider_in": "2026-10-31T23:59:58.1Z",
            "provider_out": "2026-11-01T00:00:03Z",
            "gateway_out": "2026-11-01T00:00:03.2Z",
        },
        "model_requested": "claude-sonnet-4-5",
        "model_used": "openai/gpt-4o",
    }
    desk.land([call], stream="infery/requests")
    desk.run()
    assert desk.record()["event_days"] == [{"event_date": "2026-11-01", "events": 1}]
    assert desk.record()["models"] == [
        {"event_date": "2026-11-01", "provider": "openai", "model": "gpt-4o", "events": 1}
    ]
