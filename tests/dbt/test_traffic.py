"""Peaks, rates and percentiles equal those counted over the requests, of one model or of all together."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.home import Home
from tests.conftest import SHARED_DATA
from tests.dbt.conftest import build, infron_line, land_text, rows

TRAFFIC = ["+fct_traffic_hourly", "+rpt_traffic_daily", "+rpt_fallbacks_daily"]
SOURCES = """
sources:
  sample: {connector: infron}
  infery: {connector: infery}
  litellm: {connector: litellm}
  traces: {connector: infron}
  conversations: {connector: infron}
  clients: {connector: infron}
"""
MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)
CONVERSATIONS = "mooncake_synthetic.parquet"
CLIENTS = "servegen_language_rates_10min.parquet"
#: Clients small enough to replay request by request, two weeks of them.
STEPS = """
    select model, client_id, ts_s, requests_600s from read_parquet($file) where requests_600s > 0
    qualify sum(requests_600s) over (partition by model, client_id) between 500 and 4000
    order by all
"""
TRACES = {"code": "azure_llm_2023_code.parquet", "conv": "azure_llm_2023_conv.parquet"}


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sample() -> list[dict[str, Any]]:
    """1,500 calls in the last two hours of one day and the first of the next, in bursts, some of them failed."""
    dice = random.Random("traffic")
    lines = []
    for number in range(1500):
        at = MIDNIGHT + timedelta(
            hours=22, minutes=int(dice.triangular(0, 180, 100)), seconds=dice.random() * 59
        )
        prompt = dice.randrange(1, 9000)
        lines.append(
            infron_line(
                f"sample-{number}",
                created_at=stamp(at),
                model=dice.choice(("openai/gpt-4o", "openai/gpt-4o-mini")),
                workspace_id=dice.choice(("ws_1", "ws_2", None)),
                status=dice.choices(("success", "failure", "timeout"), (90, 7, 3))[0],
                processing_ms=int(dice.lognormvariate(7, 1.5)),
                usage={
                    "prompt_tokens": prompt,
                    "completion_tokens": 10,
                    "total_tokens": prompt + 10,
                    "prompt_tokens_details": {"cached_tokens": dice.choice((0, prompt // 2))},
                },
            )
        )
    return lines


def infery(number: int, overhead_ms: int, **changes: Any) -> dict[str, Any]:
    """A call through Infery that took two seconds at the provider and `overhead_ms` in the gateway."""
    arrived = MIDNIGHT + timedelta(hours=12, seconds=number)
    asked = arrived + timedelta(milliseconds=overhead_ms)
    answered = asked + timedelta(seconds=2)
    return {
        "request_id": f"req-{number}",
        "timings": {
            "gateway_in": stamp(arrived),
            "provider_in": stamp(asked),
            "provider_out": stamp(answered),
            "gateway_out": stamp(answered),
        },
        "model_requested": "gpt-4o",
        "model_used": "gpt-4o",
        "fallback": False,
        "prompt_tokens": 10,
        "completion_tokens": 1,
        "credits_used": 1,
        **changes,
    }


def litellm(number: int, first_token_ms: int) -> dict[str, Any]:
    """A streamed call through LiteLLM whose first token came after `first_token_ms`."""
    started = MIDNIGHT.timestamp() + number
    return {
        "id": f"call-{number}",
        "call_type": "acompletion",
        "status": "success",
        "stream": True,
        "cache_hit": number % 4 == 0,
        "startTime": started,
        "completionStartTime": started + first_token_ms / 1000,
        "endTime": started + 10,
        "model": "gpt-4o",
        "custom_llm_provider": "openai",
        "prompt_tokens": 10,
        "completion_tokens": 1,
        "total_tokens": 11,
        "response_cost": 0.000035,
    }


def trace(name: str, file: Path) -> list[dict[str, Any]]:
    """The calls of a trace, to the millisecond."""
    with duckdb.connect() as session:
        calls = session.sql(f"select * from '{file}' order by all").fetchall()
    return [
        infron_line(
            f"{name}-{number}",
            created_at=stamp(at.replace(tzinfo=UTC)),
            model=f"openai/{name}",
            usage={"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer},
        )
        for number, (at, prompt, answer) in enumerate(calls)
    ]


def conversations(file: Path) -> list[dict[str, Any]]:
    """Prompts of conversations, served by an unlimited prefix cache as far as seen; the trace states how much."""
    query = "select seq, timestamp_ms, input_length, output_length, cached_tokens_inf_cache from read_parquet($file)"
    with duckdb.connect() as session:
        calls = session.sql(query, params={"file": str(file)}).fetchall()
    return [
        infron_line(
            f"conversation-{number}",
            created_at=stamp(MIDNIGHT + timedelta(hours=9, milliseconds=at_ms)),
            usage={
                "prompt_tokens": prompt,
                "completion_tokens": answer,
                "total_tokens": prompt + answer,
                "prompt_tokens_details": {"cached_tokens": cached},
            },
        )
        for number, at_ms, prompt, answer, cached in calls
    ]


def clients(file: Path) -> list[dict[str, Any]]:
    """Requests of single clients, spread evenly over the ten minutes of which the trace knows their number."""
    with duckdb.connect() as session:
        steps = session.sql(STEPS, params={"file": str(file)}).fetchall()
    return [
        infron_line(
            f"{model}-{client}-{start}-{number}",
            created_at=stamp(MIDNIGHT + timedelta(seconds=start + 600 * number / requests)),
            model=model,
            api_key_id=str(client),
        )
        for model, client, start, requests in steps
        for number in range(requests)
    ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("traffic"))
    home.sources_file.write_text(SOURCES)
    land_text(home, "sample/logs/dt=2026-11-02/part.ndjson", sample())
    calls = [infery(number, 5 * number) for number in range(20)]
    calls.append(infery(20, 7, fallback=True, model_used="gpt-4o-mini"))
    land_text(home, "infery/requests/dt=2026-11-02/part.ndjson", calls)
    land_text(home, "litellm/logs/dt=2026-11-02/part.ndjson", [litellm(n, 40 * n) for n in range(100)])
    for name, file in TRACES.items():
        if (SHARED_DATA / "traces" / file).exists():
            land_text(
                home, f"traces/logs/dt=2023-11-17/{name}.ndjson", trace(name, SHARED_DATA / "traces" / file)
            )
    for source, name, lines in (
        ("conversations", CONVERSATIONS, conversations),
        ("clients", CLIENTS, clients),
    ):
        if (file := SHARED_DATA / "traces" / name).exists():
            land_text(home, f"{source}/logs/dt=2026-11-16/part.ndjson", lines(file))
    build(home, TRAFFIC)
    return home


def table(home: Home, query: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(home.build_database), read_only=True) as connection:
        relation = connection.sql(query)
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def requests(home: Home, source: str) -> list[dict[str, Any]]:
    return table(home, f"select * from marts.fct_usage_costs where source = '{source}'")


def hour(request: dict[str, Any]) -> datetime:
    return request["occurred_at"].replace(minute=0, second=0, microsecond=0)


def minute(request: dict[str, Any]) -> datetime:
    return request["occurred_at"].replace(second=0, microsecond=0)


def nearest_rank(values: list[int], percentile: int) -> int:
    return sorted(values)[(len(values) * percentile + 99) // 100 - 1]


def assert_close(found: int, values: list[int], percentile: int) -> None:
    exact = nearest_rank(values, percentile)
    assert exact <= found
    assert (found - exact) * 32 <= exact


def test_an_hour_counts_its_requests_and_its_busiest_minute(world: Home) -> None:
    hours = defaultdict(list)
    for request in requests(world, "sample"):
        hours[hour(request), request["workspace_id"], request["model_served"]].append(request)
    found = table(world, "select * from marts.fct_traffic_hourly where source = 'sample'")
    assert len(found) == len(hours) == 3 * 3 * 2
    for row in found:
        calls = hours[row["hour_at"], row["workspace_id"], row["model_served"]]
        tokens: Counter[datetime] = Counter()
        for call in calls:
            tokens[minute(call)] += call["total_tokens"]
        assert row["requests"] == len(calls)
        assert row["peak_rpm"] == max(Counter(map(minute, calls)).values())
        assert row["peak_tpm"] == max(tokens.values())
        assert row["mean_rpm"] == Decimal((len(calls) * 10**6 + 30) // 60).scaleb(-6)
        failed = sum(call["status"] == "failure" for call in calls)
        assert row["error_rate"] == Decimal((failed * 10**6 + len(calls) // 2) // len(calls)).scaleb(-6)
        assert row["timed_out_requests"] == sum(call["status"] == "timeout" for call in calls)


def test_percentiles_are_at_most_a_32nd_above_the_exact_ones(world: Home) -> None:
    hours = defaultdict(list)
    for request in requests(world, "sample"):
        hours[hour(request), request["workspace_id"], request["model_served"]].append(request["duration_ms"])
    for row in table(world, "select * from marts.fct_traffic_hourly where source = 'sample'"):
        for percentile in (50, 90, 95, 99):
            durations = hours[row["hour_at"], row["workspace_id"], row["model_served"]]
            assert_close(row[f"duration_p{percentile}_ms"], durations, percentile)


def test_percentiles_combine_over_hours_models_and_workspaces(world: Home) -> None:
    everything = requests(world, "sample")
    for row in table(world, "select * from marts.rpt_traffic_daily where source = 'sample'"):
        durations = [
            call["duration_ms"]
            for call in everything
            if call["event_date"] == row["event_date"]
            and row["subject"] in ("all", call["workspace_id"] or "unattributed", call["model_served"])
        ]
        assert row["requests"] == len(durations)
        for percentile in (50, 90, 95, 99):
            assert_close(row[f"duration_p{percentile}_ms"], durations, percentile)


def test_every_latency_is_in_the_bucket_that_names_its_end(world: Home) -> None:
    """Below 64 ms the bucket is the value; the buckets of 64 to 127 hold two values each, of 1,024 to 2,047 32."""
    buckets = dict(
        rows(
            world,
            """
            select costs.duration_ms, min(buckets.bucket_ms)
            from marts.fct_usage_costs as costs
            inner join marts.fct_latency_hourly as buckets
                on buckets.metric = 'duration' and buckets.source = 'sample' and buckets.bucket_ms >= costs.duration_ms
            where costs.source = 'sample' group by 1
            """,
        )
    )
    for value, bucket in buckets.items():
        width = max(1, 2 ** (value.bit_length() - 6))
        assert bucket == value // width * width + width - 1


def test_peaks_of_all_models_are_counted_together(world: Home) -> None:
    everything = requests(world, "sample")
    for row in table(
        world, "select * from marts.rpt_traffic_daily where source = 'sample' and scope = 'all'"
    ):
        minutes = Counter(minute(call) for call in everything if call["event_date"] == row["event_date"])
        assert row["peak_rpm"] == max(minutes.values())
        assert row["peak_rpm_at"] == min(at for at, calls in minutes.items() if calls == row["peak_rpm"])


def test_the_four_timings_give_the_gateway_overhead(world: Home) -> None:
    """Twenty calls with 0, 5, … 95 ms and one with 7: the 11th of 21 is 45 ms, the 20th 90, in a bucket up to 91."""
    [row] = table(world, "select * from marts.rpt_traffic_daily where source = 'infery' and scope = 'all'")
    assert (row["gateway_overhead_p50_ms"], row["gateway_overhead_p95_ms"]) == (45, 91)
    assert row["ttft_p50_ms"] is None


def test_a_fallback_names_the_requested_model_and_the_one_that_answered(world: Home) -> None:
    """One call of 21: 0.047619."""
    assert rows(
        world, "select source, model_requested, model_served, requests from marts.rpt_fallbacks_daily"
    ) == [("infery", "gpt-4o", "gpt-4o-mini", 1)]
    rate = "select fallback_rate from marts.rpt_traffic_daily where source = 'infery' and scope = 'all'"
    assert rows(world, rate) == [(Decimal("0.047619"),)]


def test_the_first_token_and_the_two_caches_have_rates_of_their_own(world: Home) -> None:
    """First tokens after 0, 40, … 3,960 ms: the median is 1,960; a quarter came from the gateway's own cache."""
    [row] = table(world, "select * from marts.rpt_traffic_daily where source = 'litellm' and scope = 'all'")
    assert_close(row["ttft_p50_ms"], [40 * n for n in range(100)], 50)
    assert (row["gateway_cache_hit_rate"], row["cache_hit_rate"]) == (Decimal("0.25"), Decimal(0))
    assert row["streamed_requests"] == 100


