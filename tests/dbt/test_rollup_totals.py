"""Σ of every mart that adds up usage is Σ of the requests, to the last digit: sandbox, LiteLLM, random worlds.

The marts are found in dbt's manifest, and so are the measures they share with the requests: a new mart is held to all
requests unless PARTS says which of them it counts.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import uuid4

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.books.build import build as build_books
from dagster_project.dbt_runner.project import project
from ingestion.home import Home
from ingestion.sandbox import write_world
from tests.conftest import SHARED_DATA
from tests.dbt.conftest import TWO_WORLDS, build, land, rows
from tests.dbt.marts.conftest import write_parquet

Row = dict[str, Any]

MODEL = f"model.{project().manifest_json['metadata']['project_name']}."
REQUESTS = "fct_usage_costs"
COUNTED = "case adjustment_kind when 'changed' then 0 when 'vanished' then -1 else 1 end"
CACHED = " + ".join(f"cache_read_{modality}tokens" for modality in ("", "audio_", "image_", "video_"))
#: Measures that are no column of the requests, or are called otherwise there.
MEASURES = {
    "requests": COUNTED,
    "successful_requests": f"case when status = 'success' then {COUNTED} else 0 end",
    "failed_requests": f"case when status = 'failure' then {COUNTED} else 0 end",
    "timed_out_requests": f"case when status = 'timeout' then {COUNTED} else 0 end",
    "unpriced_requests": "case when unpriced_reason is not null then 1 else 0 end",
    "cache_read_requests": f"case when {CACHED} != 0 then {COUNTED} else 0 end",
    "charged_usd": "case when cost_variance_usd is not null then reported_cost_usd end",
    "unpriced_charge_usd": "case when cost_variance_usd is null then reported_cost_usd end",
    "ListCost": "cache_list_cost_usd",
    "ContractedCost": "cache_optimized_cost_usd",
    "EffectiveCost": "cache_optimized_cost_usd",
    "x_Requests": COUNTED,
    "x_UncachedListCost": "list_cost_usd",
    "x_CacheSavings": "cache_savings_usd",
    "x_ReportedCost": "reported_cost_usd",
    "x_CreditsUsed": "credits_used",
}
CALLED = "adjusts_event_id is null"
FELL_BACK = "coalesce(fallback_depth > 0, model_requested != model_served, false)"
#: Rows of a mart that add up, and the requests they do; without an entry all rows add up to all requests.
PARTS: Mapping[str, list[tuple[str, str]]] = {
    "fct_traffic_minutely": [("true", CALLED)],
    "fct_traffic_hourly": [("true", CALLED)],
    "rpt_traffic_daily": [(f"scope = '{scope}'", CALLED) for scope in ("all", "workspace", "model")],
    "fct_latency_hourly": [
        (f"metric = '{metric}'", f"{metric}_ms >= 0 and {CALLED}")
        for metric in ("duration", "ttft", "gateway_overhead")
    ],
    "rpt_fallbacks_daily": [("true", f"{FELL_BACK} and {CALLED}")],
    "rpt_unpriced_usage": [("true", "unpriced_reason is not null")],
    "fct_discount_use_daily": [("true", "discount_rule_id is not null")],
    "focus_cost_and_usage": [("ChargeCategory = 'Usage'", "cache_optimized_cost_usd is not null")],
}
#: Marts that count a request more than once, and what they count.
COUNTED_IN = {
    "rpt_unknown_fields": f"marts.{REQUESTS}, unnest(string_split(unknown_fields, ',')) as unknown (field_name)",
}
#: Known of a request together or not at all.
TIERS = (
    *("list_cost_usd", "discounted_cost_usd", "cache_optimized_cost_usd", "cache_list_cost_usd"),
    *("discount_savings_usd", "cache_savings_usd"),
)
#: Marts of windows, wallets, budgets and complete days: no column says which requests they count; see their own tests.
ELSEWHERE = {
    *("rpt_usage_to_date", "rpt_budgets", "rpt_credit_margins_daily", "recon_credit_burn"),
    "fct_day_completeness",
}


def nodes() -> Mapping[str, Any]:
    return project().manifest_json["nodes"]


@cache
def connected(kind: str, *starts: str) -> frozenset[str]:
    """Every model reached along `child_map` or `parent_map`."""
    edges, found, todo = project().manifest_json[kind], set(), list(starts)
    while todo:
        for name in edges.get(todo.pop(), []):
            if name.startswith(MODEL) and name not in found:
                found.add(name)
                todo.append(name)
    return frozenset(found)


@cache
def measures() -> Mapping[str, Mapping[str, str]]:
    """By mart that is made of requests: its measures, and what each is of a request."""
    own = {
        name: name
        for name, column in nodes()[MODEL + REQUESTS]["columns"].items()
        if adds_up(name, column["data_type"])
    }
    marts = {
        nodes()[name]["name"]: of_columns(nodes()[name]["columns"], own | MEASURES)
        for name in connected("child_map", MODEL + REQUESTS)
        if nodes()[name]["fqn"][1] == "marts"
    }
    return {mart: found for mart, found in sorted(marts.items()) if found and mart not in ELSEWHERE}


def of_columns(columns: Iterable[str], known: Mapping[str, str]) -> Mapping[str, str]:
    """The measures among a mart's columns; without columns by modality the tokens read from a cache are all of them."""
    found = {column: known[column] for column in columns if column in known}
    if "cache_read_tokens" in found and "cache_read_audio_tokens" not in found:
        found["cache_read_tokens"] = CACHED
    return found


