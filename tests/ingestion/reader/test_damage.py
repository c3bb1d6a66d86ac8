"""Damage to a file of any format: the run goes on, all other records stay the rows they were, and it balances."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.landing import landed
from ingestion.load import convert
from ingestion.sources import load_sources
from tests.ingestion.conftest import Desk

RECORDS = 8
OTHER = {"model_ratio": 1.5, "group_ratio": 0.9, "cache_tokens": 6, "cache_ratio": 0.1, "frt": 812.0}


def _call(number: int) -> str:
    usage = {"prompt_tokens": number, "completion_tokens": 2, "cost": number / 1000}
    call = {"request_id": f"id-{number}", "created_at": "2026-11-01T07:21:59.391Z", "model": "a/b"}
    return json.dumps({**call, "status": "success", "stream": True, "usage": usage})


def _item(number: int) -> str:
    item = {
        "id": number,
        "created_at": 1793517719,
        "type": 2,
        "model_name": "m",
        "quota": 99,
        "prompt_tokens": 5,
    }
    return json.dumps({**item, "request_id": f"id-{number}", "other": json.dumps(OTHER)})


def _row(number: int) -> str:
    named = '"quoted, name"' if number % 2 else "plain"
    return f"2026-11-01T07:21:59Z,id-{number},{named},success,5,6,11,0,1834,0.0023,0.002,0.001"


def _response(number: int) -> str:
    first = {"id": f"id-{number}", "created": 1793517719, "model": "a/b"}
    last = {**first, "usage": {"prompt_tokens": number, "completion_tokens": 1}}
    return f"data: {json.dumps(first)}\n\ndata: {json.dumps(last)}\n\ndata: [DONE]\n"


HEADER = (
    "Call Time,Request ID,Model Name,Call Status,Input Tokens,Output Tokens,Total Tokens,Cached Tokens,"
    "Processing Duration,List Price,Discounted Price,Cache-Optimized Price\n"
)

#: name → (stream, file, table, id column, record, before, between, after)
FORMATS = {
    "ndjson": ("infron/logs", "a.ndjson", "infron_logs", "request_id", _call, "", "\n", "\n"),
    "csv": ("infron/logs", "a.csv", "infron_logs_csv", "request_id", _row, HEADER, "\n", "\n"),
    "sse": ("infron/responses", "a.sse", "infron_responses", "id", _response, "", "\n", "\n"),
    "embedded": ("new_api/logs", "a.ndjson", "new_api_logs", "request_id", _item, "", "\n", "\n"),
    "pages": (
        "new_api/logs",
        "a.json",
        "new_api_logs",
        "request_id",
        _item,
        '{"data":{"items":[',
        ",",
        "]}}",
    ),
}

_RETYPED = (b"true", b'"x"', b"null", b"-1", b"5.5", b"[1]", b"{}", b"NaN", b"1e400")


@st.composite
def damaged_record(draw: st.DrawFn, record: bytes, *, quotes: bool) -> bytes:
    """A record with bytes flipped, its end cut, a value retyped, or a key doubled; never with more lines."""
    at = draw(st.integers(0, len(record) - 1))
    match draw(st.sampled_from(["flip", "cut", "retype", "double"])):
        case "flip":
            flipped = bytes([record[at] ^ draw(st.integers(1, 255))])
            kept = flipped in (b"\n", b"\r") or (flipped == b'"' and not quotes) or record[at] == ord("\n")
            return record if kept else record[:at] + flipped + record[at + 1 :]
        case "cut":
            # The line breaks of a record of several lines stay.
            return record[:at] + b"\n" * record[at:].count(b"\n")
        case "retype":
            numbers = list(re.finditer(rb"(?<=[:, ])[\d.]+", record))
            match = draw(st.sampled_from(numbers))
            return record[: match.start()] + draw(st.sampled_from(_RETYPED)) + record[match.end() :]
    keys = list(re.finditer(rb'\\?"\w+\\?": ?', record)) or list(re.finditer(rb"\w+,", record))
    match = draw(st.sampled_from(keys))
    return record[: match.end()] + b"7, " + match.group() + record[match.end() :]


def _landed(desk: Desk, form: tuple[Any, ...], records: list[bytes]) -> dict[str, dict[str, Any]]:
    stream, name, table, key, _, before, between, after = form
    content = before.encode() + between.encode().join(records) + after.encode()
    desk.land(content, name=name, stream=stream)
    for file in landed(desk.home, load_sources(desk.home)):
        convert(desk.home, file)
    assert desk.record()["lines"] >= 0
    return {row[key]: row for row in desk.rows(table)}


@pytest.mark.parametrize("name", FORMATS)
@settings(
    deadline=None, max_examples=8, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_stays_where_it_is_and_the_file_balances(desk, name, data):
    form = FORMATS[name]
    records = [form[4](number).encode() for number in range(1, RECORDS + 1)]
    whole = _landed(desk, form, records)
    assert sorted(whole) == [f"id-{number}" for number in range(1, RECORDS + 1)]
    at = data.draw(st.sets(st.integers(0, RECORDS - 1), min_size=1, max_size=3), label="damaged records")
    for index in at:
        # Two stray quotes could enclose what stands between them as one cell.
        records[index] = data.draw(damaged_record(records[index], quotes=len(at) == 1), label="becomes")
    found = _landed(desk, form, records)
    untouched = {f"id-{index + 1}" for index in range(RECORDS) if index not in at}
    if name == "pages" and not found:
        # What breaks the JSON of a body breaks the body.
        assert desk.record()["rejects"] >= 1
    else:
        assert {key: found[key] for key in untouched} == {key: whole[key] for key in untouched}
