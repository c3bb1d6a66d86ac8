"""Where the id of an API key belongs, the key itself is never kept: its SHA-256 stands for it."""

from __future__ import annotations

import hashlib

import pytest

from ingestion.connectors import CONNECTORS

CALL_IDS = {
    *(
        "id",
        "request_id",
        "upstream_request_id",
        "litellm_call_id",
        "trace_id",
        "call_id",
        "call_id_in_metadata",
    ),
    *("request_header", "request_id_beside", "request_id_of_aws", "id_of_response", "id_of_gemini"),
}
KEYS = ["sk-or-v1-0123456789abcdef0123", "inf_live_0123456789abcdef", "pk-ABCDEFGHIJKLMNOPQR"]


@pytest.mark.parametrize("neighbour", [[], ["broken"]], ids=["in bulk", "with care"])
def test_a_key_written_out_becomes_its_hash_and_an_id_stays(desk, call, neighbour):
    """LiteLLM names a key by the hash of nothing but the key; a name with a key in it is hashed whole."""
    ids = ["key_1", "sk-web"]
    named = ["a note on sk-or-v1-0123456789abcdef0123", "sk-or-v1-0123456789abcdef0123 too"]
    desk.land([*(call(n, api_key_id=text) for n, text in enumerate(KEYS + named + ids)), *neighbour])
    desk.run()
    hashed = [hashlib.sha256(text.encode()).hexdigest() for text in KEYS + named]
    assert [row["api_key_id"] for row in desk.rows()] == hashed + ids


def test_every_text_that_people_name_is_searched_whole():
    """Only what a program gave as the id of a call is searched by its beginning."""
    by_beginning = {
        field.name
        for connector in CONNECTORS.values()
        for stream in connector.streams
        for field in stream.fields
        if field.kind.holds == "id"
    }
    assert by_beginning <= CALL_IDS
