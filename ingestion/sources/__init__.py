"""sources.yml: the gateways, their connectors, and the settings their files leave open.

Without the file every folder `landing/<connector>/` of a known connector is a source with default settings.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from ingestion.connectors import CONNECTORS, Connector
from ingestion.home import Home
from ingestion.sources.cadence import CADENCES
from ingestion.sources.settings import Conventions, known_zone
from ingestion.sources.strict_yaml import YamlError, load_yaml
from ingestion.usage_apis.settings import ApiSettings, Variable, with_kind

NAME = re.compile(r"[a-z0-9_-]+")
EVERY_STREAM = "*"

#: Messages that replace pydantic's.
_WORDS = {
    "missing": "is missing; write it",
    "string_type": "must be text",
    "tuple_type": "must be a list, such as [logs]",
    "model_type": "must be settings with names, such as {mode: test}",
    "model_attributes_type": "must be settings with names, such as {url: https://api.example.com, token_env: TOKEN}",
    "extra_forbidden": "unknown setting; remove it or correct its spelling",
}


class SourcesError(ValueError):
    """sources.yml cannot be used; the message names file and key and says what to write instead."""


def _renamed(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings in which `dialect`, as version 0.2 called it, is `connector`."""
    if "dialect" not in settings:
        return settings
    rest = {name: value for name, value in settings.items() if name != "dialect"}
    return {"connector": settings["dialect"], **rest}


def _known_connector(value: str) -> str:
    if value not in CONNECTORS:
        raise ValueError(f"{value!r} is not a connector; write one of {', '.join(sorted(CONNECTORS))}")
    return value


def _cadences(value: Any) -> Any:
    """Accept one cadence for all streams, or one for each."""
    named = value if isinstance(value, dict) else {EVERY_STREAM: value}
    for cadence in named.values():
        if cadence not in CADENCES:
            raise ValueError(
                f"{cadence!r} is not a cadence; write one of {', '.join(CADENCES)},"
                " or one for each stream such as {logs: daily, responses: none}"
            )
    return tuple((str(stream), cadence) for stream, cadence in named.items())


