"""One object of every shape and its true classes, read as a response, a payload and a spend row.

The classes follow the shape's own documentation: what its prompt includes, and what stands beside its output.
"""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.usage import ANTHROPIC, BEDROCK, GEMINI, OPENAI, USAGE_COLUMNS
from ingestion.usage.places import PARTS

#: Name of a shape → a usage object of it, and its classes that are not 0.
SHAPES = {
    "OpenAI's chat": (
        {
            "prompt_tokens": 1000,
            "completion_tokens": 200,
            "total_tokens": 1200,
            "prompt_tokens_details": {"cached_tokens": 640, "audio_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 50, "audio_tokens": 30},
        },
        {
            "uncached_input_tokens": 260,
            "cache_read_tokens": 640,
            "input_audio_tokens": 100,
            "output_text_tokens": 120,
            "reasoning_tokens": 50,
            "output_audio_tokens": 30,
        },
    ),
    "OpenAI's responses": (
        {
            "input_tokens": 500,
            "output_tokens": 80,
            "total_tokens": 580,
            "input_tokens_details": {"cached_tokens": 128},
            "output_tokens_details": {"reasoning_tokens": 64},
        },
        {
            "uncached_input_tokens": 372,
            "cache_read_tokens": 128,
            "output_text_tokens": 16,
            "reasoning_tokens": 64,
        },
    ),
    "OpenAI's embeddings": (
        {"prompt_tokens": 8, "total_tokens": 8},
        {"uncached_input_tokens": 8},
    ),
    "Anthropic's messages": (
        {
            "input_tokens": 10,
            "cache_read_input_tokens": 900,
            "cache_creation_input_tokens": 300,
            "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
            "output_tokens": 40,
            "server_tool_use": {"web_search_requests": 2},
        },
        {
            "uncached_input_tokens": 10,
            "cache_read_tokens": 900,
            "cache_write_5m_tokens": 100,
            "cache_write_1h_tokens": 200,
            "output_text_tokens": 40,
            "web_searches": 2,
        },
    ),
    "Gemini's, with kinds of content": (
        {
            "promptTokenCount": 1000,
            "cachedContentTokenCount": 400,
            "candidatesTokenCount": 90,
            "thoughtsTokenCount": 60,
            "totalTokenCount": 1150,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 500},
                {"modality": "AUDIO", "tokenCount": 200},
                {"modality": "VIDEO", "tokenCount": 300},
            ],
            "cacheTokensDetails": [
                {"modality": "TEXT", "tokenCount": 250},
                {"modality": "AUDIO", "tokenCount": 150},
            ],
            "candidatesTokensDetails": [
                {"modality": "TEXT", "tokenCount": 70},
                {"modality": "IMAGE", "tokenCount": 20},
            ],
        },
        {
            "uncached_input_tokens": 250,
            "input_audio_tokens": 50,
            "input_video_tokens": 300,
            "cache_read_tokens": 250,
            "cache_read_audio_tokens": 150,
            "output_text_tokens": 70,
            "output_image_tokens": 20,
            "reasoning_tokens": 60,
        },
    ),
    "Gemini's, with tools": (
        {
            "promptTokenCount": 100,
            "toolUsePromptTokenCount": 40,
            "candidatesTokenCount": 10,
            "totalTokenCount": 150,
        },
        {"uncached_input_tokens": 140, "output_text_tokens": 10},
    ),
    "Bedrock's Converse": (
        {
            "inputTokens": 20,
            "outputTokens": 30,
            "cacheReadInputTokens": 500,
            "cacheWriteInputTokens": 100,
            "totalTokens": 650,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 60}, {"ttl": "5m", "inputTokens": 40}],
        },
        {
            "uncached_input_tokens": 20,
            "cache_read_tokens": 500,
            "cache_write_5m_tokens": 40,
            "cache_write_1h_tokens": 60,
            "output_text_tokens": 30,
        },
    ),
}
USAGES = [usage for usage, _ in SHAPES.values()]
CLASSES = USAGE_COLUMNS[: USAGE_COLUMNS.index("input_tokens")]
SUMS = (*CLASSES, "web_searches")