def adds_up(name: str, data_type: str) -> bool:
    amount = name.endswith("_usd") and name != "rounding_unit_usd" and data_type.startswith("decimal")
    count = name.endswith("_tokens") or name in ("credits_used", "quota_used", "web_searches")
    return amount or count


def test_marts_that_add_up_usage_are_found_by_themselves() -> None:
    """All of them: the daily sums, the dimensions' requests, traffic, reconciliation and FOCUS."""
    assert (
        measures().keys()
        >= {
            "fct_usage_daily",
            *(
                f"rpt_usage_by_{subject}_daily"
                for subject in ("model", "key", "member", "group", "workspace")
            ),
            *("rpt_usage_by_call_type_daily", "rpt_savings_monthly", "recon_reported_costs", "dim_models"),
        }
        | PARTS.keys()
    )
    made_of_requests = {name.removeprefix(MODEL) for name in connected("child_map", MODEL + REQUESTS)}
    assert made_of_requests >= ELSEWHERE


def test_every_night_compares_every_rollup_with_its_requests() -> None:
    """The dbt test names its marts, because dbt needs them before it runs."""
    project_name = nodes()[MODEL + REQUESTS]["package_name"]
    [nightly] = [
        node for node in nodes().values() if node["name"] == "assert_every_rollup_has_the_same_total"
    ]
    rollups = {
        name
        for name, node in nodes().items()
        if f"macro.{project_name}.usage_rollup" in node["depends_on"]["macros"]
    }
    assert len(rollups) >= 6
    assert rollups <= set(nightly["depends_on"]["nodes"])


def assert_sums_of_requests(home: Home) -> None:
    """Hold every measure of every mart against the requests."""
    for mart, found in measures().items():
        requests = COUNTED_IN.get(mart, f"marts.{REQUESTS}")
        for part, counted in PARTS.get(mart, [("true", "true")]):
            of_mart = ", ".join(f"coalesce(sum({name}), 0)" for name in found)
            of_requests = ", ".join(f"coalesce(sum({expression}), 0)" for expression in found.values())
            assert dict(
                zip(found, rows(home, f"select {of_mart} from marts.{mart} where {part}")[0], strict=True)
            ) == dict(
                zip(
                    found,
                    rows(home, f"select {of_requests} from {requests} where {counted}")[0],
                    strict=True,
                )
            ), f"{mart} where {part}"


def test_sums_of_the_sandbox_are_those_of_its_requests(home: Home) -> None:
    """Three gateways that count in dollars, quota and credits, with planted mischarges, refunds and duplicates."""
    connectors = ("infron", "aisa", "infery")
    write_world(home.root, days=3, requests_per_day=40, seed=5, connectors=connectors)
    build(home, [f"+{mart}" for mart in measures()])
    [(requests, sources)] = rows(home, f"select count(*), count(distinct source) from marts.{REQUESTS}")
    assert requests > 3 * 40
    assert sources >= len(connectors)
    assert_sums_of_requests(home)


