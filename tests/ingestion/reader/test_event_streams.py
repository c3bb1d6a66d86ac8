"""Recorded streams: one response is one row, whatever its chunks, and no text is kept."""

from __future__ import annotations

import json

DONE = "data: [DONE]"


def chunk(response: str, **more) -> str:
    said = {
        "id": response,
        "created": 1793517719,
        "model": "anthropic/m",
        "choices": [{"delta": {"content": "x"}}],
    }
    return "data: " + json.dumps({**said, **more})


def usage(response: str, tokens: int) -> str:
    return chunk(response, choices=[], usage={"prompt_tokens": tokens, "completion_tokens": 1})


def landed(desk, *lines: str) -> list[tuple]:
    desk.land("\n".join(lines).encode("utf-8", "surrogateescape"), name="a.sse", stream="infron/responses")
    desk.run()
    found = desk.rows("infron_responses")
    return [(row["id"], row["usage_prompt_tokens"], row["has_usage"], row["raw_line"]) for row in found]


def test_the_last_chunk_with_usage_counts_and_its_line_is_the_rows(desk):
    found = landed(
        desk, chunk("a"), "", usage("a", 5), "", usage("a", 7), "", chunk("a", usage=None), "", DONE
    )
    assert found == [("a", 7, True, 5)]
    assert desk.record()["lines"] == 1


def test_responses_follow_each_other_with_and_without_done(desk):
    found = landed(desk, usage("a", 1), "", DONE, "", chunk("b"), chunk("b"), "", usage("c", 3), DONE, DONE)
    assert found == [("a", 1, True, 1), ("b", None, False, 5), ("c", 3, True, 8)]


def test_comments_and_other_fields_are_ignored(desk):
    found = landed(desk, ": ping", "event: message", "id: 5", "retry: 10", usage("a", 1), "", "data:[DONE]")
    assert found == [("a", 1, True, 5)]
    assert desk.rejects() == []


def test_fields_missing_in_the_chunk_with_usage_come_from_the_first(desk):
    found = landed(desk, chunk("a"), 'data: {"usage": {"prompt_tokens": 4}}', DONE)
    assert found == [("a", 4, True, 2)]


def test_a_broken_line_is_rejected_and_the_response_stands(desk):
    found = landed(desk, chunk("a"), 'data: {"id": "a", "cho', "garbage", "\udcff", usage("a", 2), DONE)
    assert found == [("a", 2, True, 5)]
    assert desk.reasons() == {2: "malformed_json", 3: "malformed_event", 4: "invalid_utf8"}
    assert desk.record()["lines"] == 4


def test_a_bad_value_rejects_the_response_at_its_line(desk):
    assert landed(desk, chunk("a"), "", usage("a", -1), "", DONE, usage("b", 1)) == [("b", 1, True, 6)]
    assert desk.reasons() == {3: "token_count_out_of_range"}


def test_a_recording_of_nothing_holds_nothing(desk):
    assert landed(desk, "", DONE, "") == []
    assert desk.record()["lines"] == 0


def test_a_response_inside_its_events_is_read_and_its_text_is_not(desk):
    """OpenAI's responses hold the whole response in each event of its state."""
    response = {"id": "r", "created_at": 1793517719, "model": "openai/m"}
    tokens = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    events = [
        {"type": "response.created", "response": {**response, "usage": None}},
        {"type": "response.output_text.delta", "delta": "never kept"},
        {"type": "response.completed", "response": {**response, "output": ["never kept"], "usage": tokens}},
    ]
    landed(desk, *(f"data: {json.dumps(event)}" for event in events))
    [row] = desk.rows("infron_responses")
    assert (row["id"], row["input_tokens"], row["output_tokens"], row["raw_line"]) == ("r", 5, 2, 3)


def test_the_counts_of_a_message_are_those_of_its_start_and_its_end(desk):
    start = {"id": "m", "model": "c", "usage": {"input_tokens": 3, "cache_read_input_tokens": 9}}
    events = [
        {"type": "message_start", "message": {**start, "created": 1793517719}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 44}},
    ]
    landed(desk, *(f"data: {json.dumps(event)}" for event in events))
    [row] = desk.rows("infron_responses")
    assert (row["input_tokens"], row["output_tokens"], row["uncached_input_tokens"]) == (12, 44, 3)


def gemini(response: str, *, prompt: int = 40, **counts: int) -> str:
    """A chunk of streamGenerateContent as Vertex AI writes it: usage so far in each, no [DONE], lines end in CR LF."""
    usage = {"promptTokenCount": prompt, **counts}
    usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": prompt}]
    chunk = {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "never kept"}]}, "index": 0}],
        "usageMetadata": usage,
        "modelVersion": "gemini-2.5-flash",
        "createTime": "2026-11-01T07:21:59.391Z",
        "responseId": response,
    }
    return "data: " + json.dumps(chunk) + "\r\n\r"


def test_a_gemini_stream_has_the_usage_of_its_last_chunk(desk):
    """40 + 25 + 60 thoughts = 125; the chunks before it had counted less. The next response follows without a mark."""
    landed(
        desk,
        gemini("r-1", totalTokenCount=90, thoughtsTokenCount=50),
        gemini("r-1", candidatesTokenCount=10, totalTokenCount=110, thoughtsTokenCount=60),
        gemini("r-1", candidatesTokenCount=25, totalTokenCount=125, thoughtsTokenCount=60),
        gemini("r-2", prompt=7, candidatesTokenCount=3, totalTokenCount=10),
    )
    assert desk.rejects() == []
    names = (
        "id",
        "model",
        "input_tokens",
        "output_text_tokens",
        "reasoning_tokens",
        "usage_source",
        "raw_line",
    )
    assert [tuple(row[name] for name in names) for row in desk.rows("infron_responses")] == [
        ("r-1", "gemini-2.5-flash", 40, 25, 60, "reported", 5),
        ("r-2", "gemini-2.5-flash", 7, 3, 0, "reported", 7),
    ]


def test_a_tail_without_an_id_belongs_to_the_response_before_it(desk):
    tail = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1}, "credits_used": 2}
    lines = [chunk("a"), usage("a", 4), f"data: {json.dumps(tail)}", DONE, chunk("b"), DONE]
    desk.land("\n".join(lines).encode(), name="a.sse", stream="infery/responses")
    desk.run()
    found = [
        (row["request_id"], row["input_tokens"], row["credits_used"]) for row in desk.rows("infery_responses")
    ]
    assert found == [("a", 5, 2), ("b", 0, None)]
    assert desk.record()["unknown_fields"] == []
