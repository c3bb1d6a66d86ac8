"""Usage blocks of real responses in six shapes, read through the streams that carry them.

The blocks are the test data of pydantic/genai-prices (MIT) in the shared data folder; without it the cases of
test_shapes.py cover the same ground.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

pytestmark = pytest.mark.shared_data

#: (rows, input, output, cache read, cache write, reasoning) by the data set's README.
SUMS = {
    ("anthropic", "default"): (108, 602_996, 13_732, 58_948, 12_645, 394),
    ("aws", "default"): (111, 112_506, 9_038, 9_500, 10_401, 0),
    ("google", "default"): (230, 145_260, 76_912, 6_841, 0, 60_498),
    ("openai", "chat"): (200, 84_581, 26_695, 6_389, 7_025, 10_776),
    ("openai", "embeddings"): (2, 8, 0, 0, 0, 0),
    ("openai", "responses"): (130, 138_199, 45_312, 33_920, 12_576, 32_920),
}
#: A total that counts more than prompt and completion, and a block of nothing but zeros.
NOT_REPORTED = {992: "contradictory", 1246: "missing"}


@pytest.fixture(scope="module")
def known(shared_data: Path) -> list[dict]:
    found = duckdb.sql(f"from '{shared_data}/usage_bodies/usage_bodies_dev.parquet' order by idx")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def classes(row: dict) -> tuple[int, ...]:
    """Input, output, cache read, cache write, reasoning and audio of the input, as the data set counts them."""
    return (
        row["input_tokens"],
        row["output_tokens"],
        sum(row[f"cache_read_{kind}tokens"] for kind in ("", "audio_", "image_", "video_")),
        row["cache_write_5m_tokens"] + row["cache_write_1h_tokens"],
        row["reasoning_tokens"],
        row["input_audio_tokens"] + row["cache_read_audio_tokens"],
    )


def true_classes(body: dict) -> tuple[int, ...]:
    names = ["input", "output", "cache_read", "cache_write", "output_reasoning", "input_audio"]
    return tuple(body[f"{name}_tokens"] or 0 for name in names)


def as_response(body: dict) -> dict:
    return {"id": f"r-{body['idx']}", "created": 1793517719, **json.loads(body["body_json"])}


def usage_of(body: dict) -> dict:
    block = json.loads(body["body_json"])
    return block.get("usage") or block["usageMetadata"]


def as_payload(body: dict, **counts: int) -> dict:
    return {
        "id": f"r-{body['idx']}",
        "status": "success",
        "startTime": 1793517719.5,
        "model": body["model"],
        "metadata": {"usage_object": usage_of(body)},
        **counts,
    }


def test_every_block_has_its_true_classes_as_a_response(desk, known):
    desk.land([as_response(body) for body in known], stream="infron/responses")
    desk.run()
    assert desk.rejects() == []
    rows = {row["id"]: row for row in desk.rows("infron_responses")}
    read = {body["idx"]: classes(rows[f"r-{body['idx']}"]) for body in known}
    assert read == {body["idx"]: true_classes(body) for body in known}
    sources = {body["idx"]: rows[f"r-{body['idx']}"]["usage_source"] for body in known}
    assert {idx: source for idx, source in sources.items() if source != "reported"} == NOT_REPORTED
    for shape, (count, *sums) in SUMS.items():
        of_shape = [body for body in known if (body["native_provider"], body["api_flavor"]) == shape]
        assert len(of_shape) == count
        assert [sum(part) for part in zip(*(read[body["idx"]][:5] for body in of_shape), strict=True)] == sums


def test_every_block_has_its_true_classes_alone_in_its_file(desk, known):
    some = known[::40]
    for body in some:
        desk.land([as_response(body)], name=f"{body['idx']}.ndjson", stream="infron/responses")
    desk.run()
    rows = {row["id"]: classes(row) for row in desk.rows("infron_responses")}
    assert rows == {f"r-{body['idx']}": true_classes(body) for body in some}


@pytest.mark.parametrize("top", ["nothing beside it", "the same counts beside it", "all input beside it"])
def test_every_block_has_its_true_classes_in_a_litellm_payload(desk, known, top):

    def beside(body: dict) -> dict[str, int]:
        usage = usage_of(body)
        names = {
            "prompt_tokens": ("prompt_tokens", "input_tokens", "inputTokens", "promptTokenCount"),
            "completion_tokens": (
                "completion_tokens",
                "output_tokens",
                "outputTokens",
                "candidatesTokenCount",
            ),
            "total_tokens": ("total_tokens", "totalTokens", "totalTokenCount"),
        }
        if top == "the same counts beside it":
            found = {
                name: next((usage[key] for key in keys if key in usage), 0) for name, keys in names.items()
            }
            return found | {
                "total_tokens": found["total_tokens"] or found["prompt_tokens"] + found["completion_tokens"]
            }
        if top == "all input beside it":
            counts = {"prompt_tokens": body["input_tokens"], "completion_tokens": body["output_tokens"]}
            return counts | {"total_tokens": sum(counts.values())}
        return {}

    desk.land([as_payload(body, **beside(body)) for body in known], stream="litellm/logs")
    desk.run()
    assert desk.rejects() == []
    rows = {row["id"]: classes(row) for row in desk.rows("litellm_logs")}
    wrong = [body for body in known if rows[f"r-{body['idx']}"] != true_classes(body)]
    assert wrong == []
