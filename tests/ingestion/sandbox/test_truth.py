"""truth.json against the files themselves, read line by line in plain Python and priced by the library."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import genai_prices
import pytest

from ingestion.sandbox import write_world
from ingestion.sandbox.judge import connectors_of
from ingestion.sandbox.world.prices import UNKNOWN_MODEL
from ingestion.sandbox.world.tenants import rule_on, tenants

from .conftest import REQUESTS_PER_DAY, SEED, World

UNIT = Decimal("0.000000000001")
PROVIDERS = {"google-ai-studio": "google"}
EVERY_LOG_FAULT = {
    "discount_not_applied", "cache_read_charged_as_input", "stale_price", "failed_but_charged",
    "cache_write_missing", "double_charged_cache", "token_mismatch", "wrong_tier",
    "unknown_model", "duplicate_delivery", "revised_row", "late_file", "malformed_line",
    "leaked_key", "runaway_loop",
}  # fmt: skip


def tokens(usage: dict[str, Any]) -> dict[str, int]:
    """Token counts of either generation of usage object."""
    details = usage.get("prompt_tokens_details", {})
    written = details.get("cache_write_tokens", usage.get("prompt_tokens_cache_write"))
    return {
        "input_tokens": usage["prompt_tokens"],
        "output_tokens": usage["completion_tokens"],
        "cache_read_tokens": details.get("cached_tokens", usage.get("prompt_tokens_cache_read")),
        "cache_write_tokens": written,
        "cache_write_1h_tokens": details.get("cache_write_1h_tokens", 0),
    }


def library_price(row: dict[str, Any], counted: dict[str, int]) -> Decimal:
    """The library's price of a request, USD."""
    provider, model = row["model"].split("/", 1)
    return genai_prices.calc_price(
        genai_prices.Usage(**counted),
        model_ref=model,
        provider_id=PROVIDERS.get(provider, provider),
        genai_request_timestamp=datetime.fromisoformat(row["created_at"]),
    ).total_price


@pytest.fixture(scope="module")
def priced(world: World) -> list[tuple[dict[str, Any], dict[str, int], dict[str, Decimal]]]:
    """Every latest row that has usage and a price: the row, its tokens, its three tiers by the library."""
    people = tenants(SEED)
    out = []
    for row in world.latest_rows():
        if row["usage"] is None or row["model"] == UNKNOWN_MODEL:
            continue
        counted = tokens(row["usage"])
        uncached = {name: counted[name] for name in ("input_tokens", "output_tokens")}
        day = datetime.fromisoformat(row["created_at"]).date()
        rule = rule_on(people.rules, row["workspace_id"], row["group"], day)
        factor = Decimal(rule.factor) if rule else Decimal(1)
        listed, optimized = library_price(row, uncached), library_price(row, counted)
        tiers = {
            "list": listed,
            "discounted": (listed * factor).quantize(UNIT, ROUND_HALF_UP),
            "cache_optimized": (optimized * factor).quantize(UNIT, ROUND_HALF_UP),
        }
        out.append((row, counted, tiers))
    return out


def test_the_control_totals_are_what_the_library_makes_of_the_files(world: World, priced: list) -> None:
    """Sums over the latest version of each delivered request, to the twelfth decimal."""
    for tier in ("list", "discounted", "cache_optimized"):
        assert Decimal(world.truth.events[f"{tier}_usd"]) == sum(tiers[tier] for _, _, tiers in priced), tier


def test_requests_and_tokens_per_status_are_what_the_files_hold(world: World) -> None:
    rows = world.latest_rows()
    assert world.truth.events["requests"] == len(rows)
    for status, totals in world.truth.events["by_status"].items():
        mine = [row for row in rows if row["status"] == status]
        used = [tokens(row["usage"]) for row in mine if row["usage"]]
        assert totals["requests"] == len(mine)
        for name in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"):
            assert totals[name] == sum(counted[name] for counted in used), (status, name)


def test_reported_costs_add_up_and_their_details_too(world: World) -> None:
    used = [row["usage"] for row in world.latest_rows() if row["usage"]]
    assert Decimal(world.truth.events["reported_usd"]) == sum(usage["cost"] for usage in used)
    for usage in used:
        details = usage["cost_details"]
        assert details["prompt_cost"] + details["completion_cost"] == usage["cost"]


