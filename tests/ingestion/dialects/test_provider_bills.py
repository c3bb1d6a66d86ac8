"""Usage and cost pages of OpenAI and Anthropic: nested buckets become rows with their window, not events."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"


def _landed(desk, path: str) -> list[dict]:
    dialect, stream = path.removesuffix(".json").split("/")
    desk.land((FIXTURES / path).read_bytes(), name="page.json", stream=f"{dialect}/{stream}")
    desk.run()
    assert desk.rejects() == []
    assert desk.manifest()["unknown_fields"] == []
    assert desk.manifest()["event_days"] == []
    return desk.rows(f"{dialect}_{stream}")


def test_each_result_knows_its_bucket_and_a_bucket_without_results_is_no_row(desk):
    standard, batch = _landed(desk, "openai/usage.json")
    assert standard["start_time"] == batch["start_time"] == datetime(2026, 11, 1)
    assert standard["end_time"] == datetime(2026, 11, 2)
    assert [row["batch"] for row in (standard, batch)] == [False, True]


def test_a_day_of_an_organization_may_use_more_tokens_than_any_call(desk):
    standard, _ = _landed(desk, "openai/usage.json")
    assert standard["input_tokens"] == 2_000_000_000


def test_an_amount_may_be_a_number_or_a_text(desk):
    first, second = _landed(desk, "openai/costs.json")
    assert (first["amount"], second["amount"]) == (Decimal("12345.0123456789"), Decimal("0.06"))
    assert {first["currency"], second["currency"]} == {"usd"}


def test_anthropic_counts_what_came_from_and_went_to_the_cache_apart(desk):
    first, workbench = _landed(desk, "anthropic/usage.json")
    names = (
        "uncached_input_tokens",
        "cache_read_input_tokens",
        "cache_creation_5m_tokens",
        "cache_creation_1h_tokens",
        "output_tokens",
        "web_search_requests",
    )
    assert [first[name] for name in names] == [1500, 200, 500, 1000, 500, 10]
    assert (workbench["api_key_id"], workbench["workspace_id"]) == (None, None)


def test_cents_in_a_text_keep_their_fraction_and_may_be_many(desk):
    rows = _landed(desk, "anthropic/costs.json")
    assert [row["amount_cents"] for row in rows] == [
        Decimal("123.45"),
        Decimal("0.0075"),
        Decimal("2500000.5"),
    ]


def test_a_cost_without_an_amount_is_rejected_by_its_place_in_the_page(desk):
    page = {
        "data": [
            {
                "starting_at": "2026-11-01T00:00:00Z",
                "ending_at": "2026-11-02T00:00:00Z",
                "results": [{"currency": "USD", "amount": "1"}, {"currency": "USD"}],
            }
        ]
    }
    desk.land(json.dumps(page).encode(), name="a.json", stream="anthropic/costs")
    desk.run()
    assert desk.reasons() == {2: "missing_field"}
    assert len(desk.rows("anthropic_costs")) == 1


@pytest.mark.shared_data
def test_openais_own_examples_have_the_sums_of_their_description(desk, shared_data):
    packed = (shared_data / "usage_api" / "openai_usage_cost_examples.json.gz").read_bytes()
    examples = json.loads(gzip.decompress(packed))
    for number, (endpoint, page) in enumerate(examples.items()):
        stream = "costs" if endpoint.endswith("/costs") else "usage"
        desk.land(json.dumps(page).encode(), name=f"{number}.json", stream=f"openai/{stream}")
    desk.run()
    assert desk.rejects() == []
    assert {name for content in desk.manifests() for name in content["unknown_fields"]} == set()
    (cost,) = desk.rows("openai_costs")
    assert (cost["amount"], cost["currency"]) == (Decimal("0.06"), "usd")
    usage = {row["result_kind"].split(".")[2]: row for row in desk.rows("openai_usage")}
    assert {(row["start_time"], row["end_time"]) for row in usage.values()} == {
        (datetime(2024, 11, 1), datetime(2024, 11, 2))
    }
    completions = usage["completions"]
    names = ("input_tokens", "input_cached_tokens", "input_cache_write_tokens", "input_uncached_tokens")
    assert [completions[name] for name in names] == [1000, 400, 100, 500]
    assert (completions["output_tokens"], completions["num_model_requests"]) == (500, 5)
    measured = {
        "embeddings": ("input_tokens", 16),
        "moderations": ("input_tokens", 16),
        "images": ("images", 2),
        "audio_speeches": ("characters", 45),
        "audio_transcriptions": ("seconds", 20),
        "code_interpreter_sessions": ("num_sessions", 1),
        "file_searches": ("num_requests", 2),
        "vector_stores": ("usage_bytes", 1024),
        "web_searches": ("num_requests", 2),
    }
    assert {kind: (name, usage[kind][name]) for kind, (name, _) in measured.items()} == measured
    assert usage["web_searches"]["num_model_requests"] == 2