@pytest.mark.shared_data
def test_peaks_of_real_arrivals_equal_a_count_over_the_requests(world: Home, shared_data: Path) -> None:
    """Microsoft's two services, alone and together: their busiest minutes are not the same."""
    files = {name: str(shared_data / "traces" / file) for name, file in TRACES.items()}
    counted = """
        select max(calls), max(tokens)::bigint from (
            select count(*) as calls, sum(ContextTokens + GeneratedTokens) as tokens
            from read_parquet($files) group by date_trunc('minute', TIMESTAMP)
        )
    """
    found = {
        subject: peaks
        for subject, *peaks in rows(
            world, "select subject, peak_rpm, peak_tpm from marts.rpt_traffic_daily where source = 'traces'"
        )
    }
    with duckdb.connect() as session:
        for subject, chosen in (
            ("all", list(files.values())),
            *((f"openai/{n}", [f]) for n, f in files.items()),
        ):
            assert found[subject] == list(session.sql(counted, params={"files": chosen}).fetchall()[0])
    assert found["openai/code"][0] == 585
    assert found["openai/conv"][0] == 502
    assert found["all"][0] < 585 + 502


@pytest.mark.shared_data
def test_the_hit_rate_of_real_conversations_is_what_their_cache_served(
    world: Home, shared_data: Path
) -> None:
    """39,852,661 of 61,194,628 prompt tokens, in 1,782 of 3,993 calls."""
    [found] = rows(
        world,
        """
        select requests, input_tokens, cache_read_tokens, cache_hit_rate, cache_hit_request_rate, peak_rpm, peak_tpm
        from marts.rpt_traffic_daily where source = 'conversations' and scope = 'all'
        """,
    )
    counted = """
        select max(calls), max(tokens)::bigint from (
            select count(*) as calls, sum(input_length + output_length) as tokens
            from read_parquet($file) group by timestamp_ms // 60000
        )
    """
    with duckdb.connect() as session:
        file = str(shared_data / "traces" / CONVERSATIONS)
        [peaks] = session.sql(counted, params={"file": file}).fetchall()
    rates = (Decimal("0.651244"), Decimal("0.446281"))
    assert found == (3993, 61_194_628, 39_852_661, *rates, *peaks)


