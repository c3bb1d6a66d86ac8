"""Usage APIs in the night: their pages are among its days, and one that fails does not stop the others."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from night_process import night

from dagster_project.steps.usage_apis import fetch_usage, last_attempts
from ingestion.home import Home
from ingestion.sandbox.servers.gateway import API_KEY, GatewayServer
from ingestion.sandbox.servers.loopback import Rule, refusing
from ingestion.sandbox.servers.rows import Options
from ingestion.sources import load_sources
from ingestion.usage_apis import CallFailed

SOURCES = """
sources:
  east: {{connector: infery, api: {{url: "{url}", token_env: EAST_TOKEN, since: {since}}}}}
  west: {{connector: infery, api: {{url: "{url}", token_env: WEST_TOKEN}}}}
"""


def call(at: datetime) -> dict:
    return {
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "model": "gpt-4o",
        "api_key_id": "key_1",
        "member_id": None,
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "credits_used": 2,
        "request_id": "req_1",
        "latency_ms": 900,
        "fallback_depth": 0,
    }


def test_what_an_api_lands_is_priced_the_same_night_and_one_without_a_token_is_named(
    home: Home, monkeypatch
) -> None:
    """East has one call of two days ago; west has no token, so it is named and everything else goes on."""
    now = datetime.now(UTC)
    at = now.replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
    monkeypatch.setenv("EAST_TOKEN", API_KEY)
    monkeypatch.delenv("WEST_TOKEN", raising=False)
    with GatewayServer({"infery": [call(at)]}, now=now) as gateway:
        home.sources_file.write_text(
            SOURCES.format(url=gateway.url, since=(at - timedelta(days=1)).date().isoformat())
        )
        ended = night(home, "--json")
    finished = [json.loads(line) for line in ended.output.splitlines() if line.startswith("{")][-1]
    assert ended.code == 3, ended.output
    assert finished["published"], ended.output
    [unread] = finished["unread_sources"]
    assert unread.startswith("west:")
    assert "WEST_TOKEN" in unread
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.published_database}' as books (read_only)")
        assert connection.sql("select source, request_id from books.marts.fct_usage_costs").fetchall() == [
            ("east", "req_1")
        ]
    east, west = last_attempts(home, load_sources(home))
    assert (east.source, east.failure) == ("east", "")
    assert "WEST_TOKEN" in west.failure


def test_what_a_fetch_found_is_noted_beside_why_it_failed(home: Home, monkeypatch) -> None:
    """A token that sees only its own calls, and a proxy that then fails."""
    now = datetime(2026, 11, 3, 6, tzinfo=UTC)
    monkeypatch.setenv("PROXY_TOKEN", API_KEY)
    away = [Rule("start_date=2026-11-02.*sort_by", None, refusing(404, "away"))]
    with GatewayServer({}, now, script=away, options=Options(litellm_own_user="ann")) as gateway:
        api = f'{{url: "{gateway.url}", token_env: PROXY_TOKEN, since: 2026-11-01}}'
        home.sources_file.write_text(f"sources:\n  proxy: {{connector: litellm, api: {api}}}\n")
        [source] = load_sources(home)
        with pytest.raises(CallFailed, match="404: away"):
            fetch_usage(home, source, now)
    [attempt] = last_attempts(home, [source])
    assert "404: away" in attempt.failure
    assert ["not a proxy admin's" in finding for finding in attempt.findings] == [True]
