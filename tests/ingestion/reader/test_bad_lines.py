"""Bad lines end in rejects with line and reason; the lines around them are rows as if nothing had been."""

from __future__ import annotations

import json

import pytest


def text(record: dict, old: str = "", new: str = "") -> str:
    """A record as a line, with one piece of its text replaced."""
    line = json.dumps(record)
    assert old in line
    return line.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "reason", "field"),
    [
        ('"request_id": "gen-000002", ', "", "missing_field", "request_id"),
        ('"gen-000002"', '""', "missing_field", "request_id"),
        ('"gen-000002"', "null", "missing_field", "request_id"),
        ('"gen-000002"', '{"id": 2}', "wrong_type", "request_id"),
        ('"model": "anthropic/claude-sonnet-4-5", ', "", "missing_field", "model"),
        ('"created_at": "2026-11-01T07:21:59.391Z", ', "", "missing_field", "created_at"),
        ('"status": "success"', '"status": "partial"', "unknown_status", "status"),
        (
            '"prompt_tokens": 5124',
            '"prompt_tokens": 5124, "prompt_tokens": 5',
            "duplicate_key",
            "usage.prompt_tokens",
        ),
        (
            '"prompt_tokens": 5124',
            '"prompt_tokens": 12345678901234567890',
            "integer_out_of_range",
            "usage.prompt_tokens",
        ),
        (
            '"prompt_tokens": 5124',
            '"prompt_tokens": 9223372036854775808',
            "integer_out_of_range",
            "usage.prompt_tokens",
        ),
        (
            '"prompt_tokens": 5124',
            '"prompt_tokens": 1000000000',
            "token_count_out_of_range",
            "usage.prompt_tokens",
        ),
        ('"prompt_tokens": 5124', '"prompt_tokens": -1', "token_count_out_of_range", "usage.prompt_tokens"),
        ('"prompt_tokens": 5124', '"prompt_tokens": 5.7', "wrong_type", "usage.prompt_tokens"),
        ('"prompt_tokens": 5124', '"prompt_tokens": true', "wrong_type", "usage.prompt_tokens"),
        ('"prompt_tokens": 5124', '"prompt_tokens": "many"', "wrong_type", "usage.prompt_tokens"),
        ('"prompt_tokens": 5124', '"prompt_tokens": [5124]', "wrong_type", "usage.prompt_tokens"),
        ('"prompt_tokens": 5124', '"prompt_tokens": NaN', "non_finite_number", "usage.prompt_tokens"),
        ('"cost": 0.00169348', '"cost": NaN', "non_finite_number", "usage.cost"),
        ('"cost": 0.00169348', '"cost": -Infinity', "non_finite_number", "usage.cost"),
        ('"cost": 0.00169348', '"cost": 1e999', "money_out_of_range", "usage.cost"),
        ('"cost": 0.00169348', '"cost": 1000000', "money_out_of_range", "usage.cost"),
        ('"cost": 0.00169348', '"cost": -100000.000000000001', "money_out_of_range", "usage.cost"),
        (
            '"processing_ms": 1834',
            '"processing_ms": 1000000000001',
            "integer_out_of_range",
            "processing_ms",
        ),
        (
            '"discount_rate": 0.9',
            '"discount_rate": 100.1',
            "money_out_of_range",
            "usage.cost_details.discount_rate",
        ),
        ('"cost": 0.00169348', '"cost": true', "wrong_type", "usage.cost"),
        ('"cost": 0.00169348', '"cost": "cheap"', "wrong_type", "usage.cost"),
        ('"stream": true', '"stream": "perhaps"', "wrong_type", "stream"),
        ("2026-11-01T07:21:59.391Z", "2026-13-01T07:21:59Z", "invalid_time", "created_at"),
        ("2026-11-01T07:21:59.391Z", "yesterday", "invalid_time", "created_at"),
        ('"2026-11-01T07:21:59.391Z"', "1793517719", "wrong_type", "created_at"),
        ("2026-11-01T07:21:59.391Z", "1970-01-01T00:00:00Z", "time_out_of_range", "created_at"),
        ("2026-11-01T07:21:59.391Z", "9999-12-31T23:59:59Z", "time_out_of_range", "created_at"),
        ("2026-11-01T07:21:59.391Z", "infinity", "invalid_time", "created_at"),
        ('"api_key_id": "key_12"', '"api_key_id": "\\ud800"', "lone_surrogate", ""),
    ],
)
def test_a_value_that_cannot_be_defended_rejects_its_line_alone(desk, call, old, new, reason, field):
    desk.land([call(1), text(call(2), old, new), call(3)])
    desk.run()
    assert desk.reasons() == {2: reason}
    assert field in desk.rejects()[0]["detail"]
    assert [(row["request_id"], row["raw_line"]) for row in desk.rows()] == [
        ("gen-000001", 1),
        ("gen-000003", 3),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json at all", "malformed_json"),
        ('{"request_id": "gen-2",', "malformed_json"),
        ("{'request_id': 'gen-2'}", "malformed_json"),
        ('{"a": 01}', "malformed_json"),
        ("[1, 2]", "not_an_object"),
        ("null", "not_an_object"),
        ('"gen-2"', "not_an_object"),
        ("{}", "missing_field"),
        ("{}{}", "malformed_json"),
        ("[" * 100_000, "malformed_json"),
        ("[INFO] listening", "malformed_json"),
        ('[{"a": 1', "malformed_json"),
    ],
)
def test_a_line_that_is_no_record_is_rejected_with_its_number(desk, call, line, reason):
    desk.land([call(1), line, call(3)])
    desk.run()
    assert desk.reasons() == {2: reason}
    assert [row["raw_line"] for row in desk.rows()] == [1, 3]


