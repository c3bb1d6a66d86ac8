"""One sandbox in six gateways' formats: every file is read without a reject and has the same requests."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion import landing, load, sources
from ingestion.connectors.usage_apis import USAGE_APIS
from ingestion.home import Home
from ingestion.sandbox import SandboxError, Truth, write_world
from ingestion.sandbox.gateways import CONNECTORS
from ingestion.sandbox.servers.gateway import GatewayServer
from ingestion.sandbox.servers.world import gateway_rows
from ingestion.usage_apis import fetch
from ingestion.usage_apis.settings import Api, InferyApi, LiteLlmApi, NewApiApi, OpenRouterApi

DAYS, REQUESTS_PER_DAY, SEED = 9, 60, 5
"""Long enough for copies, corrections, a late hour and failures that were charged."""

NEW_API_INPUT = (
    "prompt_tokens + case when claude then coalesce(cache_tokens, 0) + coalesce(cache_creation_tokens, 0)"
    " else 0 end"
)

COUNTED = {
    "infron": (
        "infron_logs", "request_id",
        "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens + cache_write_1h_tokens",
    ),
    "aisa": (
        "new_api_logs", "request_id",
        NEW_API_INPUT, "completion_tokens", "cache_tokens", "cache_creation_tokens",
    ),
    "tokenopen": (
        "new_api_logs", "request_id",
        NEW_API_INPUT, "completion_tokens", "cache_tokens", "cache_creation_tokens",
    ),
    "infery": ("infery_requests", "request_id", "input_tokens", "output_tokens", None, None),
    "litellm": (
        "litellm_logs", "id",
        "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens + cache_write_1h_tokens",
    ),
    "openrouter": (
        "openrouter_generations", "id",
        "native_tokens_prompt", "native_tokens_completion", "native_tokens_cached", None,
    ),
}  # fmt: skip
"""Connector → raw table, key, then what counts input, output, cache read, cache write tokens, if anything."""

REPORTED = {
    "infron": "usage_cost",
    "litellm": "response_cost",
    "openrouter": "total_cost",
}
"""Connectors that carry the cost to the last decimal."""


@dataclass(frozen=True)
class Landed:
    """A world in every connector, read into raw/."""

    home: Home
    truth: Truth
    records: list[dict[str, Any]]

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Answer a query in which `raw(name)` is a table of raw/."""
        return ask(self.home, query)

    def latest(self, select: str, table: str, source: str, key: str, then: str = "") -> list[tuple[Any, ...]]:
        """Answer a query over the last delivered version of each of a source's requests."""
        return self.ask(
            f"""
            select {select}
            from (
                select * from raw('{table}') where source = '{source}'
                qualify row_number()
                    over (partition by {key} order by delivered_on desc, raw_file desc, raw_line desc) = 1
            )
            {then}
            """
        )