@pytest.mark.shared_data
@pytest.mark.usefixtures("shared_data")
def test_sums_of_real_litellm_calls_are_those_of_their_requests(home: Home) -> None:
    for stream, name in (("logs", "standard_logging_payload"), ("spend_logs", "spend_logs")):
        folder = home.landing / f"litellm/{stream}/dt=2026-11-20"
        folder.mkdir(parents=True)
        shutil.copy(SHARED_DATA / "litellm" / f"{name}.ndjson.gz", folder)
    build(home, [f"+{mart}" for mart in measures()])
    assert rows(home, f"select count(*) > 500 from marts.{REQUESTS}") == [(True,)]
    assert_sums_of_requests(home)


def random_requests(dice: random.Random) -> Iterator[Row]:
    """Rows of any day, subject and size, a tenth of them adjustments of another day."""
    columns = {name: column["data_type"] for name, column in nodes()[MODEL + REQUESTS]["columns"].items()}
    choices = {
        "workspace_id": ("ws_1", "ws_2", None),
        "api_key_id": ("key_1", "key_2", None),
        "api_key_name": ("Zebra", "apple", None),
        "member_id": ("ada", None),
        "group_name": ("vip", None),
        "origin": ("api", "playground"),
        "provider": ("openai", ""),
        "model_requested": ("gpt-4o", "gpt-4o-mini", None),
        "model_served": ("gpt-4o", "gpt-4o-mini", None),
        "call_type": ("chat", "embeddings"),
        "status": ("success", "failure", "timeout", "cancelled"),
        "variance_reason": ("match", "rounding", None),
        "billing_mode": ("per_token", "free"),
        "unknown_fields": ("audio_fee", "audio_fee,other.fee", None),
    }
    for number in range(150):
        at = datetime(2026, 10, 28) + timedelta(seconds=dice.randrange(8 * 86400))
        is_adjustment = dice.random() < 0.1
        row: Row = {name: dice.choice(known) for name, known in choices.items()}
        for name, data_type in columns.items():
            if adds_up(name, data_type):
                row[name] = amount(dice, data_type, is_adjustment)
        is_priced = dice.random() < 0.8
        row |= {name: (row[name] or Decimal(0)) if is_priced else None for name in TIERS}
        parts = [name for name in row if name.endswith("_variance_usd") and name != "cost_variance_usd"]
        compared = row["cost_variance_usd"] is not None and row["reported_cost_usd"] is not None
        row |= {name: (row[name] or Decimal(0)) if compared else None for name in parts}
        row["cost_variance_usd"] = sum(row[name] for name in parts) if compared else None
        row |= {
            "source": "base",
            "event_id": f"event-{number}",
            "request_id": f"request-{number}",
            "occurred_at": at.replace(hour=0, minute=0, second=0) if is_adjustment else at,
            "event_date": at.date(),
            "event_type": "adjustment" if is_adjustment else "usage",
            "duration_ms": None if is_adjustment else dice.choice((None, dice.randrange(100_000))),
            "unpriced_reason": None if is_adjustment or is_priced else "no_price",
        }
        if is_adjustment:
            row |= {
                "adjusts_event_id": f"closed-{number}",
                "adjusts_event_date": date(2026, 9, 30),
                "adjustment_kind": dice.choice(("late", "changed", "vanished")),
            }
        yield row


def next_to_nothing() -> Row:
    """A workspace of which refunds left a picodollar at list, and a hundred thousand dollars of savings."""
    left = dict.fromkeys(TIERS, Decimal("0.000000000001")) | {"discount_savings_usd": Decimal(100_000)}
    return next(random_requests(random.Random(0))) | left | {"event_id": "left", "workspace_id": "ws_left"}


def amount(dice: random.Random, data_type: str, is_adjustment: bool) -> int | Decimal | None:
    """Tokens are always known; money may be null, fills the range of the column, and is signed."""
    if not data_type.startswith("decimal"):
        most = dice.choice((2, 1000, 10**9))
        return dice.randrange(-most if is_adjustment else 0, most)
    if dice.random() < 0.2:
        return None
    return Decimal(dice.randrange(-(10 ** dice.choice((3, 12, 16))), 10 ** dice.choice((3, 12, 16)))).scaleb(
        -12
    )


def scaled(row: Row, times: int) -> Row:
    """The same request of `times` the size."""
    sizes = {name for name in row if adds_up(name, "decimal")}
    return row | {name: None if row[name] is None else row[name] * times for name in sizes}