@pytest.mark.shared_data
def test_ten_minutes_hours_and_days_of_real_clients_hold_the_requests_they_made(
    world: Home, shared_data: Path
) -> None:
    """Two weeks with ramps and dead hours; a mean of an hour is a sixtieth of its requests."""
    with duckdb.connect() as session:
        file = str(shared_data / "traces" / CLIENTS)
        steps = session.sql(STEPS, params={"file": file}).fetchall()
    assert len(steps) == 20
    for length, at, mart in (
        (600, "time_bucket(interval 10 minute, minute_at)", "fct_traffic_minutely"),
        (3600, "hour_at", "fct_traffic_hourly"),
        (86400, "cast(event_date as timestamp)", "rpt_traffic_daily"),
    ):
        expected: Counter[tuple[str, int]] = Counter()
        for model, _, start, requests in steps:
            expected[model, start // length] += requests
        subject, scope = ("subject", "and scope = 'model'") if "daily" in mart else ("model_served", "")
        found = rows(
            world,
            f"""
            select {subject}, epoch({at} - timestamp '{MIDNIGHT:%Y-%m-%d}')::bigint // {length}, sum(requests)::bigint
            from marts.{mart} where source = 'clients' {scope} group by all
            """,
        )
        assert {(model, period): requests for model, period, requests in found} == expected, mart
    hourly = "select requests, mean_rpm from marts.fct_traffic_hourly where source = 'clients'"
    for requests, mean in rows(world, hourly):
        assert mean == Decimal((requests * 10**6 + 30) // 60).scaleb(-6)


def test_a_late_call_rebuilds_the_traffic_of_its_day_only(world: Home) -> None:
    built = """
        select model, event_date::varchar, fingerprint from meta.day_builds
        where contains(model, 'traffic') or contains(model, 'latency') or contains(model, 'fallbacks')
    """
    before = set(rows(world, built))
    late = infery(21, 9)
    land_text(world, "infery/requests/dt=2026-11-05/late.ndjson", [late])
    build(world, TRAFFIC)
    changed = {(model, day) for model, day, _ in set(rows(world, built)) - before}
    assert changed == {
        (model, "2026-11-01")
        for model in (
            "fct_traffic_minutely",
            "fct_latency_hourly",
            "fct_traffic_hourly",
            "rpt_traffic_daily",
            "rpt_fallbacks_daily",
        )
    }
    requests = "select requests from marts.rpt_traffic_daily where source = 'infery' and scope = 'all'"
    assert rows(world, requests) == [(22,)]