def test_bytes_that_are_not_utf8_reject_their_line_alone(desk, call):
    good = json.dumps(call(1)).encode()
    desk.land(good + b"\n" + good.replace(b"key_12", b"key_\xff") + b"\n" + good + b"\n")
    desk.run()
    assert desk.reasons() == {2: "invalid_utf8"}


def test_a_last_line_without_newline_is_a_line_like_any_other(desk, call):
    desk.land(f"{json.dumps(call(1))}\n{json.dumps(call(2))}".encode())
    desk.run()
    assert [row["request_id"] for row in desk.rows()] == ["gen-000001", "gen-000002"]
    assert desk.record()["lines"] == 2


@pytest.mark.parametrize("kept", [1, 40, 300])
def test_a_last_line_that_was_cut_is_rejected_as_truncated(desk, call, kept):
    desk.land(f"{json.dumps(call(1))}\n{json.dumps(call(2))[:kept]}".encode())
    desk.run()
    assert desk.reasons() == {2: "truncated_line"}
    assert len(desk.rows()) == 1


def test_the_complete_file_delivered_later_replaces_the_truncated_one(desk, call):
    whole = f"{json.dumps(call(1))}\n{json.dumps(call(2))}\n".encode()
    desk.land(whole[:-40])
    desk.run()
    desk.land(whole)
    desk.run()
    assert desk.reasons() == {}
    assert len(desk.rows()) == 2


def test_a_successful_call_without_usage_is_rejected_and_a_failed_one_is_not(desk, call):
    desk.land(
        [
            call(1, status="success", **{"usage": None}) | {"usage": None},
            call(2, status="failure") | {"usage": None},
        ]
    )
    desk.run()
    assert desk.reasons() == {1: "missing_field"}
    assert [row["has_usage"] for row in desk.rows()] == [False]


def test_contradictory_counts_are_kept_and_flagged(desk, call):
    details = {"cached_tokens": 9000, "cache_write_tokens": 0}
    desk.land([call(1, usage={"total_tokens": 1, "prompt_tokens_details": details})])
    desk.run()
    (row,) = desk.rows()
    assert (row["usage_prompt_tokens"], row["cache_read_tokens"], row["usage_total_tokens"]) == (
        5124,
        9000,
        1,
    )
    assert row["usage_source"] == "contradictory"


def test_a_fault_inside_dropped_content_is_nobodys_money(desk, call):
    line = text(call(1), '"status"', '"messages": {"a": NaN, "b": 1, "b": 2}, "status"')
    bad = "broken"
    desk.land([line, bad])
    desk.run()
    assert desk.reasons() == {2: "malformed_json"}
    assert len(desk.rows()) == 1


