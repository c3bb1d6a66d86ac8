"""New-API's log: items and pages, JSON inside a string, the console's table, and what is no value."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ingestion.connectors.new_api import AISA, CONSOLE_TABLE, LOGS, NEW_API, ONE_API, TOKENOPEN

FIXTURES = Path(__file__).parents[2] / "fixtures" / "new_api"
TABLE = "new_api_logs"


def item(other: dict[str, Any] | str = "", **changes: Any) -> dict[str, Any]:
    """A log item of a call; `other` is written as the gateway writes it, JSON inside a string."""
    row = {"created_at": 1793517719, "type": 2, "model_name": "gpt-4o", "quota": 100, "prompt_tokens": 20}
    text = other if isinstance(other, str) else json.dumps(other)
    return {**row, "other": text, **changes}


def test_the_contracts_item_lands_with_what_other_holds(desk) -> None:
    desk.land((FIXTURES / "contract_sample.ndjson").read_bytes(), stream="aisa/logs")
    desk.run()
    (row,) = desk.rows(TABLE)
    expected = {
        "occurred_at": datetime(2026, 11, 1, 7, 21, 59),
        "log_type": 2,
        "id": 88121,
        "token_id": 31,
        "channel_id": 12,
        "quota": 9923,
        "use_time": 4,
        "group_name": "vip",
        "model_ratio": Decimal("1.5"),
        "group_ratio": Decimal("0.9"),
        "user_group_ratio": Decimal(-1),
        "model_price": Decimal(-1),
        "cache_tokens": 6000,
        "cache_creation_tokens": 1000,
        "cache_creation_ratio": Decimal("1.25"),
        "frt_ms": 812,
        "request_path": "/v1/chat/completions",
        "extra": None,
    }
    assert {name: row[name] for name in expected} == expected
    assert desk.record()["unknown_fields"] == []
    assert desk.record()["models"] == [
        {"event_date": "2026-11-01", "provider": "", "model": "claude-sonnet-4-5", "events": 1}
    ]


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ('{"model_ratio":1.5,"task_id":"t"}', None),
        ('{"model_ratio":1.5,"admin_info":{"use_channel":[1,2]}}', None),
        ('{"model_ratio":1.5,"model_ratio":2}', "duplicate_key"),
        ('{"model_ratio":1.5,"admin_info":{"use_channel":[1],"use_channel":[2]}}', "duplicate_key"),
        ('{"model_ratio":1.5,"admin_info":5}', "wrong_type"),
    ],
)
def test_other_may_be_unlike_all_that_was_seen_of_it(desk, odd: str, reason: str | None) -> None:
    """Nobody looks at line 1501 of 3000 before the file is read, so its keys are not expected."""
    items = [item({"model_ratio": 1.5}) for _ in range(3000)]
    items[1500]["other"] = odd
    desk.land(items, stream="aisa/logs")
    desk.run()
    rows = {row["raw_line"]: row for row in desk.rows(TABLE)}
    assert desk.reasons() == ({1501: reason} if reason else {})
    assert len(rows) == (2999 if reason else 3000)
    if not reason:
        assert (rows[1501]["task_id"], rows[1501]["fallback_depth"]) in {("t", None), (None, 1)}


def test_items_and_pages_of_every_generation_fill_one_table(desk) -> None:
    for name in ("page.json", "old_page.json", "empty_page.json", "items.ndjson"):
        desk.land((FIXTURES / name).read_bytes(), name, "aisa/logs")
    desk.run()
    counts = {content["landing_file"].rpartition("/")[2]: content["events"] for content in desk.records()}
    assert counts == {"page.json": 14, "old_page.json": 2, "empty_page.json": 0, "items.ndjson": 27}
    assert len(desk.rows(TABLE)) == 43
    assert desk.rejects() == []


def test_a_failure_under_http_200_is_a_reject_with_its_reason(desk) -> None:
    desk.land((FIXTURES / "refused.json").read_bytes(), "refused.json", "aisa/logs")
    desk.run()
    (reject,) = desk.rejects()
    assert (reject["reason"], reject["raw_line"], desk.record()["events"]) == ("refused_by_api", 1, 0)


@pytest.mark.parametrize(
    ("frt", "kept"),
    [(812.0, 812), (0, 0), (-1000, None), (-62135596800000.0, None), (9.3e18, None), ("soon", None)],
)
def test_a_first_byte_that_never_came_is_no_wait(desk, frt: Any, kept: int | None) -> None:
    desk.land([item({"frt": frt})], stream="aisa/logs")
    desk.run()
    assert [row["frt_ms"] for row in desk.rows(TABLE)] == [kept]


def test_a_retry_chain_is_kept_as_its_length(desk) -> None:
    chains = [None, [], ["12"], ["12", "15", "18"]]
    desk.land([item({"admin_info": {"use_channel": chain}}) for chain in chains], stream="aisa/logs")
    desk.run()
    assert [row["fallback_depth"] for row in desk.rows(TABLE)] == [None, 0, 0, 2]


@pytest.mark.parametrize("neighbour", [[], ["}{"]], ids=["fast", "careful"])
@pytest.mark.parametrize(
    "odd", ["", " ", "null", " null", "[]", "[1]", "5", "0.5", "true", '"x"', None, [], [1], 5, False]
)
def test_where_other_is_no_object_the_event_stays(desk, odd: Any, neighbour: list[str]) -> None:
    """A user's log says `null` where nothing was written; whatever else stands there, the quota was charged."""
    known = item({"model_ratio": 1.5})
    desk.land([known, item() | {"other": odd}, known, *neighbour], stream="aisa/logs")
    desk.run()
    found = desk.rows(TABLE)
    assert [(row["quota"], row["model_ratio"]) for row in found] == [
        (100, Decimal("1.5")),
        (100, None),
        (100, Decimal("1.5")),
    ]
    assert len(desk.rejects()) == len(neighbour)
    assert desk.record()["unknown_fields"] == []


