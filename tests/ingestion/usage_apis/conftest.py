"""One small world served by the loopback gateway, and every API's way of asking for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ingestion.connectors.usage_apis import USAGE_APIS
from ingestion.home import Home
from ingestion.sandbox.servers.gateway import GatewayServer
from ingestion.sandbox.servers.loopback import Rule
from ingestion.sandbox.servers.rows import Options
from ingestion.usage_apis import FetchResult, fetch
from ingestion.usage_apis.settings import (
    AnthropicApi,
    Api,
    InferyApi,
    LiteLlmApi,
    NewApiApi,
    OpenAiApi,
    OpenRouterApi,
)

FIRST_DAY = date(2026, 11, 1)
NOW = datetime(2026, 11, 3, 6, tzinfo=UTC)
PAGE = 5
OPTIONS = Options(page_size=PAGE)
TOKEN = "test_c0ffee5ecret"

START = datetime(2026, 11, 1, tzinfo=UTC)
HOURS = [*range(12), 24, 25, 30, 47, 53]
"""When things happened, in hours after the first midnight: 12 on the first day, one exactly on the second
midnight, 3 more on the second day and one on the third, which is not over."""


def moments() -> list[datetime]:
    """When the world's requests happened."""
    return [START + timedelta(hours=hour) for hour in HOURS]


def infery_row(number: int, at: datetime) -> dict[str, Any]:
    """A request at Infery."""
    return {
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "model": "gpt-4o" if number % 2 else "claude-sonnet-4-5",
        "api_key_id": f"key_{number % 3}",
        "member_id": None if number % 3 else "mem_4",
        "prompt_tokens": 100 + number,
        "completion_tokens": 10,
        "credits_used": 2,
        "request_id": f"req_{number:04}",
        "latency_ms": 900,
        "fallback_depth": 0,
    }


def new_api_item(number: int, at: datetime) -> dict[str, Any]:
    """A log item at a New-API gateway; every fifth is an error."""
    return {
        "id": 0,
        "created_at": int(at.timestamp()),
        "type": 5 if number % 5 == 4 else 2,
        "token_name": "prod-web",
        "model_name": "gpt-4o",
        "quota": 0 if number % 5 == 4 else 1000 + number,
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "request_id": f"2026{number:04}",
        "other": "",
    }


def litellm_row(number: int, at: datetime) -> dict[str, Any]:
    """A SpendLogs row."""
    return {
        "request_id": f"chatcmpl-{number:04}",
        "startTime": at.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00"),
        "spend": 0.001,
        "prompt_tokens": 100,
        "completion_tokens": 10,
    }


def world() -> dict[str, list[dict[str, Any]]]:
    """Rows of every API."""
    times = list(enumerate(moments()))
    hours = [START + timedelta(hours=hour) for hour in range(54)]
    days = [START - timedelta(days=40)] + [START + timedelta(days=day) for day in range(3)]
    return {
        "infery": [infery_row(*one) for one in times],
        "new_api": [new_api_item(*one) for one in times],
        "litellm": [litellm_row(*one) for one in times],
        "openrouter": [
            {"date": f"{day.date()}", "model": "openai/gpt-4o", "requests": 3, "usage": 0.5} for day in days
        ],
        "openai_usage": [
            {"endpoint": endpoint, "start_time": int(hour.timestamp()), "input_tokens": 7, "model": "gpt-4o"}
            for endpoint in ("completions", "embeddings")
            for hour in hours
        ],
        "openai_costs": [
            {"start_time": int(day.timestamp()), "amount": {"value": 0.06, "currency": "usd"}} for day in days
        ],
        "anthropic_usage": [
            {"starting_at": f"{hour:%Y-%m-%dT%H:%M:%SZ}", "uncached_input_tokens": 9} for hour in hours
        ],
        "anthropic_costs": [
            {"starting_at": f"{day:%Y-%m-%dT%H:%M:%SZ}", "currency": "USD", "amount": "123.45"}
            for day in days
        ],
    }


BUILDERS: dict[str, tuple[type[Api], dict[str, Any], str]] = {
    "infery": (InferyApi, {}, "/v1/usage"),
    "new_api": (NewApiApi, {"user_env": "GATEWAY_USER", "page_size": PAGE}, "/api/log/self\\?"),
    "litellm": (LiteLlmApi, {"page_size": PAGE}, "/spend/logs/v2\\?.*sort_by"),
    "openrouter": (OpenRouterApi, {}, "/api/v1/activity"),
    "openai": (
        OpenAiApi,
        {"endpoints": ("completions", "embeddings"), "bucket_width": "1h", "buckets_per_page": 7},
        "/usage/completions",
    ),
    "anthropic": (AnthropicApi, {"bucket_width": "1h", "buckets_per_page": 7}, "/usage_report"),
}
"""Per API: its settings, those that make its pages small, and a pattern of its paged requests."""

