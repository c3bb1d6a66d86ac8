"""One home with the hand-written files of several gateways and providers, landed and built once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingestion.home import Home
from tests.dbt.conftest import FACTS, build, rows

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"

#: Stream folder → fixture. `infery_eu` is Infery again, with a stated value of its credits.
LANDED = {
    **{
        f"{source}/{stream}": f"infery/{stream}.{suffix}"
        for source in ("infery", "infery_eu")
        for stream, suffix in (
            ("usage", "csv"),
            ("usage_api", "json"),
            ("usage_api_grouped", "json"),
            ("requests", "ndjson"),
            ("headers", "ndjson"),
            ("plans", "ndjson"),
        )
    },
    "openrouter/generations": "openrouter/generations.ndjson",
    "openrouter/activity": "openrouter/activity.json",
    "litellm/spend_logs": "litellm/spend_logs.ndjson",
    "openai/usage": "openai/usage.json",
    "openai/costs": "openai/costs.json",
    "anthropic/usage": "anthropic/usage.json",
    "anthropic/costs": "anthropic/costs.json",
}

SOURCES = """
sources:
  infery: {connector: infery}
  infery_eu: {connector: infery, usd_per_credit: 0.01}
  openrouter: {connector: openrouter}
  openrouter_twice: {connector: openrouter}
  litellm: {connector: litellm}
  openai: {connector: openai}
  anthropic: {connector: anthropic}
"""

MODELS = (
    "stg_infery__plans",
    "stg_infery__usage_api_grouped",
    "stg_openrouter__activity",
    "stg_openai__usage",
    "stg_openai__costs",
    "stg_anthropic__usage",
    "stg_anthropic__costs",
)


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[tuple[Any, ...]]]:
    """Answer a query over the warehouse of the landed files; the sums were delivered twice."""
    root = tmp_path_factory.mktemp("landed") / "home"
    root.mkdir()
    (root / "sources.yml").write_text(SOURCES)
    home = Home(root)
    for stream, fixture in LANDED.items():
        for day in ("2026-11-02", "2026-11-03"):
            folder = home.landing / stream / f"dt={day}"
            folder.mkdir(parents=True)
            shutil.copy(FIXTURES / fixture, folder)
    # The page's own export of generations, where people put it.
    shutil.copy(FIXTURES / "openrouter/generations.csv", home.landing / "openrouter/activity/dt=2026-11-02")
    contradictory = {
        "id": "gen-cut",
        "created_at": "2026-11-01T12:00:00Z",
        "model": "openai/gpt-4o",
        "native_tokens_prompt": 100,
        "native_tokens_completion": 50,
        "native_tokens_cached": 130,
        "native_tokens_reasoning": 40,
        "native_tokens_completion_images": 30,
    }
    more = home.landing / "openrouter/generations/dt=2026-11-02/more.ndjson"
    more.write_text(json.dumps(contradictory) + "\n")
    # One day's sums delivered twice on one day, in files whose names say nothing of what came later.
    day = home.landing / "openrouter_twice/activity/dt=2026-11-02"
    day.mkdir(parents=True)
    for name, model, requests, usage in (
        ("b.json", "grew", 3, 0.3),
        ("a.json", "grew", 5, 0.5),
        ("a2.json", "as-many", 4, 0.4),
        ("b2.json", "as-many", 4, 0.2),
    ):
        sums = {"date": "2026-11-01", "model": model, "requests": requests, "usage": usage}
        (day / name).write_text(json.dumps({"data": [sums]}))
    build(home, (*FACTS, *(f"+{model}" for model in MODELS)))
    return lambda query: rows(home, query)
