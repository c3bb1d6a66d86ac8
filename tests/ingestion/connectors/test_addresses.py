"""The addresses of callers: dropped, unless a source asks for them or for their hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

ADDRESS = "203.0.113.7"
ITEM = {"created_at": 1793517719, "type": 2, "model_name": "gpt-4o", "quota": 100, "prompt_tokens": 20}
SPEND = {
    "request_id": "req_1",
    "call_type": "acompletion",
    "startTime": "2026-11-01T07:21:59Z",
    "endTime": "2026-11-01T07:22:00Z",
    "model": "gpt-4o",
    "spend": 0.1,
}
#: Stream, line with an address, raw table.
DELIVERED = [
    ("aisa/logs", ITEM | {"ip": ADDRESS}, "new_api_logs"),
    ("litellm/spend_logs", SPEND | {"requester_ip_address": ADDRESS}, "litellm_spend_logs"),
]


def configure(desk: Any, setting: str) -> None:
    connectors = {stream.partition("/")[0] for stream, _, _ in DELIVERED}
    entries = "".join(f"  {name}: {{connector: {name}{setting}}}\n" for name in sorted(connectors))
    desk.home.sources_file.write_text(f"sources:\n{entries}")


@pytest.mark.parametrize(("stream", "line", "table"), DELIVERED)
@pytest.mark.parametrize(
    ("setting", "kept"),
    [(", ip: keep", ADDRESS), (", ip: hash", hashlib.sha256(ADDRESS.encode()).hexdigest())],
)
def test_a_source_that_asks_for_addresses_has_them_in_raw(
    desk, stream: str, line: dict[str, Any], table: str, setting: str, kept: str
) -> None:
    configure(desk, setting)
    address = next(name for name in line if name.endswith(("ip", "ip_address")))
    desk.land([line, line | {address: "", "request_id": "req_2"}], stream=stream)
    desk.run()
    assert [row["ip"] for row in desk.rows(table)] == [kept, None]
    assert desk.record()["unknown_fields"] == []


@pytest.mark.parametrize(("stream", "line", "table"), DELIVERED)
def test_no_address_is_kept_of_any_other_source(desk, stream: str, line: dict[str, Any], table: str) -> None:
    desk.land([line], stream=stream)
    desk.run()
    assert [row["ip"] for row in desk.rows(table)] == [None]
    assert ADDRESS not in json.dumps(desk.rows(table), default=str)


@pytest.mark.parametrize(("stream", "line", "table"), DELIVERED)
def test_files_are_read_again_when_the_setting_changes(
    desk, stream: str, line: dict[str, Any], table: str
) -> None:
    desk.land([line], stream=stream)
    desk.run()
    configure(desk, ", ip: keep")
    desk.run()
    assert [row["ip"] for row in desk.rows(table)] == [ADDRESS]
    configure(desk, "")
    desk.run()
    assert ADDRESS not in json.dumps(desk.rows(table), default=str)
    assert desk.run() == []


def test_another_word_is_refused(desk) -> None:
    configure(desk, ", ip: all")
    desk.land([ITEM], stream="aisa/logs")
    with pytest.raises(ValueError, match="'hash' or 'keep'"):
        desk.run()
