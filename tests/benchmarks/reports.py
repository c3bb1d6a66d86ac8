"""`make bench`: how long a typical question to each rpt_ mart takes at 365 days and 2,000 keys.

The marts are filled here, with the columns of their contracts, not through 365 nights: 40 workspaces, 2,000 keys
that are all used every day, 1,000 members, 12 models. Each question is asked of a database file, on two
threads, a few times; the fastest counts, as the machine may be busy. Target: 0.1 s.

Seconds differ between machines and between runs. Not a test: pytest does not collect it.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import duckdb

from dagster_project.dbt_runner.project import project

DAYS = 365
KEYS = 2_000
ASKED = 5
TARGET_SECONDS = 0.1

#: Columns that are no measure; every other column of a mart is filled by its type.
DIMENSIONS = {
    "event_date": "day",
    "billing_date": "day",
    "billing_month": "date_trunc('month', day)::date",
    "source": "'infron'",
    "workspace_id": "concat('ws_', key % 40)",
    "api_key_id": "concat('key_', key)",
    "api_key_name": "concat('Key ', key)",
    "subject_name": "concat('Key ', key)",
    "member_id": "concat('member_', key % 1000)",
    "group_name": "concat('group_', key % 8)",
    "provider": "concat('provider_', model % 4)",
    "model_served": "concat('model_', model)",
    "model_requested": "concat('model_', (model + 1) % 12)",
    "call_type": "if(model = 0, 'embeddings', 'chat')",
    "status": "if(key % 97 = 0, 'failure', 'success')",
    "origin": "'api'",
    "scope": "'api_key'",
    "subject": "concat('key_', key)",
    "window_name": "concat('window_', model)",
    "allowance_id": "concat('budget_', key)",
    "kind": "'budget'",
    "unit": "'usd'",
}

#: How many days, days between two of them, subjects a day and models a subject each mart has at that size.
SHAPES = {
    "rpt_usage_by_key_daily": (DAYS, 1, KEYS, 1),
    "rpt_usage_by_member_daily": (DAYS, 1, 1000, 1),
    "rpt_usage_by_group_daily": (DAYS, 1, 320, 1),
    "rpt_usage_by_workspace_daily": (DAYS, 1, 40, 1),
    "rpt_usage_by_call_type_daily": (DAYS, 1, 40, 2),
    "rpt_usage_by_model_daily": (DAYS, 1, 1, 12),
    "rpt_usage_to_date": (1, 1, KEYS + 1000 + 320 + 40 + 12, 4),
    "rpt_savings_monthly": (12, 30, 40, 1),
    "rpt_budgets": (12, 30, 100, 1),
    "rpt_traffic_daily": (DAYS, 1, 53, 1),
    "rpt_fallbacks_daily": (DAYS, 1, 40, 5),
}
MONTH = "between date '2026-06-01' and date '2026-06-30'"
QUESTIONS = {
    "rpt_usage_by_key_daily": [
        "select api_key_id, sum(cache_optimized_cost_usd) as usd from {} group by all order by usd desc limit 20",
        "select event_date, sum(requests), sum(list_cost_usd) from {} where api_key_id = 'key_7' group by all",
        f"select workspace_id, sum(list_cost_usd) from {{}} where event_date {MONTH} group by all",
    ],
    "rpt_usage_by_member_daily": [
        "select member_id, sum(cache_optimized_cost_usd) as usd from {} group by all order by usd desc limit 20"
    ],
    "rpt_usage_by_group_daily": ["select group_name, sum(total_tokens) from {} group by all"],
    "rpt_usage_by_workspace_daily": [
        "select workspace_id, date_trunc('month', billing_date), sum(reported_cost_usd) from {} group by all"
    ],
    "rpt_usage_by_call_type_daily": ["select call_type, sum(requests) from {} group by all"],
    "rpt_usage_by_model_daily": [
        "select model_served, event_date, sum(cache_savings_usd) from {} group by all"
    ],
    "rpt_usage_to_date": ["select * from {} where scope = 'api_key' order by spend_rank limit 20"],
    "rpt_savings_monthly": ["select billing_month, sum(total_savings_usd) from {} group by all"],
    "rpt_budgets": ["select * from {} where status = 'over'"],
    "rpt_traffic_daily": ["select event_date, peak_rpm, duration_p95_ms from {} where subject = 'key_3'"],
    "rpt_fallbacks_daily": ["select model_requested, model_served, sum(requests) from {} group by all"],
}


def value(column: str, kind: str) -> str:
    """Return an expression for a generated cell."""
    if column in DIMENSIONS:
        return DIMENSIONS[column]
    if kind.startswith("decimal"):
        return f"cast(((key * 7919 + hash(day) % 1000 + model) % 100000) * 0.000123 as {kind})"
    if kind == "bigint":
        return "cast((key * 31 + hash(day) % 997 + model) % 10000 as bigint)"
    return f"cast({'day' if kind in ('date', 'timestamp') else 'null'} as {kind})"


def fill(database: Path) -> dict[str, int]:
    """Write every queried mart, with the columns its contract names; return rows by mart."""
    contracts = {
        node["name"]: {name: column["data_type"] for name, column in node["columns"].items()}
        for node in project().models
    }
    counts = {}
    with duckdb.connect(str(database)) as con:
        con.execute("create schema marts")
        for mart, (days, step, subjects, models) in SHAPES.items():
            rows = f"""
                select date '2026-01-01' + cast({step} * number as integer) as day, key, model
                from range({days}) d(number), range({subjects}) k(key), range({models}) m(model)
            """
            columns = ", ".join(f'{value(name, kind)} as "{name}"' for name, kind in contracts[mart].items())
            con.execute(f"create table marts.{mart} as select {columns} from ({rows}) order by day")
            [(counts[mart],)] = con.sql(f"select count(*) from marts.{mart}").fetchall()
    return counts


def ask(con: duckdb.DuckDBPyConnection, query: str) -> float:
    """Return the least seconds a query took whose rows are fetched."""
    seconds = []
    for _ in range(ASKED):
        started = time.monotonic()
        con.execute(query).fetchall()
        seconds.append(time.monotonic() - started)
    return min(seconds)


def main() -> None:
    """Fill, query, print."""
    slow = 0
    print(f"{'mart':<32} {'rows':>9} {'seconds':>8}  question")
    with tempfile.TemporaryDirectory(prefix="tollbook-bench-") as folder:
        database = Path(folder) / "reports.duckdb"
        counts = fill(database)
        with duckdb.connect(str(database), read_only=True) as con:
            con.execute("set threads = 2")
            for mart, questions in QUESTIONS.items():
                for question in questions:
                    seconds = ask(con, question.format(f"marts.{mart}"))
                    slow += seconds > TARGET_SECONDS
                    print(
                        f"{mart:<32} {counts[mart]:>9,} {seconds:>8.3f}  {question.format(mart)}", flush=True
                    )
    print(f"{slow} of {sum(map(len, QUESTIONS.values()))} took longer than {TARGET_SECONDS} s")


if __name__ == "__main__":
    main()
