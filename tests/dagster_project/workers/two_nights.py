"""The same two nights, here or on workers: a sandbox of five days and two days of September, then changes of both.

1  August and September are read and built, with a volume rule that two workspaces reach; August is published and closed
2  a late call of August is booked as an adjustment; a discount of September changes, a restatement of its days

python two_nights.py HOME      the first night alone, in a process that can be killed
"""

from __future__ import annotations

import json
import os
import sys
from datetime import date
from pathlib import Path

from dagster_project.books.build import build
from dagster_project.books.closing import close
from dagster_project.books.publishing import publish
from dagster_project.books.restating import Restatement
from dagster_project.dbt_runner.build import BuildResult
from dagster_project.dbt_runner.project import Mart, project
from dagster_project.steps.conversion import convert_days, landed_days
from ingestion import accepted, config, prices
from ingestion.home import HOME_VARIABLE, Home
from ingestion.load import write_schemas
from ingestion.sandbox import write_world
from ingestion.sources import load_sources

RULES = """\
rule_id,workspace_id,kind,factor,min_month_list_usd,valid_from,valid_to,reason
volume,ws_01,volume,0.8,0.05,2026-08-01,,much
volume,ws_september,volume,0.8,0.01,2026-09-01,,much
"""
LATER_RULES = RULES + "promo,ws_other,promo,0.5,,2026-09-01,,late\n"
#: Everything from raw files to what reads the requests: lake and tables, with windows and copies.
MODELS = [
    "+fct_usage_daily",
    "+fct_traffic_minutely",
    "+fct_restatements",
    "+rpt_restated_requests",
]


def write(home: Home) -> None:
    """Write what is there before the first night."""
    write_world(home.root, 5, 25, 11, ("infron", "litellm"))
    (home.config / "discount_rules.csv").write_text(RULES)
    for day in ("2026-09-01", "2026-09-02"):
        calls = [
            call(f"{workspace}-{day}-{number}", f"{day}T07:00:0{number}Z", workspace)
            for workspace in ("ws_september", "ws_other")
            for number in range(5)
        ]
        land(home, day, [*calls, calls[0]])  # and one of them twice


def call(request_id: str, created_at: str, workspace: str) -> str:
    """10,000 prompt and 500 completion tokens of claude-sonnet-4-5: $0.0375 at list prices."""
    usage = {"prompt_tokens": 10_000, "completion_tokens": 500, "total_tokens": 10_500}
    line = {"request_id": request_id, "created_at": created_at, "workspace_id": workspace, "usage": usage}
    return json.dumps({**line, "model": "anthropic/claude-sonnet-4-5", "status": "success"}) + "\n"


def land(home: Home, day: str, lines: list[str]) -> None:
    file = home.landing / "infron" / "logs" / f"dt={day}" / "own.ndjson"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(lines))


def first_night(home: Home) -> tuple[int, BuildResult]:
    return read(home), built(home)


def close_august(home: Home) -> None:
    publish(home, [Mart("fct_usage_costs"), Mart("fct_restatements")])
    close(home, "2026-08", date(2026, 9, 3), lambda *_: [], force=True)


def second_night(home: Home) -> tuple[int, BuildResult]:
    land(home, "2026-09-03", [call("late", "2026-08-04T07:00:00Z", "ws_01")])
    (home.config / "discount_rules.csv").write_text(LATER_RULES)
    return read(home), built(home, Restatement.parse("2026-09-01", "2026-09-02", "signed late", "promotion"))


def read(home: Home) -> int:
    """landing/ and config/ → raw/, as a night does without its gates; return the tasks of workers."""
    write_schemas(home)
    config.write_config(home)
    sources = load_sources(home)
    days = {day.isoformat() for day in landed_days(home, sources)}
    tasks = sum(
        convert_days(home, source, stream, days).work.tasks for source in sources for stream in source.streams
    )
    for source, records in accepted.as_landed(home, sources).items():
        accepted.accept(home, source, records)
    prices.write_catalogue(home)
    prices.resolve_models(home)
    prices.write_formulas(home)
    return tasks


def built(home: Home, restatement: Restatement | None = None) -> BuildResult:
    """Build MODELS with all they read; a broken node is told with dbt's message."""
    result = build(home, project(), MODELS, restatement)
    assert not result.broken, result.explain()
    return result


if __name__ == "__main__":
    os.environ[HOME_VARIABLE] = sys.argv[1]
    first_night(Home(Path(sys.argv[1])))
