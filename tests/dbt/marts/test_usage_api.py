"""Usage APIs beside the logs: what a gateway sums up, what a provider bills, and where they part from the rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from dagster_project.books.closing import close
from dagster_project.books.publishing import publish
from dagster_project.dbt_runner.build import BuildResult
from dagster_project.dbt_runner.project import Mart
from ingestion.home import Home
from tests.dbt.conftest import build, idle_branches, infron_line, land, land_text

HEADER = "timestamp,model,api_key_id,prompt_tokens,completion_tokens,credits_used,request_id,latency_ms,fallback_depth"
MIDNIGHTS = {day: f"2026-11-0{day}T00:00:00.000Z" for day in range(1, 6)}
NEW_API_OTHER = (
    '{"model_ratio":1.5,"group_ratio":1,"completion_ratio":5,"model_price":-1,"user_group_ratio":-1}'
)
NEW_API_MAPPED = NEW_API_OTHER.replace(
    "{", '{"is_model_mapped":true,"upstream_model_name":"claude-sonnet-4-5",'
)


def call(number: int, day: int, model: str, key: str = "key_1") -> str:
    return f"2026-11-0{day}T07:00:00.000Z,{model},{key},100,10,2,req_{number},50,0"


def group(model: str, requests: int, **changed: int) -> dict[str, Any]:
    usual = {
        "requests": requests,
        "prompt_tokens": 100 * requests,
        "completion_tokens": 10 * requests,
        "credits_used": 2 * requests,
    }
    return {"model": model} | usual | changed


def report(first: int, after: int, by: str, *groups: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": list(groups),
        "group_by": by,
        "start": MIDNIGHTS[first],
        "end": MIDNIGHTS[after],
        "has_more": False,
    }


def consumed(number: int, created_at: int, **changed: Any) -> dict[str, Any]:
    usual = {
        "id": number,
        "user_id": 7,
        "created_at": created_at,
        "type": 2,
        "username": "ann",
        "token_name": "prod",
        "model_name": "claude-sonnet-4-5",
        "quota": 9923,
        "prompt_tokens": 10000,
        "completion_tokens": 500,
        "token_id": 31,
        "group": "default",
        "request_id": f"new_{number}",
        "other": NEW_API_OTHER,
    }
    return usual | changed


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, BuildResult]:
    """Three days of logs: the API reported the first, lost the second, and the third is not over."""
    home = Home(tmp_path_factory.mktemp("usage_api"))
    models = ["same", "same", "missed", "twice", "twice", "tokens", "credits"]
    first = [call(number, 1, model) for number, model in enumerate(models)]
    land_text(home, "infery/usage/dt=2026-11-01/a.csv", [HEADER, *first])
    land_text(home, "infery/usage/dt=2026-11-02/a.csv", [HEADER, call(20, 2, "same")])
    land_text(home, "infery/usage/dt=2026-11-03/a.csv", [HEADER, call(30, 3, "same")])
    by_model = report(
        1,
        2,
        "model",
        group("same", 2),
        group("missed", 2),
        group("twice", 1),
        group("tokens", 1, prompt_tokens=101),
        group("credits", 1, credits_used=3),
    )
    by_key = report(1, 2, "key", {**group("", 7), "model": None, "api_key_id": "key_1"})
    later = report(3, 4, "model", group("same", 1))
    for day, name, body in (("01", "model", by_model), ("01", "key", by_key), ("03", "model", later)):
        land_text(home, f"infery/usage_api_grouped/dt=2026-11-{day}/{name}.json", [body])

    slug = "anthropic/claude-sonnet-4.5"
    generation = {
        "model": slug,
        "total_cost": 0.0015,
        "native_tokens_prompt": 100,
        "native_tokens_completion": 30,
    }
    activity = {
        **{"date": "2026-11-01", "model": slug, "endpoint_id": "ep-1", "provider_name": "Anthropic"},
        **{"usage": 0.0015002, "byok_usage_inference": 0, "requests": 1, "prompt_tokens": 100},
        **{"completion_tokens": 30, "reasoning_tokens": 5, "cached_tokens": 160},
    }
    for day in ("01", "02"):
        answer = generation | {"id": f"gen-{day}", "created_at": f"2026-11-{day}T07:00:00+00:00"}
        land_text(home, f"openrouter/generations/dt=2026-11-{day}/a.ndjson", [answer])
    land_text(home, "openrouter/activity/dt=2026-11-01/a.json", [{"data": [activity]}])

    mapped = consumed(4, 1793517721, model_name="claude-latest", other=NEW_API_MAPPED)
    land_text(
        home,
        "new_api/logs/dt=2026-11-01/a.ndjson",
        [consumed(1, 1793517719), consumed(2, 1793517720), mapped],
    )
    land_text(home, "new_api/logs/dt=2026-11-02/a.ndjson", [consumed(3, 1793604119)])
    hour = {"user_id": 7, "username": "ann", "model_name": "claude-sonnet-4-5", "created_at": 1793516400}
    other_hour = {**hour, "model_name": "claude-latest", "token_used": 10500, "count": 1, "quota": 9923}
    sums = {
        "success": True,
        "message": "",
        "data": [{**hour, "token_used": 21000, "count": 2, "quota": 19846}, other_hour],
    }
    land_text(home, "new_api/data/dt=2026-11-01/a.json", [sums])

    land(
        home,
        "2026-11-01",
        [
            infron_line("gen_1"),
            infron_line(
                "gen_2",
                status="failure",
                usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0},
            ),
        ],
    )
    land(home, "2026-11-02", [infron_line("gen_3", created_at="2026-11-02T07:00:00.000Z")])
    usage = {
        "model": "claude-sonnet-4-5-20250929",
        "uncached_input_tokens": 10000,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 500,
    }
    bucket = {"starting_at": "2026-11-01T00:00:00Z", "ending_at": "2026-11-02T00:00:00Z"}
    page = {"has_more": False, "next_page": None}
    land_text(
        home, "anthropic/usage/dt=2026-11-01/a.json", [{"data": [{**bucket, "results": [usage]}], **page}]
    )
    billed = {
        "currency": "USD",
        "amount": "3.80",
        "description": "Claude Sonnet 4.5 Usage",
        "cost_type": "tokens",
    }
    land_text(
        home, "anthropic/costs/dt=2026-11-01/a.json", [{"data": [{**bucket, "results": [billed]}], **page}]
    )
    for day, rows in openai_logs().items():
        land_text(home, f"litellm/spend_logs/dt=2026-11-0{day}/a.ndjson", rows)
    for day, results in openai_reports().items():
        ends = {"start_time": 1793491200 + 86400 * (day - 1), "end_time": 1793491200 + 86400 * day}
        body = {"data": [{**ends, "results": results}], **page}
        land_text(home, f"openai/usage/dt=2026-11-0{day}/a.json", [body])
    return home, build(home, ["+recon_usage_api"])


def openai_logs() -> dict[int, list[dict[str, Any]]]:
    """By day: a completion and calls of other endpoints on the first, two embeddings on the second."""

    def spent(number: int, day: int, call_type: str, model: str) -> dict[str, Any]:
        at = f"2026-11-0{day}T07:00:00.000"
        return {
            **{"request_id": f"lite_{number}", "startTime": at, "endTime": at, "status": "success"},
            **{"call_type": call_type, "custom_llm_provider": "openai", "model": model, "spend": 0.001},
            **{"prompt_tokens": 100, "completion_tokens": 0, "total_tokens": 100, "metadata": "{}"},
        }

    other_endpoints = [
        ("aembedding", "text-embedding-3-small"),
        ("aimage_generation", "gpt-image-1"),
        ("aspeech", "tts-1"),
    ]
    calls = [("acompletion", "gpt-4o"), *other_endpoints]
    return {
        1: [spent(number, 1, *one) for number, one in enumerate(calls)],
        2: [spent(10 + number, 2, *calls[1]) for number in range(2)],
        3: [spent(20, 3, *calls[0])],
    }


def openai_reports() -> dict[int, list[dict[str, Any]]]:
    """By day: its completions of the first, and one of the two embeddings of the second."""
    counted = {"input_tokens": 100, "output_tokens": 0, "input_cached_tokens": 0, "num_model_requests": 1}
    completions = {"object": "organization.usage.completions.result", "model": "gpt-4o-2024-08-06", **counted}
    embeddings = {
        "object": "organization.usage.embeddings.result",
        "model": "text-embedding-3-small",
        "input_tokens": 100,
        "num_model_requests": 1,
    }
    return {1: [completions], 2: [embeddings]}


@pytest.fixture(scope="module")
def books(reported: tuple[Home, BuildResult]) -> Iterator[duckdb.DuckDBPyConnection]:
    home, _ = reported
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        yield session


def test_no_branch_of_the_decision_is_idle(reported: tuple[Home, BuildResult]) -> None:
    assert idle_branches(*reported, "recon_usage_api") == []


def verdicts(books: duckdb.DuckDBPyConnection, usage_api: str, grouping: str) -> dict[tuple[str, str], Any]:
    found = books.sql(
        """
        select event_date::varchar, if(api_key_id = 'all', model_served, api_key_id), status, status_reason
        from marts.recon_usage_api
        where usage_api = $api and grouping_name = $grouping
        """,
        params={"api": usage_api, "grouping": grouping},
    ).fetchall()
    return {(day, member): (status, reason) for day, member, status, reason in found}


def test_a_gateway_report_by_model_is_held_against_the_logs_of_its_day(
    books: duckdb.DuckDBPyConnection,
) -> None:
    assert verdicts(books, "infery", "model") == {
        ("2026-11-01", "same"): ("match", None),
        ("2026-11-01", "missed"): ("missing_log", None),
        ("2026-11-01", "twice"): ("duplicate_log", None),
        ("2026-11-01", "tokens"): ("token_mismatch", None),
        ("2026-11-01", "credits"): ("cost_mismatch", None),
        ("2026-11-02", "all"): ("not_reported", "no_report"),
        ("2026-11-03", "same"): ("not_reported", "open_window"),
    }


def test_each_grouping_is_compared_by_itself(books: duckdb.DuckDBPyConnection) -> None:
    """Seven calls by key, the same seven that the report by model has one more and one less of."""
    assert verdicts(books, "infery", "key")[("2026-11-01", "key_1")] == ("match", None)


def test_a_difference_is_the_report_less_the_logs(books: duckdb.DuckDBPyConnection) -> None:
    """Missed: 2 − 1 calls, 200 − 100 tokens in; twice: 1 − 2 calls, 2 − 4 credits."""
    found = books.sql(
        """
        select model_served, request_difference, input_token_difference, credit_difference
        from marts.recon_usage_api
        where usage_api = 'infery' and model_served in ('missed', 'twice')
        order by 1
        """
    ).fetchall()
    assert found == [("missed", 1, 100, 2), ("twice", -1, -100, -2)]


def test_hours_of_a_new_api_gateway_sum_to_the_day_by_the_requested_model(
    books: duckdb.DuckDBPyConnection,
) -> None:
    """Three calls of one served model, one of them requested under another name, which the hour has."""
    assert verdicts(books, "new_api", "hour") == {
        ("2026-11-01", "claude-sonnet-4-5"): ("match", None),
        ("2026-11-01", "claude-latest"): ("match", None),
        ("2026-11-02", "all"): ("not_reported", "no_report"),
    }


def test_a_difference_below_a_millionth_per_call_is_rounding(books: duckdb.DuckDBPyConnection) -> None:
    """$0.0015002 by OpenRouter's day, $0.0015 by its call; tokens replayed from its own cache are no difference."""
    found = verdicts(books, "openrouter", "activity")
    assert found[("2026-11-01", "anthropic/claude-sonnet-4.5")] == ("rounding", None)