@pytest.mark.parametrize("position", [0, 1])
def test_a_byte_order_mark_loses_no_line_and_is_noted(desk, call, position):
    """A mark before the first line, and one in the middle where two files were concatenated."""
    lines = [json.dumps(call(1)), json.dumps(call(2))]
    lines[position] = "\ufeff" + lines[position]
    desk.land(lines)
    desk.run()
    assert desk.reasons() == {}
    assert len(desk.rows()) == 2
    assert desk.record()["notes"] == ["byte_order_mark"]


def test_utf16_without_its_mark_is_rejected_line_by_line(desk, call):
    desk.land("\n".join(json.dumps(call(n)) for n in (1, 2)).encode("utf-16-le"))
    desk.run()
    assert set(desk.reasons().values()) <= {"invalid_utf8", "malformed_json", "truncated_line"}
    assert desk.rows() == []


def test_an_empty_file_is_read_and_holds_nothing(desk):
    desk.land(b"")
    desk.run()
    assert (desk.record()["lines"], desk.record()["raw_file"]) == (0, None)
    assert desk.run() == []


@pytest.mark.parametrize("blank", ["", "   ", "\t", "\r"])
def test_blank_lines_are_counted_and_keep_the_numbers_of_the_others_right(desk, call, blank):
    desk.land([blank, call(1), blank, blank, call(2), blank])
    desk.run()
    assert [row["raw_line"] for row in desk.rows()] == [2, 5]
    assert desk.record()["blank_lines"] == 4


def test_blank_lines_at_the_end_alone_do_not_need_the_careful_read(desk, call, monkeypatch):
    monkeypatch.setattr("ingestion.reader.careful.read_lines", None)
    desk.land([call(1), call(2), "", " "])
    desk.run()
    assert (desk.record()["events"], desk.record()["blank_lines"]) == (2, 2)


def test_windows_line_ends_change_nothing(desk, call):
    desk.land(b"".join(json.dumps(call(n)).encode() + b"\r\n" for n in (1, 2)) + b"bad\r\n")
    desk.run()
    assert [row["raw_line"] for row in desk.rows()] == [1, 2]
    assert desk.reasons() == {3: "malformed_json"}


def test_a_line_beyond_all_measure_is_rejected_without_being_shown(desk, call, monkeypatch):
    monkeypatch.setattr("ingestion.reader.careful.LONGEST_LINE", 5_000)
    desk.land([call(1), call(2, error="x" * 20_000), call(3), "bad"])
    desk.run()
    assert desk.reasons() == {2: "line_too_long", 4: "malformed_json"}
    assert [row["raw_line"] for row in desk.rows()] == [1, 3]


@pytest.mark.parametrize(
    "model",
    [
        "a'b\"c",
        "'; drop table x; --",
        "new\nline",
        "\u202eltr",
        "🦆" * 20,
        "m" * 10_000,
        "nul\x00l",
        "{guid}",
        "a" * 300,
    ],
)
@pytest.mark.parametrize("neighbour", ["", "bad"])
def test_a_strange_model_name_survives_to_the_letter_on_either_way(desk, call, model, neighbour):
    desk.land([call(1, model=model), neighbour])
    desk.run()
    (row,) = desk.rows()
    assert row["model"] == model
    assert desk.record()["models"] == [
        {"event_date": "2026-11-01", "provider": "", "model": model, "events": 1}
    ]


def test_an_error_object_is_kept_as_short_text(desk, call):
    desk.land([call(1, status="failure", error={"code": 500, "ratio": 1.10, "message": "m" * 500})])
    desk.land(
        [call(1, status="failure", error={"code": 500, "ratio": 1.10, "message": "m" * 500}), "bad"],
        name="b.ndjson",
    )
    desk.run()
    bulk, careful = desk.rows()
    assert bulk["error"] == careful["error"]
    assert bulk["error"].startswith('{"code":500,"ratio":1.1,"message":"mmm')
    assert len(bulk["error"]) == 300