def ask(home: Home, query: str) -> list[tuple[Any, ...]]:
    """Answer a query in which `raw(name)` is a table of raw/."""
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            create macro raw(name) as table select * from read_parquet(
                '{home.raw}/' || name || '/**/*.parquet',
                file_row_number = true, hive_partitioning = false, union_by_name = true
            )
            """
        )
        return connection.sql(query).fetchall()


def convert(home: Home) -> list[dict[str, Any]]:
    """landing/ → raw/; returns the load records."""
    found = sources.load_sources(home)
    load.write_schemas(home)
    for file in landing.pending(home, found):
        load.convert(home, file)
    assert landing.problems(home, found) == []
    return [
        json.loads(path.read_bytes()) for path in sorted((home.raw / "load_records").rglob("dt=*/*.json"))
    ]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """A world in six connectors, and what the readers made of it."""
    root = tmp_path_factory.mktemp("six") / "home"
    truth = write_world(root, DAYS, REQUESTS_PER_DAY, SEED, tuple(CONNECTORS))
    home = Home(root)
    return Landed(home, truth, convert(home))


@pytest.mark.parametrize("connector", CONNECTORS)
def test_every_line_is_read_and_none_is_new_to_the_reader(landed: Landed, connector: str) -> None:
    """Infron's damaged lines are rejected, and nothing else is; every declared shape is the reader's own."""
    mine = [record for record in landed.records if record["source"] == connector]
    logs = [record for record in mine if record["stream"] != "invoices"]
    by_file = {record["landing_file"]: record for record in logs}
    expected = {
        record["file"].removeprefix("landing/"): record
        for record in landed.truth.files
        if record["file"].startswith(f"landing/{connector}/")
    }
    assert set(by_file) == set(expected)
    for name, record in by_file.items():
        assert (record["lines"], record["rejects"]) == (expected[name]["lines"], expected[name]["rejects"]), (
            name
        )
        assert record["unknown_fields"] == []
    rejects = sum(record["rejects"] for record in logs)
    assert rejects == (len(landed.truth.of_kind("malformed_line")) if connector == "infron" else 0)


@pytest.mark.parametrize("connector", CONNECTORS)
def test_requests_and_tokens_are_those_of_the_truth(landed: Landed, connector: str) -> None:
    """The latest delivery of each request, per connector; Infery lists only what it charged."""
    table, key, *columns = COUNTED[connector]
    sums = ", ".join(f"sum({column})" if column else "null" for column in columns)
    [(count, *tokens)] = landed.latest(f"count(*), {sums}", table, connector, key)
    events = landed.truth.events
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    assert count == events["with_usage" if connector == "infery" else "requests"]
    assert tokens == [events[name] if column else None for name, column in zip(names, columns, strict=True)]


@pytest.mark.parametrize("connector", REPORTED)
def test_the_cost_is_that_of_the_truth_to_the_last_decimal(landed: Landed, connector: str) -> None:
    table, key, *_ = COUNTED[connector]
    [(cost,)] = landed.latest(f"sum({REPORTED[connector]})", table, connector, key)
    assert cost == Decimal(landed.truth.events["reported_usd"])


@pytest.mark.parametrize(("connector", "unit"), [("aisa", "0.000002"), ("infery", "0.01")])
def test_a_coarser_cost_is_off_by_less_than_its_unit_a_row(landed: Landed, connector: str, unit: str) -> None:
    """Quota is rounded to 0.000002 USD, a credit is a started cent; per row the error is below one unit."""
    table, key, *_ = COUNTED[connector]
    column = "quota" if connector == "aisa" else "credits_used"
    exact = dict(
        landed.latest("id, response_cost", "litellm_logs", "litellm", "id", "where response_cost > 0")
    )
    found = dict(landed.latest(f"{key}, {column}", table, connector, key, f"where {column} > 0"))
    assert found.keys() == exact.keys()
    assert max(abs(found[one] * Decimal(unit) - exact[one]) for one in exact) < Decimal(unit)


def consumed(home: Home) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """AIsa's consume rows with their `other`, numbers as Decimal."""
    found = []
    for path in sorted((home.landing / "aisa/logs").glob("dt=*/*.gz")):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            row = json.loads(line, parse_float=Decimal)
            if row["type"] == 2:
                found.append((row, json.loads(row["other"], parse_float=Decimal)))
    return found


def test_the_ratios_give_the_quota_back(landed: Landed) -> None:
    """The gateway's own formula over each row, within a unit; the rows it does not fit are the mischarged."""
    kinds = (
        "discount_not_applied", "cache_read_charged_as_input", "stale_price",
        "cache_write_missing", "double_charged_cache", "token_mismatch", "wrong_tier",
    )  # fmt: skip
    planted = {fault.subject for kind in kinds for fault in landed.truth.of_kind(kind)}
    odd = set()
    for row, other in consumed(landed.home):
        writes = other.get("cache_creation_tokens", 0)
        in_prompt = 0 if other.get("usage_semantic") == "anthropic" else other["cache_tokens"] + writes
        weighted = row["prompt_tokens"] - in_prompt + other["cache_tokens"] * other["cache_ratio"]
        for span in ("5m", "1h") if writes else ():
            weighted += other[f"cache_creation_tokens_{span}"] * other[f"cache_creation_ratio_{span}"]
        weighted += row["completion_tokens"] * other["completion_ratio"]
        exact = weighted * other["model_ratio"] * other["group_ratio"]
        if abs(exact.quantize(Decimal(1), ROUND_HALF_UP) - row["quota"]) > 1:
            odd.add(row["request_id"])
    assert odd == planted


def test_both_ways_of_counting_a_prompt_occur_with_cache_writes(landed: Landed) -> None:
    counted = {
        other.get("usage_semantic") for _, other in consumed(landed.home) if "cache_creation_tokens" in other
    }
    assert counted == {None, "anthropic"}


def test_aisa_has_the_second_of_completion_and_tokenopen_that_of_reception(landed: Landed) -> None:
    odd = landed.ask(
        """
        with exact as (
            select id, max(started_at) as started_at, max(ended_at) as ended_at
            from raw('litellm_logs') group by id
        )
        select count(*)
        from raw('new_api_logs') as log
        join exact on log.request_id = exact.id
        where log.occurred_at
            != date_trunc('second', case log.source when 'aisa' then exact.ended_at else exact.started_at end)
        """
    )
    assert odd == [(0,)]


