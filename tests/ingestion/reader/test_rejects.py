"""An excerpt helps to find a line and contains no secrets."""

from __future__ import annotations

import json

import pytest

from ingestion.connectors.infron import LOGS
from ingestion.reader.rejects import EXCERPT_LENGTH, REASONS, redacted


@pytest.mark.parametrize(
    "line",
    [
        '{"request_id":"gen-1","messages":[{"role":"user","content":"my secret prompt"}],"status":1}',
        '{"request_id":"gen-1","messages":[{"role":"user","content":"my secret prom',
        '{"request_id":"gen-1","prompt":my secret prompt}',
        'my secret prompt","role":"user"}]}',
        "my secret prompt",
        '{"my answer": "secret prompt"',
        '["secret prompt", {"content": ["secret prompt"]}]',
        '{"status": "' + "secret prompt " * 20 + '"}',
        '{"error": "said \\"secret prompt\\" loudly"',
    ],
)
def test_no_prompt_or_answer_text_is_shown(line):
    shown = redacted(line.encode(), LOGS)
    assert "secret" not in shown
    assert "prompt " not in shown


@pytest.mark.parametrize(
    "secret",
    [
        "sk_live_abcdef123456",
        "rk-abc-DEF_123456",
        "Bearer eyJhbGciOi.x.y",
        "inf_0123456789",
        "whsec_0123456789",
    ],
)
def test_nothing_that_looks_like_a_key_is_shown(secret):
    shown = redacted(json.dumps({"request_id": "gen-1", "api_key_name": secret}).encode(), LOGS)
    assert secret.split()[-1] not in shown
    assert "gen-1" in shown


def test_ids_numbers_and_structure_are_shown():
    line = (
        b'{"request_id":"gen-1","status":"success","usage":{"prompt_tokens":-5,"cost":NaN},"note":"private"}'
    )
    assert redacted(line, LOGS) == (
        '{"request_id":"gen-1","status":"success","usage":{"prompt_tokens":-5,"cost":NaN},"note":"…"}'
    )


def test_a_markup_page_shows_its_beginning():
    assert redacted(b"<html><head><title>502 Bad Gateway</title>", LOGS).startswith("<html><head><title>502")


def test_an_excerpt_is_short():
    assert (
        len(redacted(json.dumps({"request_id": "x", "a": list(range(5000))}).encode(), LOGS))
        == EXCERPT_LENGTH
    )


def test_every_reason_is_a_code_with_a_sentence():
    for reason, sentence in REASONS.items():
        assert reason == reason.lower().replace(" ", "_")
        assert sentence.endswith((".", "?"))


@pytest.mark.parametrize("neighbour", ["", "bad"])
def test_a_key_quoted_in_an_error_stays_out_of_raw(desk, call, neighbour):
    said = 'Incorrect API key provided: sk-0123456789abcdef, sent as "Bearer abc.def".'
    desk.land([call(1, status="failure", error={"message": said}), neighbour])
    item = {"id": 1, "created_at": 1793517719, "type": 5, "content": said, "request_id": "a"}
    desk.land([item, neighbour], stream="aisa/logs")
    desk.run()
    shown = 'Incorrect API key provided: [secret], sent as "[secret]".'
    assert [row["content"] for row in desk.rows("new_api_logs")] == [shown]
    (row,) = desk.rows()
    assert "sk-0" not in row["error"]
    assert "abc.def" not in row["error"]
    assert row["error"].count("[secret]") == 2
