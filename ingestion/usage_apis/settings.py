"""The `api:` settings of a source in sources.yml: the address of its usage API, and what its documentation leaves open.

    sources:
      infery: {connector: infery, api: {url: https://api.infery.example, token_env: INFERY_TOKEN}}

A token is never written here: settings name the environment variable that holds it. What each API leaves
undocumented (an inclusive end, the size of a page) is a setting with the default of its documentation.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

KINDS = {
    "infery": "infery",
    "aisa": "new_api",
    "tokenopen": "new_api",
    "new_api": "new_api",
    "openrouter": "openrouter",
    "litellm": "litellm",
    "openai": "openai",
    "anthropic": "anthropic",
}
"""Which API the gateways of a connector have."""

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


def with_kind(source: dict[str, Any]) -> dict[str, Any]:
    """Return a source's settings with `api.kind` filled in from its connector.

    Raises:
        ValueError: there are `api:` settings, but gateways of this connector have no usage API.
    """
    api, connector = source.get("api"), source.get("connector")
    if not isinstance(api, dict) or "kind" in api or not isinstance(connector, str):
        return source
    if connector not in KINDS:
        raise ValueError(f"{connector} has no usage API; remove api, or write one of {', '.join(KINDS)}")
    return {**source, "api": {**api, "kind": KINDS[connector]}}


def is_loopback(address: str) -> bool:
    """Return whether an address is a loopback address."""
    return urlsplit(address).hostname in LOOPBACK


def _address(value: str) -> str:
    """Accept the scheme, host and path of an API; never user names, passwords or parameters."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be the address of the API; write for example https://api.example.com")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be an address alone; put the token into the variable token_env names")
    return value.rstrip("/")


def _variable(value: str) -> str:
    """Accept the name of an environment variable; anything else may be a token, so it is never shown."""
    if not _VARIABLE.fullmatch(value):
        raise ValueError(
            "must be the name of an environment variable, not a token; write capitals, digits and _"
        )
    return value


def _hours(value: int) -> int:
    if 24 % value:
        raise ValueError("a day must be a whole number of windows; write 1, 2, 3, 4, 6, 8, 12 or 24")
    return value


Address = Annotated[str, AfterValidator(_address)]
Variable = Annotated[str, AfterValidator(_variable)]
WindowHours = Annotated[int, Field(ge=1, le=24), AfterValidator(_hours)]


class Rate(BaseModel):
    """No more than `calls` calls in any `seconds` seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calls: int = Field(ge=1, le=100_000)
    seconds: float = Field(gt=0, le=86_400)


class Api(BaseModel):
    """Settings of every API.

    Attributes:
        url: Address in front of the API's own paths.
        token_env: Environment variable that holds the token; read when a fetch starts.
        since: First UTC day to fetch; by default 30 days back from the first fetch.
        settle_minutes: A window is requested this long after its end, because rows appear late.
        look_back_days: A window is requested again until it is this old, because rows change late.
        timeout_seconds: Longest silence, and a tenth of the longest time, an answer may take.
        rate: Limit on calls; null is no limit.
        outlast_seconds: How long one call is retried while the API answers 429.
        allow_http: Allow sending the token unencrypted over a trusted network.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Address
    token_env: Variable
    since: date | None = None
    settle_minutes: int = Field(default=15, ge=0)
    look_back_days: int = Field(default=3, ge=0, le=90)
    timeout_seconds: float = Field(default=30.0, gt=0)
    rate: Rate | None = None
    outlast_seconds: float = Field(default=600.0, ge=0)
    allow_http: bool = False

    @property
    def credentials(self) -> str:
        """The environment variables of the credentials, for messages."""
        return self.token_env

    @model_validator(mode="after")
    def _encrypted(self) -> Api:
        if self.url.startswith("http:") and not (self.allow_http or is_loopback(self.url)):
            raise ValueError("url must start with https://; or write allow_http: true for a trusted network")
        return self


class InferyApi(Api):
    """Infery's `/v1/usage`.

    Attributes:
        streams: usage_api (requests) and usage_api_grouped (sums per model, key and member).
        group_by: The groupings of usage_api_grouped.
        window_hours: Width of a window of requests; sums are always by the day.
        end: Whether `end` is part of the window; undocumented. `exclusive` may repeat a row, never lose one.
        cursor_param: Name under which `next_cursor` is sent back; undocumented.
    """

    kind: Literal["infery"] = "infery"
    streams: tuple[Literal["usage_api", "usage_api_grouped"], ...] = ("usage_api", "usage_api_grouped")
    group_by: tuple[Literal["model", "key", "member"], ...] = ("model", "key", "member")
    window_hours: WindowHours = 24
    end: Literal["exclusive", "inclusive"] = "exclusive"
    cursor_param: str = Field(default="cursor", pattern=r"^\w+$")