SINCE = date(2026, 8, 3)
NOW = datetime(2026, 8, 20, 6, tzinfo=UTC)
APIS: dict[str, Callable[[dict[str, Any]], Api]] = {
    "infery": lambda base: InferyApi(**base),
    "aisa": lambda base: NewApiApi(**base, user_env="GATEWAY_USER", page_size=50),
    "litellm": lambda base: LiteLlmApi(**base, page_size=50),
    "openrouter": lambda base: OpenRouterApi(**base),
}


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same world read through the usage APIs of the loopback gateway."""
    home = Home(tmp_path_factory.mktemp("fetched") / "home")
    home.root.mkdir()
    rows, slept = gateway_rows(DAYS, REQUESTS_PER_DAY, SEED), []

    def clock() -> float:
        return sum(slept)

    with pytest.MonkeyPatch.context() as patch, GatewayServer(rows, NOW, clock=clock) as gateway:
        patch.setenv("GATEWAY_TOKEN", "test_sandbox")
        patch.setenv("GATEWAY_USER", "7")
        for source, settings in APIS.items():
            base = {"url": gateway.url, "token_env": "GATEWAY_TOKEN", "since": SINCE}
            assert (
                fetch(
                    home, source, settings(base), USAGE_APIS[settings(base).kind], NOW, slept.append, clock
                ).findings
                == []
            )
    assert sum(record["rejects"] for record in convert(home)) == 0
    return home


CALL = "occurred_at, model, api_key_id, prompt_tokens, completion_tokens, credits_used, latency_ms"
ITEM = "* exclude (id, raw_file, raw_line, first_line, delivered_on, file_row_number)"
LITELLM_CALL = """
    litellm_call_id, started_at, ended_at, first_token_at, model, prompt_tokens, completion_tokens,
    cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, api_key_hash, team_id,
    org_id, nullif(end_user, ''), nullif(error_class, '')
    """
FILES_AND_API = {
    "infery": ("infery_usage", f"request_id, {CALL}", "infery_usage_api", f"request_id, {CALL}"),
    "aisa": ("new_api_logs", ITEM, "new_api_logs", ITEM),
    "litellm": (
        "litellm_logs",
        f"id, response_cost, {LITELLM_CALL}",
        "litellm_spend_logs_api",
        f"request_id, spend, {LITELLM_CALL}",
    ),
}
"""Source → table of the files and its columns, table of the API and its columns; they hold the same rows."""


@pytest.mark.parametrize("source", FILES_AND_API)
def test_the_api_lands_what_the_files_land(landed: Landed, fetched: Home, source: str) -> None:
    file_table, file_columns, api_table, api_columns = FILES_AND_API[source]
    from_files = landed.latest(file_columns, file_table, source, COUNTED[source][1])
    from_api = ask(
        fetched, f"select distinct {api_columns} from raw('{api_table}') where source = '{source}'"
    )
    assert sorted(map(repr, from_api)) == sorted(map(repr, from_files))


def test_openrouters_daily_sums_are_those_of_its_generations(landed: Landed, fetched: Home) -> None:
    sums = "occurred_at::date, model, workspace_id, count(*), sum(coalesce(native_tokens_prompt, 0)), sum(total_cost)"
    own = landed.latest(sums, "openrouter_generations", "openrouter", "id", "group by 1, 2, 3")
    columns = "activity_date, model, workspace_id, requests, prompt_tokens, usage_usd"
    expected = ask(fetched, f"select distinct {columns} from raw('openrouter_activity')")
    assert sorted(expected) == sorted(own)


def test_a_home_grows_in_its_own_connectors_only(tmp_path: Path) -> None:
    write_world(tmp_path, 1, 10, 1, ("aisa",))
    assert not (tmp_path / "landing/infron").exists()
    with pytest.raises(SandboxError, match="connectors aisa; it can only get more days"):
        write_world(tmp_path, 2, 10, 1, ("aisa", "litellm"))


@pytest.mark.parametrize("connectors", [(), ("aisa", "aisa"), ("one_api",)])
def test_connectors_without_a_writer_are_named(tmp_path: Path, connectors: tuple[str, ...]) -> None:
    with pytest.raises(
        SandboxError, match="write some of infron, aisa, tokenopen, infery, litellm, openrouter"
    ):
        write_world(tmp_path, 1, 10, 1, connectors)


def test_equal_arguments_give_equal_bytes_in_every_connector(tmp_path: Path) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    for home in homes:
        write_world(home, 7, 30, 2, tuple(CONNECTORS))
    one, two = ({p.relative_to(h): p.read_bytes() for p in h.rglob("*") if p.is_file()} for h in homes)
    assert one == two
