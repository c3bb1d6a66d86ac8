"""Every trap of LiteLLM's payloads survives into raw: in a hand-written sample, and in real output."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "fixtures" / "litellm_payloads.ndjson"


@pytest.fixture
def sample(desk):
    """Rows of the hand-written sample, by id."""
    desk.land(SAMPLE.read_bytes(), stream="litellm/logs")
    desk.run()
    assert desk.rejects() == []
    return {row["id"]: row for row in desk.rows("litellm_logs")}


def test_the_sample_keeps_its_sums(sample, desk):
    """0.0045 + 0.0015 + 0.0042 + 0.00528125 + 0.0007 + 0.00225 = 0.01843125 USD, nothing of it a float."""
    assert sum(row["response_cost"] for row in sample.values()) == Decimal("0.01843125")
    assert sum(row["prompt_tokens"] for row in sample.values()) == 5939
    assert sum(row["completion_tokens"] for row in sample.values()) == 882
    assert desk.record()["unknown_fields"] == []


def test_a_failure_and_its_fallback_share_a_call_and_stay_two_rows(sample):
    pair = [row for row in sample.values() if row["litellm_call_id"] == "call-02"]
    assert [(row["status"], row["error_code"]) for row in pair] == [("failure", "401"), ("success", "")]


def test_a_cache_hit_is_free_and_still_says_what_it_would_have_cost(sample):
    row = sample["chatcmpl-03"]
    assert (row["cache_hit"], row["response_cost"], row["prompt_tokens"]) == (True, 0, 800)
    assert (row["breakdown_total_cost"], row["saved_cache_cost"]) == (Decimal("0.0024"), Decimal("0.0024"))


def test_an_unmapped_model_and_a_zero_price_placeholder_can_be_told_from_a_free_one(sample):
    unmapped, placeholder = sample["chatcmpl-04"], sample["chatcmpl-05"]
    assert (unmapped["map_input_cost_per_token"], placeholder["map_input_cost_per_token"]) == (None, 0)
    assert "isn't mapped yet" in unmapped["cost_failure"]
    assert placeholder["cost_failure"] is None


def test_a_deployments_own_price_list_travels_on_the_row(sample):
    row = sample["chatcmpl-06"]
    names = ("input", "output", "cache_read", "cache_creation")
    assert [row[f"map_{name}_cost_per_token"] for name in names] == [
        Decimal("0.000003"),
        Decimal("0.000012"),
        Decimal("0.0000015"),
        None,
    ]


def test_cache_writes_are_split_by_lifetime(sample):
    row = sample["msg-07"]
    names = ("cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
    assert [row[name] for name in names] == [19, 150, 50]


def test_a_streams_own_cost_a_tier_and_a_missing_provider_survive(sample):
    assert (sample["chatcmpl-08"]["breakdown_total_cost"], sample["chatcmpl-08"]["upstream_cost"]) == (
        0,
        Decimal("0.0007"),
    )
    assert (sample["chatcmpl-09"]["breakdown_service_tier"], sample["chatcmpl-09"]["reasoning_tokens"]) == (
        "flex",
        120,
    )
    assert sample["f-10"]["custom_llm_provider"] is None


def test_the_price_key_loses_the_providers_prefix(sample, desk):
    keys = {(entry["provider"], entry["model"]) for entry in desk.record()["models"]}
    assert keys >= {
        ("groq", "new-model"),
        ("openai", "gpt-4o"),
        ("openai", "team/own-model"),
        ("", "no-such-model"),
    }


def test_no_text_of_messages_reaches_raw(sample, desk):
    assert "synthetic" in SAMPLE.read_text()
    assert not [name for name, content in desk.files().items() if b"synthetic" in content]


@pytest.mark.shared_data
def test_a_real_proxys_output_lands_with_the_oracles_sums(desk, shared_data):
    """564 payloads: cost at 12 decimals, tokens, and the special rows as their README counts them."""
    folder = desk.home.landing / "litellm/logs/dt=2026-11-01"
    folder.mkdir(parents=True)
    shutil.copy(shared_data / "litellm/standard_logging_payload.ndjson.gz", folder)
    desk.run()
    rows = desk.rows("litellm_logs")
    oracle = json.loads((shared_data / "litellm/oracle.json").read_text())
    total, special = oracle["total"], oracle["special_rows"]
    assert desk.rejects() == []
    assert len(rows) == total["records"] == len({row["id"] for row in rows})
    assert sum(row["response_cost"] for row in rows) == Decimal(total["response_cost_12dp"])
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert sum(row[name] for row in rows) == total[name]
    hits = [row for row in rows if row["cache_hit"]]
    expected = Decimal(special["cache_hit_rows"]["cost_breakdown_total"]).quantize(Decimal("1e-12"))
    assert (len(hits), sum(row["breakdown_total_cost"] for row in hits)) == (9, expected)
    for classes, count, tokens in [
        ([f"cache_read_{kind}tokens" for kind in ("", "audio_", "image_", "video_")], 17, 70_846),
        (["cache_write_5m_tokens", "cache_write_1h_tokens"], 10, 12_331),
        (["reasoning_tokens"], 198, 69_001),
    ]:
        counts = [sum(row[name] for name in classes) for row in rows if row["status"] == "success"]
        assert (len([count for count in counts if count]), sum(counts)) == (count, tokens), classes
    assert sum(row["input_tokens"] for row in rows) == total["prompt_tokens"]
    assert sum(row["output_tokens"] for row in rows) == total["completion_tokens"]
    assert {row["usage_source"] for row in rows} == {"reported", "missing"}
    # LiteLLM could not price 42; four of them have a cost nevertheless, because their upstream stated one.
    unpriced = [row for row in rows if row["cost_failure"]]
    assert len([row for row in unpriced if row["response_cost"] == 0]) == 38
    assert {row["upstream_cost"] - row["response_cost"] for row in unpriced if row["response_cost"]} == {0}
    resale = [row for row in rows if row["model_group"] == "resale-gpt-4o"]
    assert {row["map_input_cost_per_token"] for row in resale} == {Decimal("0.000003")}
    assert sum(row["response_cost"] for row in resale) == Decimal("0.028967")
    minutes = {minute: entry["records"] for minute, entry in oracle["by_start_minute_utc"].items()}
    found_minutes: dict[str, int] = {}
    for row in rows:
        minute = datetime.strftime(row["occurred_at"], "%Y-%m-%dT%H:%MZ")
        found_minutes[minute] = found_minutes.get(minute, 0) + 1
    assert found_minutes == minutes
    assert desk.record()["unknown_fields"] == []


@pytest.mark.parametrize("neighbour", [[], ["broken"]], ids=["in bulk", "with care"])
@pytest.mark.parametrize(
    "answer", ['"redacted-by-litellm"', '["a", {"model": "b"}]', "null", '{"model": "gpt-4o-2024-08-06"}']
)
def test_an_answer_may_be_a_text_or_a_list(desk, answer, neighbour):
    """LiteLLM declares it as any of them; where it is no object, it names no model."""
    lines = [line for line in SAMPLE.read_text().splitlines() if '"chatcmpl-03"' in line]
    record = json.loads(lines[0]) | {"response": json.loads(answer)}
    desk.land([json.dumps(record), *neighbour], stream="litellm/logs")
    desk.run()
    [row] = desk.rows("litellm_logs")
    assert row["response_model"] == ("gpt-4o-2024-08-06" if answer.startswith("{") else None)