class NewApiApi(Api):
    """New-API's own endpoints, as AIsa, TokenOpen and any New-API gateway have them.

    Attributes:
        user_env: Environment variable that holds the account's number, sent as `New-Api-User`.
        rate: By default what a New-API gateway accepts from one address.
        streams: logs (items), data (hourly sums) and status (quota_per_unit).
        window_hours: Width of a window of log items; other streams use days.
        page_size: Items on a page; the gateway's own cap is 100.
        check_stat: Compare each window's quota with `/api/log/self/stat`.
    """

    kind: Literal["new_api"] = "new_api"
    user_env: Variable | None = None
    rate: Rate | None = Rate(calls=180, seconds=180)
    streams: tuple[Literal["logs", "data", "status"], ...] = ("logs", "data", "status")
    window_hours: WindowHours = 24
    page_size: int = Field(default=100, ge=1, le=100)
    check_stat: bool = True

    @property
    def credentials(self) -> str:
        """The environment variables of the credentials, for messages."""
        return f"{self.token_env} (or the number in {self.user_env})" if self.user_env else self.token_env


class OpenRouterApi(Api):
    """OpenRouter's `/api/v1/activity`: a management key, completed UTC days, the last 30 of them."""

    kind: Literal["openrouter"] = "openrouter"
    url: Address = "https://openrouter.ai"
    streams: tuple[Literal["activity"], ...] = ("activity",)
    settle_minutes: int = Field(default=60, ge=0)


class LiteLlmApi(Api):
    """LiteLLM's `/spend/logs/v2`.

    Attributes:
        window_hours: Width of a window; one with too many rows for page numbers is read in halves.
        page_size: Rows on a page; some proxies refuse more than 100, others accept 1000.
        own_calls_only: The token is not a proxy admin's and is meant to see only its own calls.
    """

    kind: Literal["litellm"] = "litellm"
    streams: tuple[Literal["spend_logs_api"], ...] = ("spend_logs_api",)
    window_hours: WindowHours = 24
    page_size: int = Field(default=100, ge=1, le=1000)
    own_calls_only: bool = False


OpenAiEndpoint = Literal[
    "completions",
    "embeddings",
    "moderations",
    "images",
    "audio_speeches",
    "audio_transcriptions",
    "vector_stores",
    "code_interpreter_sessions",
    "file_search_calls",
    "web_search_calls",
]


class OpenAiApi(Api):
    """OpenAI's organization usage and costs; needs an admin key.

    Attributes:
        endpoints: Which usage endpoints to read.
        bucket_width: Grain of usage; costs are always by the day.
        buckets_per_page: Buckets on a page.
        costs_settle_hours: How long after a day's end its costs are requested: they are booked up to a day late.
    """

    kind: Literal["openai"] = "openai"
    url: Address = "https://api.openai.com"
    streams: tuple[Literal["usage", "costs"], ...] = ("usage", "costs")
    endpoints: tuple[OpenAiEndpoint, ...] = (
        "completions",
        "embeddings",
        "moderations",
        "images",
        "audio_speeches",
        "audio_transcriptions",
    )
    bucket_width: Literal["1m", "1h", "1d"] = "1d"
    buckets_per_page: int = Field(default=24, ge=1, le=31)
    settle_minutes: int = Field(default=60, ge=0)
    costs_settle_hours: int = Field(default=24, ge=0)


class AnthropicApi(Api):
    """Anthropic's organization usage and cost reports; needs an admin key.

    Attributes:
        bucket_width: Grain of usage; costs are always by the day.
        buckets_per_page: Buckets on a page.
        costs_settle_hours: How long after a day's end its costs are requested.
    """

    kind: Literal["anthropic"] = "anthropic"
    url: Address = "https://api.anthropic.com"
    streams: tuple[Literal["usage", "costs"], ...] = ("usage", "costs")
    bucket_width: Literal["1m", "1h", "1d"] = "1d"
    buckets_per_page: int = Field(default=24, ge=1, le=31)
    settle_minutes: int = Field(default=60, ge=0)
    costs_settle_hours: int = Field(default=24, ge=0)


ApiSettings = Annotated[
    InferyApi | NewApiApi | OpenRouterApi | LiteLlmApi | OpenAiApi | AnthropicApi,
    Field(discriminator="kind"),
]
