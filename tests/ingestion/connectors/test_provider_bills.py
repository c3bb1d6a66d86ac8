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
    connector, stream = path.removesuffix(".json").split("/")
    desk.land((FIXTURES / path).read_bytes(), name="page.json", stream=f"{connector}/{stream}")
    desk.run()
    assert desk.rejects() == []
    assert desk.record()["unknown_fields"] == []
    assert desk.record()["event_days"] == []
    return desk.rows(f"{connector}_{stream}")


def test_each_result_has_its_bucket_and_a_bucket_without_results_is_no_row(desk):
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
    assert {name for content in desk.records() for name in content["unknown_fields"]} == set()
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


_WINDOW = {
    "openai": {"start_time": 1793491200, "end_time": 1793577600},
    "anthropic": {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-02T00:00:00Z"},
}
_RESULTS = {
    "openai/usage": {
        "object": "organization.usage.completions.result",
        "input_tokens": 7,
        "output_tokens": 3,
    },
    "openai/costs": {"amount": {"value": "0.06", "currency": "usd"}},
    "anthropic/usage": {"uncached_input_tokens": 7, "output_tokens": 3},
    "openrouter/activity": {"date": "2026-11-01", "model": "openai/gpt-4o", "usage": 0.5, "requests": 3},
    "new_api/status": {"quota_per_unit": 500000},
}
_ODD = [-1, "many", "", 1e18, 2.5, True, {}, [1], None]


def _page(stream: str, results: list[dict]) -> bytes:
    """A body of a report with these results."""
    connector = stream.partition("/")[0]
    data = [{**_WINDOW[connector], "results": results}] if connector in _WINDOW else results
    if connector == "new_api":
        data = results[0]
    return json.dumps({"success": True, "data": data}).encode()


@pytest.mark.parametrize(
    ("stream", "unneeded"),
    [
        ("openai/usage", ["images", "usage_bytes", "input_audio_tokens", "input_cache_write_12h_tokens"]),
        ("openai/costs", ["quantity"]),
        ("anthropic/usage", ["server_tool_use.web_search_requests"]),
        ("openrouter/activity", ["cached_tokens", "reasoning_tokens"]),
        ("new_api/status", ["display_in_currency"]),
    ],
)
@pytest.mark.parametrize("odd", _ODD, ids=repr)
def test_a_field_that_is_not_needed_rejects_no_row(
    desk, stream: str, unneeded: list[str], odd: object
) -> None:
    """Whatever stands in it, what is needed is read."""
    result = dict(_RESULTS[stream])
    for name in unneeded:
        folder, _, leaf = name.rpartition(".")
        (result.setdefault(folder, {}) if folder else result)[leaf] = odd
    desk.land(_page(stream, [result]), name="page.json", stream=stream)
    desk.run()
    assert desk.rejects() == []
    (row,) = desk.rows(stream.replace("/", "_"))
    needed = {"input_tokens": 7, "uncached_input_tokens": 7, "amount": Decimal("0.06"), "requests": 3}
    assert needed.items() & row.items() or row["quota_per_unit"] == 500000


@pytest.mark.parametrize(
    ("written", "quantity"),
    [
        (1_000_000_000, "1000000000"),
        (2_400_000_000_000, "2400000000000"),
        (1.5e9, "1500000000"),
        (0.25, "0.25"),
        ("17.5", "17.5"),
    ],
)
def test_a_quantity_may_be_the_tokens_of_a_day(desk, written: object, quantity: str) -> None:
    cost = {**_RESULTS["openai/costs"], "quantity": written, "quantity_unit": "tokens"}
    desk.land(_page("openai/costs", [cost]), name="page.json", stream="openai/costs")
    desk.run()
    (row,) = desk.rows("openai_costs")
    assert (row["quantity"], row["amount"]) == (Decimal(quantity), Decimal("0.06"))


@pytest.mark.parametrize("amount", ["1000000", "2345678.123456789012", "98765432109.5"])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_day_may_cost_more_than_a_million_dollars(desk, amount: str, as_text: bool) -> None:
    body = _page("openai/costs", [{"amount": {"value": "AMOUNT", "currency": "USD"}}])
    written = f'"{amount}"' if as_text else amount
    desk.land(body.replace(b'"AMOUNT"', written.encode()), name="page.json", stream="openai/costs")
    desk.run()
    assert desk.rejects() == []
    assert [row["amount"] for row in desk.rows("openai_costs")] == [Decimal(amount)]


@pytest.mark.parametrize("amount", [True, "much", {}])
def test_an_amount_that_is_none_rejects_its_row(desk, amount: object) -> None:
    cost = {"amount": {"value": amount, "currency": "usd"}}
    desk.land(_page("openai/costs", [cost]), name="page.json", stream="openai/costs")
    desk.run()
    assert desk.reasons() == {1: "wrong_type"}