@pytest.mark.parametrize("neighbour", [[], ["}{"]], ids=["fast", "careful"])
@pytest.mark.parametrize("lines", [6, 3000])
def test_a_row_names_the_undeclared_fields_of_other(desk, lines: int, neighbour: list[str]) -> None:
    """Names only, sorted and in measure, never what looks like a key; one of 3,000 lines, or one of six."""
    odd = {
        3: ({"model_ratio": 1, "new_fee": 5, "a,b": None}, "a;b,new_fee"),
        4: ({"model_ratio": 1, "admin_info": {"x": 1}, "stream_status": {"y": 1}}, None),
        5: ({"model_ratio": 1, "sk-abcdefghijklmnop": 1}, "[secret]"),
        6: ({f"n{number:02}": 1 for number in range(30)}, ",".join(f"n{number:02}" for number in range(20))),
    }
    items = [item({"model_ratio": 1}) for _ in range(lines)]
    at = {(number + lines // 2 - 4 if lines > 6 else number): case for number, case in odd.items()}
    for line, (other, _) in at.items():
        items[line - 1] = item(other)
    desk.land([*items, *neighbour], stream="aisa/logs")
    desk.run()
    found = {row["raw_line"]: row["unknown_fields"] for row in desk.rows(TABLE)}
    assert len(found) == lines
    assert {line: names for line, names in found.items() if names} == {
        line: names for line, (_, names) in at.items() if names
    }


def test_other_may_be_empty_but_not_broken_and_no_charge_may_be_missing(desk) -> None:
    lines = [
        item(""),
        item(None) | {"other": None},
        item('{"model_ratio": 1.5'),
        item({"cache_tokens": -5}),
        item({"model_ratio": "much"}),
        item(quota=None),
        item(quota=None, type=4),
        item(quota=500_000_000_000),
        item(created_at=1793517719391),
        item(type=None),
    ]
    desk.land(lines, stream="aisa/logs")
    desk.run()
    assert desk.reasons() == {
        3: "malformed_json",
        4: "token_count_out_of_range",
        5: "wrong_type",
        6: "missing_field",
        8: "money_out_of_range",
        9: "invalid_time",
        10: "missing_field",
    }


def test_the_address_of_the_caller_stays_in_landing(desk) -> None:
    desk.land([item(ip="203.0.113.9")], stream="new_api/logs")
    desk.run()
    (row,) = desk.rows(TABLE)
    assert "203.0.113.9" not in str(row)


def test_the_console_table_is_read_by_its_headers(desk) -> None:
    for name in ("console.csv", "console_summer.csv"):
        desk.land((FIXTURES / name).read_bytes(), name, "tokenopen/logs")
    desk.run()
    found = desk.rows("new_api_logs_csv")
    assert [row["usage_quota"] for row in found[:4]] == [9923, 9923, Decimal("9922.5"), 0]
    assert (found[3]["http_status"], found[3]["error"]) == (429, "rate limit, try again")
    assert (found[6]["cost"], found[6]["token_name"]) == (Decimal("0.019846"), "prod-web")
    assert [row["raw_line"] for row in found] == [2, 3, 4, 5, 6, 7, 2]


def test_a_pending_topup_was_completed_at_no_time(desk) -> None:
    desk.land((FIXTURES / "topups.ndjson").read_bytes(), stream="aisa/topups")
    desk.run()
    assert [row["complete_time"] for row in desk.rows("new_api_topups")][:2] == [
        None,
        datetime(2026, 11, 1, 7, 22, 59),
    ]


def test_the_family_shares_its_tables() -> None:
    assert {stream.table for connector in (NEW_API, AISA) for stream in connector.streams} == {
        *("new_api_logs", "new_api_topups", "new_api_data", "new_api_status"),
    }
    assert CONSOLE_TABLE in TOKENOPEN.streams
    assert ONE_API.streams[0] is LOGS


def test_a_service_tier_that_only_forks_write_is_named_as_unknown(desk):
    other = {"model_ratio": 1, "service_tier": "priority", "service_tier_multiplier": 2}
    desk.land([item(other), item({"model_ratio": 1, "request_rules": []})], stream="aisa/logs")
    desk.run()
    found = [row["unknown_fields"] for row in desk.rows(TABLE)]
    assert found == ["service_tier,service_tier_multiplier", None]