class Source(Conventions):
    """One gateway (or one account at one); what its figures mean is in `sources.settings`.

    Attributes:
        name: Folder name under landing/.
        connector: Name of the connector its files are written in.
        streams: The streams to read; all of the connector's by default.
        time_zone: IANA zone of times that carry no offset.
        api: Where its usage API is, if it is read.
        reject_threshold: A delivery day of which more than this share was rejected is not published...
        reject_minimum_lines: ...if that is more than this many lines. A few bad lines of a small day are a
            finding, not a broken delivery.
        vanished_threshold: Where more than this share of a stream's accepted events would be lost, because files have
            vanished from landing/ or hold less, the source keeps its accepted files.
        cadence: When its files are delivered: one of CADENCES, or one for each of some streams; learnt by default.
        grace_days: Days after a delivery was due until it is missed.
        ip: What is kept of the callers' addresses, where the connector has them: their SHA-256 (hash), or the addresses
            (keep); nothing by default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    # Version 0.2 called it dialect.
    connector: Annotated[str, AfterValidator(_known_connector)]
    streams: tuple[str, ...] = ()
    time_zone: Annotated[str, AfterValidator(known_zone)] = "UTC"
    api: ApiSettings | None = None
    reject_threshold: Annotated[float, Field(ge=0, le=1)] = 0.05
    reject_minimum_lines: Annotated[int, Field(ge=0)] = 100
    vanished_threshold: Annotated[float, Field(ge=0, le=1)] = 0.01
    cadence: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_cadences)] = ()
    grace_days: Annotated[int, Field(ge=0, le=366)] = 1
    ip: Literal["hash", "keep"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _all_streams(cls, data: dict) -> dict:
        data = with_kind(_renamed(data))
        name = data.get("connector")
        connector = CONNECTORS.get(name) if isinstance(name, str) else None
        if connector and not data.get("streams"):
            data = {**data, "streams": connector.stream_names()}
        return data

    @model_validator(mode="after")
    def _known_streams(self) -> Source:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot be a folder name; write small letters, digits, - and _")
        known = self.reader.stream_names()
        for stream in (*self.streams, *dict(self.cadence)):
            if stream not in known and stream != EVERY_STREAM:
                raise ValueError(
                    f"{self.connector} has no stream {stream!r}; write one of {', '.join(known)}"
                )
        return self

    def cadence_of(self, stream: str) -> str | None:
        """Return the configured cadence of a stream, or None where it is learnt."""
        stated = dict(self.cadence)
        return stated.get(stream, stated.get(EVERY_STREAM))

    @property
    def reader(self) -> Connector:
        """The connector itself."""
        return CONNECTORS[self.connector]


class StripeSettings(BaseModel):
    """Where payments are read from.

    Attributes:
        mode: sandbox (the home's own loopback server), test or live.
        api_key_env: Environment variable that holds a restricted, read-only key.
        livemode: Expected `livemode` of objects; an object of the other mode is counted and reported.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["sandbox", "test", "live"]
    api_key_env: Variable = "STRIPE_API_KEY"
    livemode: bool = False

    @model_validator(mode="before")
    @classmethod
    def _live_means_live(cls, data: dict) -> dict:
        return {"livemode": data.get("mode") == "live", **data} if isinstance(data, dict) else data


class Sources(BaseModel):
    """The parsed sources.yml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: tuple[Source, ...] = Field(default=())
    stripe: StripeSettings | None = None

    @model_validator(mode="before")
    @classmethod
    def _names(cls, data: dict) -> dict:
        named = data.get("sources")
        if named is None:
            return {**data, "sources": ()}
        if not isinstance(named, dict):
            raise ValueError(
                "sources must be names with settings below; write sources: {my-gateway: {connector: infron}}"
            )
        entries = []
        for name, settings in named.items():
            if settings is not None and not isinstance(settings, dict):
                raise ValueError(f"sources.{name} must be settings; write {name}: {{connector: infron}}")
            settings = settings or {}
            entries.append({"connector": str(name), **_renamed(settings), "name": str(name)})
        return {**data, "sources": tuple(entries)}


def load(home: Home) -> Sources:
    """Return the content of sources.yml, or what the landing folders imply if there is none.

    Raises:
        SourcesError: the file cannot be read or holds an invalid value.
    """
    path = home.sources_file
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        folders = (
            sorted(p.name for p in home.landing.iterdir() if p.is_dir()) if home.landing.is_dir() else []
        )
        return Sources(sources={name: {"connector": name} for name in folders if name in CONNECTORS})
    except (OSError, UnicodeDecodeError) as error:
        raise SourcesError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    try:
        data = load_yaml(text)
    except YamlError as error:
        raise SourcesError(f"{path}: {error}") from error
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise SourcesError(f"{path}: must hold `sources:` and its entries, not {type(data).__name__}")
    try:
        return Sources.model_validate(data)
    except ValidationError as error:
        raise SourcesError("\n".join(_explained(path.name, data, error))) from error


def load_sources(home: Home) -> list[Source]:
    """Return the sources of a home, by name.

    Raises:
        SourcesError: sources.yml cannot be used.
    """
    return sorted(load(home).sources, key=lambda source: source.name)


def _explained(file: str, data: dict, error: ValidationError) -> list[str]:
    names = list(data.get("sources") or {})
    lines = []
    for fault in error.errors(include_url=False):
        place = list(fault["loc"])
        if len(place) > 1 and place[0] == "sources" and isinstance(place[1], int):
            place[1] = names[place[1]]
        if "api" in place and place[-1] != "api":
            # The kind of the API is not written in the file where pydantic puts it.
            del place[place.index("api") + 1]
        key = ".".join(str(part) for part in place)
        what = _WORDS.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
        what = what.replace("Input should be", "must be")
        lines.append(f"{file}: {key + ': ' if key else ''}{what}")
    return lines
