"""The same three nights, here or on workers: five days, a restatement, a month that closes and a late file for it.

1  five days of a sandbox by two gateways; a volume rule that a workspace reaches on the first day
2  a discount begins on the fourth day: a restatement of two days; then August is closed
3  a late call of the second day: an adjustment
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

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
contract,ws_02,contract,0.9,,2026-08-01,,signed
"""
LATER_RULES = RULES + "promo,ws_03,promo,0.5,,2026-08-06,,late\n"
LATE_CALL = (
    '{"request_id":"late","created_at":"2026-08-04T07:00:00Z","model":"openai/gpt-4o","status":"success",'
    '"workspace_id":"ws_01","usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}\n'
)
#: Every model that is built day by day, the history of the requests, and all that these read.
DAY_BUILT = [
    f"+{node.name}"
    for node in project().graph.nodes.values()
    if node.is_by_day or node.name in ("fct_restatements", "rpt_restated_requests")
]


def nights(home: Home, patch: pytest.MonkeyPatch) -> Iterator[tuple[int, BuildResult]]:
    """Yield the tasks of landing files and the result of the build, night by night."""
    patch.setenv(HOME_VARIABLE, str(home.root))
    patch.setenv("TOLLBOOK_TODAY", "2026-08-08")
    write_world(home.root, 5, 20, 11, ("infron", "litellm"))
    (home.config / "discount_rules.csv").write_text(RULES)
    yield read(home), built(home)
    (home.config / "discount_rules.csv").write_text(LATER_RULES)
    reason = Restatement.parse("2026-08-06", "2026-08-07", "the promotion was signed late", "promotion")
    yield read(home), built(home, reason)
    patch.setenv("TOLLBOOK_TODAY", "2026-09-02")
    publish(home, [Mart("fct_usage_costs"), Mart("fct_restatements")])
    close(home, "2026-08", date(2026, 9, 2), lambda *_: [], force=True)
    late = home.landing / "infron" / "logs" / "dt=2026-09-02" / "late.ndjson"
    late.parent.mkdir(parents=True)
    late.write_text(LATE_CALL)
    yield read(home), built(home)


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
    """Build what is built day by day, and what is said of it; a broken node fails the test with dbt's message."""
    result = build(home, project(), DAY_BUILT, restatement)
    assert not result.broken, result.explain()
    return result