def as_response(number: int, usage: dict) -> dict:
    name = "usageMetadata" if "promptTokenCount" in usage else "usage"
    return {"id": f"r-{number:03}", "created": 1793517719, "model": "m", name: usage}


def as_payload(number: int, usage: dict) -> dict:
    return {
        "id": f"r-{number:03}",
        "status": "success",
        "startTime": 1793517719.5,
        "model": "m",
        "metadata": {"usage_object": usage},
    }


def as_spend_row(number: int, usage: dict) -> dict:
    return {
        "request_id": f"r-{number:03}",
        "startTime": "2026-11-01T07:21:59Z",
        "model": "m",
        "metadata": json.dumps({"usage_object": usage}),
    }


#: Stream → its raw table, the column of the id, and a usage object as a record of it.
STREAMS = {
    "infron/responses": ("infron_responses", "id", as_response),
    "litellm/logs": ("litellm_logs", "id", as_payload),
    "litellm/spend_logs": ("litellm_spend_logs", "request_id", as_spend_row),
}


def read(desk, stream: str, usages: list[dict]) -> list[dict]:
    """Return the readings of usage objects that came in one file, in their order."""
    table, key, record = STREAMS[stream]
    desk.land([record(number, usage) for number, usage in enumerate(usages)], stream=stream)
    desk.run()
    assert desk.rejects() == []
    rows = {row[key]: row for row in desk.rows(table)}
    return [{name: rows[f"r-{n:03}"][name] for name in USAGE_COLUMNS} for n in range(len(usages))]


def counted(reading: dict) -> dict[str, int]:
    return {name: reading[name] for name in SUMS if reading[name]}


def test_every_shape_has_its_true_classes_in_every_stream(desk):
    for stream in STREAMS:
        found = read(desk, stream, USAGES)
        assert dict(zip(SHAPES, map(counted, found), strict=True)) == {
            shape: classes for shape, (_, classes) in SHAPES.items()
        }
        assert {reading["usage_source"] for reading in found} == {"reported"}


def test_the_order_of_keys_and_unknown_keys_change_nothing(desk):
    def turned(value: object) -> object:
        if isinstance(value, dict):
            entries = [(key, turned(entry)) for key, entry in reversed(value.items())]
            return {"new_figure": 7, **dict(entries)}
        return value

    table, _, record = STREAMS["infron/responses"]
    desk.land([record(n, usage) for n, usage in enumerate(USAGES)], "as-is.ndjson", "infron/responses")
    desk.land([record(n, turned(usage)) for n, usage in enumerate(USAGES)], "b.ndjson", "infron/responses")
    desk.run()
    rows = sorted(desk.rows(table), key=lambda row: row["id"])
    readings = [{name: row[name] for name in USAGE_COLUMNS} for row in rows]
    assert len(readings) == 2 * len(USAGES)
    assert readings[::2] == readings[1::2]


#: Dotted path of every count of every shape.
PATHS = sorted(
    {
        path
        for shape in (OPENAI, ANTHROPIC, BEDROCK, GEMINI)
        for quantity, paths in shape.items()
        if quantity not in PARTS
        for path in paths
    }
)


def _nested(counts: dict[str, int]) -> dict:
    usage: dict = {}
    for path, count in counts.items():
        *folders, name = path.split(".")
        place = usage
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = count
    return usage


RANDOM = st.lists(
    st.dictionaries(st.sampled_from(PATHS), st.sampled_from([0, 1, 2, 3, 5, 8, 40, 97]), max_size=9),
    min_size=20,
    max_size=100,
)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RANDOM)
def test_a_payload_and_the_spend_row_of_one_usage_object_read_alike(desk, objects):
    usages = [_nested(counts) for counts in objects]
    payloads, rows = (read(desk, stream, usages) for stream in ("litellm/logs", "litellm/spend_logs"))
    assert payloads == rows
    for reading in payloads:
        assert min(reading[name] for name in CLASSES) >= 0
        whole = reading["input_tokens"] + reading["output_tokens"]
        assert sum(reading[name] for name in CLASSES) == whole
