"""A night over calls that use nothing, such as the log of an idle proxy, needs no attention."""

from __future__ import annotations

import json

import duckdb
from night_process import night

from ingestion.home import Home

NOTHING = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "response_cost": 0.0}
TYPES = ("list_mcp_tools", "call_mcp_tool", "amoderation", "acreate_file", "acreate_batch", "aretrieve_batch")


def test_a_home_with_nothing_but_managing_calls_ends_with_0(home: Home) -> None:
    """Each costs 0, none is unpriced."""
    folder = home.landing / "litellm" / "logs" / "dt=2026-11-20"
    folder.mkdir(parents=True)
    lines = [
        {"id": f"call-{name}", "status": "success", "startTime": 1795168800, "call_type": name}
        | {"custom_llm_provider": "openai", "model": "", **NOTHING}
        | {"metadata": {"user_api_key_hash": "h1", "usage_object": {}}}
        for name in TYPES
    ]
    (folder / "calls.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ended = night(home)
    assert ended.code == 0, ended.output
    with duckdb.connect(str(home.published_database), read_only=True) as marts:
        assert marts.sql(
            "select count(*), sum(cache_optimized_cost_usd) from marts.fct_usage_costs"
        ).fetchall() == [(len(TYPES), 0)]
        assert marts.sql("select count(*) from marts.rpt_unpriced_usage").fetchall() == [(0,)]
