"""New-API's own unit tests, as rows of its log: the quota they expect is our expected quota."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest

from ingestion.home import Home
from ingestion.prices.formulas import read
from tests.dbt.conftest import build, land_text, rows

MACROS = Path(__file__).parents[2] / "dbt" / "macros" / "quota.sql"
MILLION = 1_000_000

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def vectors(shared_data: Path) -> list[dict[str, Any]]:
    """All vectors, numbers as exact decimals."""
    file = shared_data / "oracles" / "new_api_quota_vectors.json"
    return json.loads(file.read_text(), parse_float=Decimal)["vectors"]


def item(number: int, other: dict[str, Any], **changes: Any) -> str:
    """One log item; `other` is JSON in a string, as the gateway writes it."""
    line = {
        "created_at": 1793517719 + number,
        "type": 2,
        "model_name": "gpt-4o",
        "quota": 0,
        "request_id": f"v-{number}",
        "other": json.dumps({"model_price": -1, "user_group_ratio": -1, **other}, default=str),
    }
    return json.dumps({**line, **changes}, default=str)


def by_ratio(vector: dict[str, Any]) -> str:
    ratios = {
        "model_ratio": vector["model_ratio"],
        "group_ratio": vector["group_ratio"],
        "completion_ratio": vector["completion_ratio"],
        "cache_ratio": vector["cache_ratio"],
        "cache_creation_ratio": vector["cache_creation_ratio"],
        "cache_creation_ratio_5m": vector["cache_creation_5m_ratio"],
        "cache_creation_ratio_1h": vector["cache_creation_1h_ratio"],
        "cache_tokens": vector["cached_tokens"],
        "cache_creation_tokens": vector["cache_creation_tokens"],
        "cache_creation_tokens_5m": vector["cache_creation_5m"],
        "cache_creation_tokens_1h": vector["cache_creation_1h"],
    }
    return item(
        vector["n"],
        {
            "claude": vector["semantic"] == "anthropic",
            **{name: value for name, value in ratios.items() if value is not None},
        },
        prompt_tokens=vector["prompt_tokens"],
        completion_tokens=vector["completion_tokens"],
    )


def by_formula(number: int, formula: str, counts: dict[str, int], **other: Any) -> str:
    """The prompt on the row includes what the formula counts apart."""
    parts = {name: counts.get(name, 0) for name in ("cr", "cc", "cc1h", "img", "ao")}
    return item(
        number,
        {
            "billing_mode": "tiered_expr",
            "expr_b64": base64.b64encode(formula.encode()).decode(),
            "cache_tokens": parts["cr"],
            "cache_creation_tokens": parts["cc"] + parts["cc1h"],
            "cache_creation_tokens_1h": parts["cc1h"],
            "image_output": parts["img"],
            "audio_output": parts["ao"],
            **other,
        },
        prompt_tokens=counts["p"] + sum(parts.values()) - parts["ao"],
        completion_tokens=counts["c"] + parts["ao"],
    )


TOOLS = [
    {"name": "web_search_preview", "count": 1, "price": 10},
    {"name": "file_search", "count": 2, "price": 2.5},
    {"name": "image_generation", "count": 1, "price": 11},
]
#: The vectors say these in words only. 0.01 + 0.005 + 0.011 = $0.026; with 1000 x 2 / 10^6 x 500,000 = 1000 units.
SURCHARGES = {
    45: item(45, {"model_ratio": 1, "group_ratio": 1, "tool_surcharges": TOOLS}, prompt_tokens=0),
    46: by_formula(46, "p*2", {"p": 1000, "c": 0}, group_ratio=1, tool_surcharges=TOOLS),
    50: item(50, {"model_price": 0.12, "group_ratio": 1, "image_count": 3}),
}


def test_every_charge_is_the_one_the_gateway_would_make(home: Home, vectors: list[dict[str, Any]]) -> None:
    """All but the ones that test a service tier, which no log item carries, or no charge at all."""
    lines, expected = [], {}
    for vector in vectors:
        if vector["kind"] == "ratio":
            lines.append(by_ratio(vector))
        elif vector["kind"] == "surcharge":
            lines.append(SURCHARGES[vector["n"]])
        elif vector.get("unit") == "quota" and "service_tier" not in vector["vars"]:
            lines.append(
                by_formula(vector["n"], vector["expr"], vector["vars"], group_ratio=vector["group_ratio"])
            )
        else:
            continue
        expected[f"v-{vector['n']}"] = vector.get("expected_quota", vector.get("expected"))
    land_text(home, "new_api/logs/dt=2026-11-01/vectors.ndjson", lines)
    build(home)
    found = dict(rows(home, "select request_id, expected_quota from marts.fct_usage_costs"))
    assert found == expected


def test_every_formula_has_the_amount_of_the_gateway(vectors: list[dict[str, Any]]) -> None:
    for vector in vectors:
        if vector["kind"] != "expr":
            continue
        counts = dict(vector["vars"])
        tier = counts.pop("service_tier", "standard")
        value = read(vector["expr"]).value(counts, tier)
        if vector["unit"] == "quota":
            value = rounded(value * vector["quota_per_unit"] * Decimal(vector["group_ratio"]) / MILLION)
        assert value == vector["expected"], vector["n"]


def test_a_half_is_rounded_away_from_zero(vectors: list[dict[str, Any]]) -> None:
    for vector in vectors:
        if vector["kind"] == "quota_round":
            assert rounded(Decimal(vector["input"])) == vector["expected"], vector["n"]


def rounded(value: Decimal) -> int:
    """Round as int_usage_events_gateway_rated does."""
    macro = jinja2.Environment().from_string(MACROS.read_text() + "{{ rounded('parts', 'whole', 'how') }}")
    scale = 10**18
    given = f"select {int(value * scale)}::hugeint as parts, {scale}::hugeint as whole, 'half_away' as how"
    return duckdb.sql(f"select {macro.render()} from ({given})").fetchall()[0][0]