def split(row: Row) -> Iterator[Row]:
    """The same usage as a request and a correction that holds a part of each amount."""
    sizes = [name for name in row if adds_up(name, "decimal") and row[name] is not None]
    third = {
        name: (row[name] / 3).quantize(Decimal("1e-12")) if isinstance(row[name], Decimal) else 0
        for name in sizes
    }
    rest = {name: row[name] - third[name] for name in sizes}
    yield row | rest
    yield (
        row
        | third
        | {
            "event_id": f"{row['event_id']}-part",
            "unpriced_reason": None,
            "adjusts_event_id": row["event_id"],
            "adjusts_event_date": row.get("adjusts_event_date") or row["event_date"],
            "adjustment_kind": "changed",
        }
    )


def of_source(source: str, found: list[Row]) -> Iterator[Row]:
    """The rows as a source's, each delivered on its day."""
    for row in found:
        file = f"{source}/logs/dt={row['event_date']}/calls.ndjson"
        yield row | {"source": source, "event_id": f"{source}:{row['event_id']}", "raw_file": file}


def replace_requests(home: Home, found: list[Row]) -> None:
    """Put rows in place of fct_usage_costs, as new days."""
    columns = [(name, column["data_type"]) for name, column in nodes()[MODEL + REQUESTS]["columns"].items()]
    parquet = home.root / "requests.parquet"
    write_parquet(parquet, columns, found)
    with duckdb.connect(str(home.build_database)) as session:
        session.execute(f"create or replace view marts.{REQUESTS} as from '{parquet}'")
        session.execute(f"delete from meta.day_builds where model = '{REQUESTS}'")
        session.execute(
            f"""
            insert into meta.day_builds
            select '{REQUESTS}', event_date, $world, null, null, count(*), $world, null
            from marts.{REQUESTS} group by event_date
            """,
            {"world": uuid4().hex},
        )


@pytest.fixture(scope="module")
def random_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """No call, but everything the marts are made of."""
    home = Home(tmp_path_factory.mktemp("random"))
    land(home, "2026-11-01", [])
    build(home, [f"+{mart}" for mart in measures()])
    return home


@TWO_WORLDS
@given(seed=st.integers(0, 2**32))
def test_sums_of_random_requests_hold_scaled_shuffled_split_and_beside_others(
    random_home: Home, seed: int
) -> None:
    """One world five times over: as it is, times 7, in another order, each request in two, with a workspace more.

    Times 7 every sum is 7 times as large; shuffled and split no row of any rollup changes; beside another workspace no
    row of the others does.
    """
    dice = random.Random(seed)
    base = [*random_requests(dice), next_to_nothing()]
    more = [row | {"event_id": f"more:{row['event_id']}", "workspace_id": "ws_more"} for row in base[:40]]
    worlds = {
        "base": base,
        "scaled": [scaled(row, 7) for row in base],
        "shuffled": dice.sample(base, len(base)),
        "split": [part for row in base for part in split(row)],
        "beside": base + more,
    }
    replace_requests(
        random_home, [row for source, found in worlds.items() for row in of_source(source, found)]
    )
    between = connected("child_map", MODEL + REQUESTS) & (
        connected("parent_map", *(MODEL + mart for mart in measures()))
        | {MODEL + mart for mart in measures()}
    )
    result = build_books(random_home, project(), sorted(name.removeprefix(MODEL) for name in between))
    assert not result.broken, result.explain()
    assert_sums_of_requests(random_home)

    for rollup, found in measures().items():
        if rollup in PARTS or rollup.startswith("dim_"):
            continue
        amounts = [name for name in found if "requests" not in name] or ["0"]
        sums = f"select {', '.join(f'sum({name})' for name in amounts)} from marts.{rollup} where source = '{{}}'"
        [once], [seven_times] = (
            rows(random_home, sums.format("base")),
            rows(random_home, sums.format("scaled")),
        )
        assert [7 * amount for amount in once] == list(seven_times), rollup
        whole = f"select * exclude (source) from marts.{rollup} where source = '{{}}' {{}} order by all"
        expected = rows(random_home, whole.format("base", ""))
        assert rows(random_home, whole.format("shuffled", "")) == expected, rollup
        assert rows(random_home, whole.format("split", "")) == expected, rollup
        if "workspace_id" in nodes()[MODEL + rollup]["columns"]:
            others = "and workspace_id is distinct from 'ws_more'"
            assert rows(random_home, whole.format("beside", others)) == expected, rollup
