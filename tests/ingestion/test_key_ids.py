"""Where the id of an API key belongs, the key itself is never kept: its SHA-256 stands for it."""

from __future__ import annotations

import hashlib

import pytest

from ingestion.dialects import DIALECTS

KEYS = ["sk-or-v1-0123456789abcdef0123", "inf_live_0123456789abcdef", "pk-ABCDEFGHIJKLMNOPQR"]


@pytest.mark.parametrize("neighbour", [[], ["broken"]], ids=["in bulk", "with care"])
def test_a_key_written_out_becomes_its_hash_and_an_id_stays(desk, call, neighbour):
    """The hash is the whole one and of nothing but the key: by it LiteLLM names the keys it keeps."""
    ids = ["key_1", "sk-web", "a note on sk-or-v1-0123456789abcdef0123", "sk-or-v1-0123456789abcdef0123 too"]
    desk.land([*(call(n, api_key_id=text) for n, text in enumerate(KEYS + ids)), *neighbour])
    desk.run()
    hashed = [hashlib.sha256(key.encode()).hexdigest() for key in KEYS]
    assert [row["api_key_id"] for row in desk.rows()] == hashed + ids


def test_every_dialect_hashes_what_it_calls_the_id_of_a_key():
    ids = {
        (dialect.name, stream.name, field.path): field.kind.of_a_key
        for dialect in DIALECTS.values()
        for stream in dialect.streams
        for field in stream.fields
        if field.name in ("api_key_id", "api_key_hash", "key_id", "key_alone") and field.kind.name == "text"
    }
    assert ids
    assert all(ids.values()), [place for place, is_hashed in ids.items() if not is_hashed]
