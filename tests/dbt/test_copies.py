"""Copies of one call that contradict each other: what is counted, and that it is reported."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from ingestion.home import Home
from tests.dbt.conftest import FACTS, build, infron_line, land, land_text, rows

EXPORT = "timestamp,model,api_key_id,prompt_tokens,completion_tokens,credits_used,request_id,latency_ms,fallback_depth"
AT = "2026-11-01T07:21:59.391Z"


def headers(request_id: str, **stated: str) -> str:
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    return json.dumps({"at": AT, "x-request-id": request_id, "usage": usage, **stated})


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Calls that come more than once: by Infery's export and the captured headers, by Infron's log and its CSV page."""
    home = Home(tmp_path_factory.mktemp("home"))
    land_text(
        home,
        "infery/usage/dt=2026-11-01/usage.csv",
        [
            EXPORT,
            f"{AT},gpt-4o,key_1,1000,100,2,req_fell_back,900,1",
            f"{AT},gpt-4o,key_1,1000,100,2,req_agrees,900,0",
            f"{AT},openai/gpt-4o,key_1,1000,100,2,req_dated,900,0",
            f"{AT},gpt-4o,key_1,1000,100,2,req_kept_body,900,0",
            f"{AT},gpt-4o,key_1,1000,100,2,req_broke_off,900,0",
        ],
    )
    land_text(
        home,
        "infery/headers/dt=2026-11-01/headers.ndjson",
        [
            headers(
                "req_fell_back",
                **{"x-model-used": "gpt-4o-mini", "x-fallback-from": "gpt-4o", "x-credits-used": "3"},
            ),
            headers("req_agrees", **{"x-model-used": "gpt-4o", "x-credits-used": "2"}),
            headers("req_broke_off", **{"x-model-used": "gpt-4o", "x-credits-used": "2"}),
            headers("req_dated", **{"x-model-used": "gpt-4o-2024-08-06", "x-credits-used": "2"}),
        ],
    )
    body = {"created": 1793517719, "object": "chat.completion", "choices": []}
    usage = {"prompt_tokens": 1000, "completion_tokens": 90, "total_tokens": 1090}
    usage["prompt_tokens_details"] = {"cached_tokens": 800}
    land_text(
        home,
        "infery/responses/dt=2026-11-01/bodies.ndjson",
        [
            json.dumps(
                {
                    **body,
                    "request_id": "req_kept_body",
                    "model": "gpt-4o-mini",
                    "usage": usage,
                    "credits_used": 3,
                }
            ),
            json.dumps({**body, "request_id": "req_broke_off", "model": "gpt-4o"}),
        ],
    )
    land(
        home, "2026-11-01", [infron_line("gen-rounded", usage={"cost": 0.03754321}), infron_line("gen-other")]
    )
    land_text(
        home,
        "infron/logs/dt=2026-11-01/page.csv",
        [
            "Call Time,Request ID,Model Name,Call Status,Input Tokens,Output Tokens,Total Tokens,Cached Tokens,"
            "Processing Duration,List Price,Discounted Price,Cache-Optimized Price",
            f"{AT},gen-rounded,anthropic/claude-sonnet-4-5,success,10000,500,10500,0,900,0.0375,0.0375,0.0375",
            f"{AT},gen-other,anthropic/claude-sonnet-4-5,success,10000,400,10400,0,900,0.0375,0.0375,0.0475",
        ],
    )
    land(
        home,
        "2026-11-02",
        [infron_line("gen-other", usage={"completion_tokens": 600, "total_tokens": 10600})],
        "again.ndjson",
    )
    build(home, (*FACTS, "+recon_copies"))
    return home


def test_the_model_served_is_that_of_the_response(built: Home) -> None:
    """The export has gpt-4o, the response gpt-4o-mini: 1,000 x 0.15 + 100 x 0.6 per million = $0.00021."""
    found = rows(
        built,
        "select model_requested, model_served, priced_model, fallback_depth, credits_used, cache_optimized_cost_usd"
        " from marts.fct_usage_costs where request_id = 'req_fell_back'",
    )
    assert found == [("gpt-4o", "gpt-4o-mini", "openai/gpt-4o-mini", 1, 2, Decimal("0.00021"))]


def test_both_values_and_both_lines_are_listed(built: Home) -> None:
    found = rows(
        built,
        "select field, copy_kind, kept_value, other_value, counted_value, kept_raw_file, kept_raw_line, other_raw_file,"
        " other_raw_line from marts.recon_copies where request_id = 'req_fell_back' order by field",
    )
    export, capture = "infery/usage/dt=2026-11-01/usage.csv", "infery/headers/dt=2026-11-01/headers.ndjson"
    assert found == [
        ("credits_used", "companion", "2", "3", "2", export, 2, capture, 1),
        ("model", "companion", "gpt-4o", "gpt-4o-mini", "gpt-4o-mini", export, 2, capture, 1),
    ]


def test_where_a_kept_body_contradicts_the_export_both_are_reported(built: Home) -> None:
    found = rows(
        built,
        "select field, kept_value, other_value, counted_value from marts.recon_copies"
        " where request_id = 'req_kept_body' order by field",
    )
    assert found == [
        ("credits_used", "2", "3", "2"),
        ("model", "gpt-4o", "gpt-4o-mini", "gpt-4o-mini"),
        ("output_tokens", "100", "90", "100"),
    ]


def test_copies_that_agree_or_differ_only_in_date_or_rounding_are_no_finding(built: Home) -> None:
    stated = {request for (request,) in rows(built, "select distinct request_id from marts.recon_copies")}
    assert stated == {"req_fell_back", "req_kept_body", "gen-other"}


def test_a_revision_is_reported_and_so_is_an_export_that_counts_other_tokens(built: Home) -> None:
    found = rows(
        built,
        "select copy_kind, field, kept_value, other_value from marts.recon_copies"
        " where request_id = 'gen-other' order by all",
    )
    assert found == [
        ("companion", "output_tokens", "600", "400"),
        ("companion", "reported_cost_usd", "0.037500000000", "0.047500000000"),
        ("revision", "output_tokens", "600", "500"),
    ]


def test_a_dated_name_of_the_same_model_leaves_the_name_of_the_export(built: Home) -> None:
    found = rows(built, "select model_served from marts.fct_usage_costs where request_id = 'req_dated'")
    assert found == [("openai/gpt-4o",)]