PAGED = [kind for kind in BUILDERS if kind != "openrouter"]


def settings_for(kind: str, url: str, **changes: Any) -> Api:
    """Settings for a loopback gateway, from the first day on."""
    model, small, _ = BUILDERS[kind]
    base = {"url": url, "token_env": "GATEWAY_TOKEN", "since": FIRST_DAY}
    return model(**{**base, **small, **changes})


@dataclass
class Desk:
    """Fetches from loopback gateways and looks at what landed."""

    home: Home
    stack: ExitStack
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let time pass by the desk's clock."""
        self.slept.append(seconds)

    def clock(self) -> float:
        """The seconds the desk has slept; nothing else takes time."""
        return sum(self.slept)

    def gateway(
        self,
        script: Sequence[Rule] = (),
        rows: dict[str, list[dict[str, Any]]] | None = None,
        now: datetime = NOW,
        **options: Any,
    ) -> GatewayServer:
        """Start a gateway that stops with the test."""
        chosen = replace(OPTIONS, **options)
        return self.stack.enter_context(
            GatewayServer(
                rows if rows is not None else world(), now, script=script, options=chosen, clock=self.clock
            )
        )

    def fetch(
        self,
        gateway: GatewayServer,
        kind: str,
        now: datetime | None = None,
        home: Home | None = None,
        **changes: Any,
    ) -> FetchResult:
        """Fetch one source, named like its API, without really waiting."""
        settings = settings_for(kind, gateway.url, **changes)
        moment = now or gateway.books.now
        return fetch(home or self.home, kind, settings, USAGE_APIS[kind], moment, self.sleep, self.clock)

    def other_home(self, name: str) -> Home:
        """Another empty home."""
        root = self.home.root.parent / name
        root.mkdir()
        return Home(root)


def landed(home: Home, hidden: bool = False) -> dict[str, bytes]:
    """Every file below landing/ with its bytes; hidden ones only on request."""
    files = (path for path in home.landing.rglob("*") if path.is_file())
    found = {path.relative_to(home.landing).as_posix(): path.read_bytes() for path in sorted(files)}
    return {name: body for name, body in found.items() if hidden or "/." not in name}


def stamps(home: Home) -> dict[Path, int]:
    """When each visible page was last written, in nanoseconds."""
    return {
        path: path.stat().st_mtime_ns for path in home.landing.rglob("*.json") if "/." not in path.as_posix()
    }


@pytest.fixture
def desk(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk over an empty home, with a test token in the environment."""
    monkeypatch.setenv("GATEWAY_TOKEN", TOKEN)
    monkeypatch.setenv("GATEWAY_USER", "7")
    with ExitStack() as stack:
        yield Desk(home, stack)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, bytes]]:
    """What lands of an API when nothing goes wrong, records included; fetched once per API."""

    @cache
    def landing(kind: str) -> dict[str, bytes]:
        home = Home(tmp_path_factory.mktemp(f"undisturbed-{kind}"))
        with pytest.MonkeyPatch.context() as patch, GatewayServer(world(), NOW, options=OPTIONS) as gateway:
            patch.setenv("GATEWAY_TOKEN", TOKEN)
            patch.setenv("GATEWAY_USER", "7")
            fetch(home, kind, settings_for(kind, gateway.url), USAGE_APIS[kind], NOW)
        return landed(home, hidden=True)

    return landing


@pytest.fixture
def kit() -> Kit:
    """What tests share beside the desk."""
    return Kit()


@dataclass(frozen=True)
class Kit:
    """The world's constants and helpers, for modules that cannot import this one."""

    now: datetime = NOW
    start: datetime = START
    token: str = TOKEN
    world: Callable[[], dict[str, list[dict[str, Any]]]] = world
    new_api_item: Callable[..., dict[str, Any]] = new_api_item
    infery_row: Callable[..., dict[str, Any]] = infery_row
    litellm_row: Callable[..., dict[str, Any]] = litellm_row
    landed: Callable[..., dict[str, bytes]] = landed
    stamps: Callable[[Home], dict[Path, int]] = stamps
    settings_for: Callable[..., Api] = settings_for

    @staticmethod
    def pattern(kind: str) -> str:
        """The pattern of an API's paged requests."""
        return BUILDERS[kind][2]