def test_a_provider_is_held_against_its_calls_through_a_gateway(books: duckdb.DuckDBPyConnection) -> None:
    """The call that failed is in no report. 10,000 × $3 + 500 × $15 per million are $0.0375, billed are 3.80 cents."""
    assert verdicts(books, "anthropic", "usage")[("2026-11-01", "claude-sonnet-4-5")] == ("match", None)
    [(status, difference)] = books.sql(
        """
        select status, cost_difference_usd from marts.recon_usage_api
        where usage_api = 'anthropic_costs' and event_date = '2026-11-01'
        """
    ).fetchall()
    assert (status, difference) == ("cost_mismatch", Decimal("0.0005"))


def test_a_report_is_held_against_calls_of_its_endpoint_only(books: duckdb.DuckDBPyConnection) -> None:
    """Neither the embedding nor the image nor the speech of the first day is in a report of completions."""
    assert verdicts(books, "openai", "usage") == {
        ("2026-11-01", "gpt-4o"): ("match", None),
        ("2026-11-03", "all"): ("not_reported", "no_report"),
    }


def test_embeddings_are_held_against_the_report_of_embeddings(books: duckdb.DuckDBPyConnection) -> None:
    """Two in the logs of the second day, one in the report; the first day was before its first report."""
    assert verdicts(books, "openai_embeddings", "usage") == {
        ("2026-11-02", "text-embedding-3-small"): ("duplicate_log", None)
    }


