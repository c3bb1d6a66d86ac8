"""OpenRouter's generations, bare or in `data`, and its daily sums, as JSON or CSV."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from ingestion.usage import USAGE_COLUMNS

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "openrouter"


def _landed(desk, name: str, stream: str) -> list[dict]:
    desk.land((FIXTURES / name).read_bytes(), name=name, stream=f"openrouter/{stream}")
    desk.run()
    assert desk.rejects() == []
    assert desk.record()["unknown_fields"] == []
    return desk.rows(f"openrouter_{stream}")


def test_a_generation_lands_with_and_without_its_envelope(desk):
    wrapped, bare, cancelled, failed = _landed(desk, "generations.ndjson", "generations")
    assert [row["id"] for row in (wrapped, bare, cancelled, failed)] == ["gen-1", "gen-2", "gen-3", "gen-4"]
    assert wrapped["occurred_at"] == datetime(2026, 11, 1, 23, 33, 19, 433273)
    assert (wrapped["native_tokens_prompt"], wrapped["tokens_prompt"]) == (100, 10)
    assert (wrapped["total_cost"], wrapped["upstream_inference_cost"]) == (
        Decimal("0.0015"),
        Decimal("0.0012"),
    )
    assert [row["usage_source"] for row in (wrapped, bare, cancelled, failed)] == [
        *["reported"] * 3,
        "missing",
    ]
    assert (bare["is_byok"], bare["cache_discount"]) == (True, Decimal("-0.00005"))
    assert (cancelled["cancelled"], failed["native_finish_reason"]) == (True, "server_error")


def test_a_generation_reads_alike_bare_in_its_envelope_and_in_the_export(desk):
    """100 prompt tokens with 60 from the cache, 30 completion tokens with 5 of reasoning."""
    [line, *_] = (FIXTURES / "generations.ndjson").read_text().splitlines()
    desk.land([line], name="wrapped.ndjson", stream="openrouter/generations")
    desk.land([json.loads(line)["data"]], name="bare.ndjson", stream="openrouter/generations")
    desk.land((FIXTURES / "generations.csv").read_bytes(), name="a.csv", stream="openrouter/generations")
    desk.run()
    copies = [row for row in desk.rows("openrouter_generations") if row["id"] == "gen-1"]
    readings = [{name: row[name] for name in USAGE_COLUMNS} for row in copies]
    given = {name: value for name, value in readings[0].items() if value}
    assert readings == [readings[0]] * 3
    assert given == {
        "uncached_input_tokens": 40,
        "cache_read_tokens": 60,
        "output_text_tokens": 25,
        "reasoning_tokens": 5,
        "input_tokens": 100,
        "output_tokens": 30,
        "usage_source": "reported",
        "usage_reading": "input = prompt, output = completion",
    }


def test_a_generation_without_id_time_or_model_is_rejected(desk):
    lines = [
        '{"data": {"created_at": "2026-11-01T10:00:00Z", "model": "openai/gpt-4o"}}',
        '{"id": "gen-1", "model": "openai/gpt-4o"}',
        '{"data": {"id": "gen-1", "created_at": "2026-11-01T10:00:00Z"}}',
        '{"error": {"code": 404, "message": "not found"}}',
    ]
    desk.land(lines, stream="openrouter/generations")
    desk.run()
    assert desk.reasons() == dict.fromkeys((1, 2, 3, 4), "missing_field")


def test_daily_sums_are_no_events_and_more_may_be_cached_than_was_sent(desk):
    first, second = _landed(desk, "activity.json", "activity")
    assert (first["activity_date"], first["prompt_tokens"], first["cached_tokens"]) == (
        date(2026, 11, 1),
        100,
        160,
    )
    assert (second["usage_usd"], second["byok_usage_inference"]) == (Decimal("0.0001"), Decimal("0.0019"))
    assert "occurred_at" not in first


def test_the_day_of_a_sum_is_utc_whatever_the_zone_of_the_source(desk):
    (desk.home.root / "sources.yml").write_text(
        "sources: {openrouter: {connector: openrouter, time_zone: Asia/Tokyo}}\n"
    )
    (row,) = _landed(desk, "activity.csv", "activity")
    assert (row["activity_date"], row["requests"], row["usage_usd"]) == (
        date(2026, 11, 2),
        7,
        Decimal("0.25"),
    )


def test_a_sum_of_no_day_is_rejected(desk):
    page = b'{"data": [{"date": "yesterday", "model": "openai/gpt-4o", "requests": 1}]}'
    desk.land(page, name="a.json", stream="openrouter/activity")
    desk.run()
    assert desk.reasons() == {1: "invalid_time"}


def test_the_export_is_read_as_the_generations_the_api_names(desk):
    first, byok, other, free = _landed(desk, "generations.csv", "generations")
    assert (first["id"], first["model"], first["native_tokens_prompt"], first["tokens_prompt"]) == (
        "gen-1",
        "anthropic/claude-sonnet-4.5",
        100,
        None,
    )
    assert first["occurred_at"] == datetime(2026, 11, 1, 23, 33, 19, 433000)
    assert (first["total_cost"], first["cache_discount"]) == (Decimal("0.0015"), Decimal("0.0002"))
    assert (byok["is_byok"], byok["upstream_inference_cost"]) == (True, Decimal("0.0019"))
    assert (other["is_byok"], other["model"], other["api_key_name"]) == (
        False,
        "openai/gpt-4o-mini",
        "nightly",
    )
    assert (free["model"], free["cancelled"]) == ("openai/gpt-oss-120b:free", True)


def test_the_export_among_the_daily_sums_is_recognised_by_its_header(desk):
    desk.land((FIXTURES / "generations.csv").read_bytes(), name="a.csv", stream="openrouter/activity")
    desk.land((FIXTURES / "activity.csv").read_bytes(), name="b.csv", stream="openrouter/activity")
    desk.run()
    assert desk.rejects() == []
    assert (len(desk.rows("openrouter_generations")), len(desk.rows("openrouter_activity"))) == (4, 1)