def test_days_and_keys_each_add_up_to_the_whole(world: World) -> None:
    for part in ("by_day", "by_key", "by_status"):
        totals = world.truth.events[part].values()
        assert sum(Decimal(one["list_usd"]) for one in totals) == Decimal(world.truth.events["list_usd"])
        assert sum(one["requests"] for one in totals) == world.truth.events["requests"]


def test_exactly_the_planted_rows_are_mischarged(world: World, priced: list) -> None:
    """Charged − right cost is not zero for the rows in the ledger, and for no other."""
    kinds = (
        "discount_not_applied", "cache_read_charged_as_input", "stale_price",
        "cache_write_missing", "double_charged_cache", "token_mismatch", "wrong_tier",
    )  # fmt: skip
    planted = {
        fault.subject: (Decimal(fault.expected), Decimal(fault.observed))
        for kind in kinds
        for fault in world.truth.of_kind(kind)
    }
    found = {
        row["request_id"]: (tiers["cache_optimized"], row["usage"]["cost"])
        for row, _, tiers in priced
        if row["usage"]["cost"] != tiers["cache_optimized"]
    }
    assert found == planted
    assert len(planted) >= 10


def test_exactly_the_planted_failures_are_charged(world: World) -> None:
    planted = {fault.subject for fault in world.truth.of_kind("failed_but_charged")}
    charged = {
        row["request_id"] for row in world.latest_rows() if row["status"] != "success" and row["usage"]
    }
    assert charged == planted
    assert planted


def test_lines_that_come_again_or_corrected_are_all_in_the_ledger(world: World) -> None:
    damaged = {fault.subject.rpartition(":")[0] for fault in world.truth.of_kind("malformed_line")}
    assert damaged
    seen: dict[str, str] = {}
    copies, corrections = set(), set()
    for _, line in world.lines():
        if '"gen-99' in line or not line.startswith('{"request_id"'):
            continue
        request = json.loads(line)["request_id"]
        if request in seen:
            (copies if seen[request] == line else corrections).add(request)
        seen[request] = line
    assert copies == {fault.subject for fault in world.truth.of_kind("duplicate_delivery")}
    assert corrections == {fault.subject for fault in world.truth.of_kind("revised_row")}


def test_every_file_is_listed_with_its_lines(world: World) -> None:
    counted = Counter(name for name, _ in world.lines())
    assert {record["file"]: record["lines"] for record in world.truth.files} == counted
    events = sum(r["lines"] - r["rejects"] - r["duplicates"] - r["revisions"] for r in world.truth.files)
    assert events == world.truth.events["requests"]


def test_every_kind_of_fault_is_in_a_world_of_a_month(world: World) -> None:
    assert {fault.kind for fault in world.truth.faults} >= EVERY_LOG_FAULT
    damages = {fault.detail["damage"] for fault in world.truth.of_kind("malformed_line")}
    assert damages == {
        "truncated", "not_json", "missing_request_id", "duplicate_key", "not_a_number", "huge_token_count",
    }  # fmt: skip


def test_the_truth_on_disk_is_the_truth_returned(world: World) -> None:
    assert json.loads(Path(world.home / "truth.json").read_text()) == json.loads(world.truth.as_json())


def test_a_new_key_is_something_to_find_once_it_spends_more_than_a_dollar(
    world: World, tmp_path: Path
) -> None:
    """The first new key comes on day 22: of a small world it spends cents, of one ten times as busy dollars."""
    assert not world.truth.of_kind("new_spender")
    busy = write_world(tmp_path, 23, 10 * REQUESTS_PER_DAY, SEED)
    assert [Decimal(fault.observed) > 1 for fault in busy.of_kind("new_spender")] == [True]


def test_a_spike_of_cents_and_one_on_a_day_that_is_not_over_are_no_faults(tmp_path: Path) -> None:
    """With 20 calls a day spikes are of 5 calls or few more; the 29th and last day has no spike that counts yet."""

    def spikes(days: int, requests_per_day: int) -> list[str]:
        world = tmp_path / f"{days}-{requests_per_day}"
        write_world(world, days, requests_per_day, SEED)
        faults = json.loads((world / "truth.json").read_bytes())["faults"]
        return [fault["day"] for fault in faults if fault["kind"] in ("leaked_key", "runaway_loop")]

    assert spikes(29, 400) == []
    assert spikes(30, 400) == ["2026-08-31"] * 2
    assert spikes(30, 20) == []


def test_a_truth_of_version_0_2_names_its_connectors() -> None:
    assert connectors_of({"dialects": ["infron"]}) == connectors_of({"connectors": ["infron"]}) == ["infron"]