def test_a_home_without_usage_apis_compares_nothing(home: Home) -> None:
    land(home, "2026-11-01", [infron_line("gen_1")])
    result = build(home, ["+recon_usage_api"])
    assert result.rows["recon_usage_api"] == 0


def test_what_is_booked_after_a_month_is_closed_counts_on_the_day_it_was_used(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Infery reports two calls for 31 October. The log of one comes after October was closed, in November."""
    reported = group("same", 2)
    body = {
        **report(1, 2, "model", reported),
        "start": "2026-10-31T00:00:00.000Z",
        "end": "2026-11-01T00:00:00.000Z",
    }

    def october(number: int) -> str:
        return call(number, 1, "same").replace("2026-11-01", "2026-10-31")

    monkeypatch.setenv("TOLLBOOK_TODAY", "2026-11-01")
    land_text(home, "infery/usage/dt=2026-10-31/a.csv", [HEADER, october(1)])
    build(home, ["+recon_usage_api"])
    publish(home, [Mart("fct_usage_costs")])
    close(home, "2026-10", date(2026, 11, 1), lambda home, month: [], force=False)
    monkeypatch.setenv("TOLLBOOK_TODAY", "2026-11-03")
    land_text(home, "infery/usage/dt=2026-11-02/a.csv", [HEADER, october(2), call(3, 2, "same")])
    land_text(home, "infery/usage_api_grouped/dt=2026-11-02/model.json", [body])
    build(home, ["+recon_usage_api"])
    with duckdb.connect(str(home.build_database), read_only=True) as session:
        [(booked,)] = session.sql(
            "select event_date::varchar from marts.fct_usage_costs where adjustment_kind = 'late'"
        ).fetchall()
        found = verdicts(session, "infery", "model")
    assert booked == "2026-11-03"
    assert found == {
        ("2026-10-31", "same"): ("match", None),
        ("2026-11-02", "all"): ("not_reported", "no_report"),
    }
