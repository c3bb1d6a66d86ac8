"""config/alerts.yml: which channels receive which alerts, immediately or in the daily digest.

    remind_days: 7
    routes:
      - {channels: [ops], severity: medium, immediate: high}
      - {channels: [team_a], workspaces: [ws_a], detectors: [daily_spend], sources: [infron], immediate: never}

All routes that match an alert count. A channel receives it immediately if any of them says so. Without the file every
channel receives everything: high severity immediately, the rest in the digest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dagster_project.alerts.alert import Alert
from dagster_project.alerts.channels import NAME, AlertSettingsError
from dagster_project.reports.incidents import severity_rank
from ingestion.home import Home
from ingestion.redaction import masked
from ingestion.sources.strict_yaml import YamlError, load_yaml

NEVER = "never"
Severity = Literal["low", "medium", "high"]

#: What pydantic's own words leave open.
_WORDS = {
    "missing": "is missing; write it",
    "extra_forbidden": "unknown setting; remove it or correct its spelling",
    "tuple_type": "must be a list, such as [ops]",
    "model_type": "must be settings with names, such as {channels: [ops]}",
    "string_type": "must be text",
}


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _channel(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(
            "not the name of a channel; write small letters, digits and _ (its URL belongs in config/alert_urls)"
        )
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Route(BaseModel):
    """Which channels receive which alerts.

    Attributes:
        channels: names of channels.
        workspaces: only alerts of these workspaces; empty means all, also alerts without one.
        detectors: only alerts that one of these found.
        sources: only alerts of these gateways.
        severity: only alerts of this severity or higher.
        immediate: send immediately from this severity on, else in the daily digest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: Annotated[
        tuple[Annotated[str, AfterValidator(_channel)], ...], BeforeValidator(_listed), Field(min_length=1)
    ]
    workspaces: Names = ()
    detectors: Names = ()
    sources: Names = ()
    severity: Severity = "low"
    immediate: Literal["low", "medium", "high", "never"] = "high"

    def fits(self, alert: Alert) -> bool:
        """Return whether its channels receive an alert."""
        return (
            severity_rank(alert.severity) >= severity_rank(self.severity)
            and (not self.workspaces or alert.workspace_id in self.workspaces)
            and (not self.sources or alert.source in self.sources)
            and (not self.detectors or bool(alert.detectors & set(self.detectors)))
        )

    def is_immediate(self, alert: Alert) -> bool:
        """Return whether they receive it immediately."""
        return self.immediate != NEVER and severity_rank(alert.severity) >= severity_rank(self.immediate)


class Routes(BaseModel):
    """The parsed config/alerts.yml.

    Attributes:
        routes: the routes.
        remind_days: days after the last digest of a channel until a digest repeats what is still open.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    routes: tuple[Route, ...]
    remind_days: Annotated[int, Field(ge=1, le=366)] = 7

    @property
    def channels(self) -> list[str]:
        """Every channel named."""
        return sorted({channel for route in self.routes for channel in route.channels})

    def of(self, alert: Alert) -> dict[str, bool]:
        """Return the channels that receive an alert, and whether immediately."""
        found: dict[str, bool] = {}
        for route in self.routes:
            if route.fits(alert):
                for channel in route.channels:
                    found[channel] = found.get(channel, False) or route.is_immediate(alert)
        return found


def routes(home: Home, known: Iterable[str]) -> Routes:
    """Return the routes of a home.

    Args:
        home: whose config/alerts.yml is read.
        known: channels that have a URL; without the file they receive everything.

    Raises:
        AlertSettingsError: the file cannot be read or is invalid.
    """
    shown = f"config/{home.alert_routes.name}"
    try:
        text = home.alert_routes.read_text(encoding="utf-8")
    except FileNotFoundError:
        names = tuple(sorted(known))
        return Routes(routes=(Route(channels=names),) if names else ())
    except (OSError, UnicodeDecodeError) as error:
        raise AlertSettingsError(f"{shown}: cannot be read as UTF-8 text ({error})") from error
    try:
        said = load_yaml(text)
    except YamlError as error:
        raise AlertSettingsError(f"{shown}: {_place(error)}") from None
    if not isinstance(said, dict):
        raise AlertSettingsError(f"{shown}: must be settings; write routes: [{{channels: [ops]}}]")
    try:
        return Routes.model_validate(said)
    except ValidationError as error:
        raise AlertSettingsError(_explained(shown, error)) from None


def _place(error: YamlError) -> str:
    """Say what is wrong with the YAML and where, without its text: somebody may have written a URL there."""
    what = str(error).splitlines()[0].partition("; ")[0]
    line = re.search(r"line (\d+)", str(error))
    return f"{masked(what)}{f', line {line[1]}' if line else ''}; correct it"


def _explained(shown: str, error: ValidationError) -> str:
    """Name file and key of every fault; what was written there may be a URL, so it is masked."""
    lines = []
    for fault in error.errors(include_url=False, include_context=False):
        key = masked(".".join(str(part) for part in fault["loc"]))
        what = _WORDS.get(fault["type"]) or masked(fault["msg"].removeprefix("Value error, "))
        lines.append(f"{shown}: {key}: {what}")
    return "\n".join(lines)
