"""Collect what happened in a run: Dagster's events become console lines, facts, and an exit code.

Runs nothing; night.py does.

Rulings: docs/decisions/runs.md#runs-1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice
from typing import Any

from dagster_project.alerts.nights import NightFacts
from dagster_project.runs.console import Console

PUBLICATION_STEP = "publication"

#: Errors of the user's input; their message says what to write instead.
USAGE_ERRORS = {"SourcesError", "ConfigError", "AliasConflict", "StripeSettingsError"}
#: Metadata of assets shown on the line of a step.
SHOWN = (
    "dagster/row_count",
    "rejects",
    "files",
    "held_back",
    "vanished",
    "days_rebuilt",
    "unmatched",
    "windows",
)
HELD_BACK, VANISHED, SILENT = "no_source_is_held_back", "no_file_has_vanished", "no_source_is_silent"
PAYMENTS_READ = "payments_were_read"
#: Columns of a failing row in a sentence.
MOST_COLUMNS = 6
REQUESTS = ["marts", "fct_usage_costs"]


class ExitCode(IntEnum):
    """Exit codes of `tollbook run`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NEEDS_A_PERSON = 3
    LOCKED = 4


@dataclass
class Night:
    """Facts collected from Dagster's events."""

    failed_steps: dict[str, str] = field(default_factory=dict)
    usage_errors: list[str] = field(default_factory=list)
    failed_checks: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    held_back: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    unread_sources: list[str] = field(default_factory=list)
    unreadable_events: list[str] = field(default_factory=list)
    undelivered: list[str] = field(default_factory=list)
    days_rebuilt: int = 0
    files_read: int = 0
    new_payments: int = 0
    published: bool = False
    replaced: bool = False

    @property
    def changed_nothing(self) -> bool:
        """Whether the published marts are unchanged."""
        return self.published and not self.replaced

    @property
    def shown_findings(self) -> list[str]:
        """What a person should look at: silent streams and findings of checks."""
        return [*self.silent, *self.findings]

    @property
    def code(self) -> ExitCode:
        """A failed check means that publishing was held back; any other failure is a failure.

        So is an event that could not be read, because its content is unknown.
        """
        if self.usage_errors:
            return ExitCode.USAGE
        if self.unreadable_events or (self.failed_steps and not self.failed_checks):
            return ExitCode.FAILED
        if (
            self.failed_checks
            or self.shown_findings
            or self.unread_sources
            or self.held_back
            or self.undelivered
        ):
            return ExitCode.NEEDS_A_PERSON
        return ExitCode.OK

    def facts(self) -> NightFacts:
        """Return the facts that alerts are made of; silent streams are told from the marts."""
        failed = [] if self.failed_checks else list(self.failed_steps.items())
        failed += [("the events of Dagster", message) for message in self.unreadable_events[:1]]
        return NightFacts(
            is_published=self.published,
            failed=failed,
            failed_checks=self.failed_checks,
            findings=self.findings,
            held_back=self.held_back,
            not_fetched=self.unread_sources,
            vanished=self.vanished,
        )


class Listener:
    """Converts Dagster's events, as they happen, into console lines and facts."""

    def __init__(self, night: Night, console: Console) -> None:
        self._night = night
        self._console = console
        self._numbers: dict[str, dict[str, Any]] = {}
        #: Checks whose lines are each about one source.
        self._of_sources = {
            HELD_BACK: night.held_back,
            VANISHED: night.vanished,
            SILENT: night.silent,
            PAYMENTS_READ: night.unread_sources,
        }

    def __call__(self, entry: Any) -> None:
        """Handle one entry of the event log; errors are noted, because Dagster would end the step."""
        try:
            self._take(entry)
        except Exception as error:
            self._night.unreadable_events.append(f"{type(error).__name__}: {error}, at: {entry.message}")

    def _take(self, entry: Any) -> None:
        event = entry.dagster_event
        if event is None or event.step_key is None:
            return
        data, kind = event.event_specific_data, event.event_type_value
        if kind == "STEP_START":
            self._console.activity(event.step_key)
        elif kind == "ASSET_MATERIALIZATION":
            self._materialized(event.step_key, data.materialization)
        elif kind == "ASSET_CHECK_EVALUATION":
            self._checked(data)
        elif kind == "STEP_SUCCESS":
            self._console.step_finished(event.step_key, data.duration_ms / 1000, self._shown(event.step_key))
            self._console.event("step", {"step": event.step_key, "seconds": data.duration_ms / 1000})
        elif kind == "STEP_FAILURE":
            self._failed(event.step_key, data)

    def _materialized(self, step: str, materialization: Any) -> None:
        metadata = {name: value.value for name, value in materialization.metadata.items()}
        path = materialization.asset_key.path
        if path[0] not in ("landing", "raw", "publication") and path != REQUESTS:
            return
        totals = self._numbers.setdefault(step, {})
        for name in SHOWN:
            if isinstance(metadata.get(name), int | float):
                totals[name] = totals.get(name, 0) + metadata[name]
        if path == REQUESTS:
            self._night.days_rebuilt = metadata.get("days_rebuilt", 0)
        elif path == ["raw", "stripe_payment_intents"]:
            self._night.new_payments = metadata["dagster/row_count"]
        elif path == [PUBLICATION_STEP]:
            self._night.published, self._night.replaced = True, metadata["replaced"]
        elif path[0] == "raw":
            self._night.files_read += metadata.get("files", 0)

    def _checked(self, check: Any) -> None:
        if check.passed:
            return
        path, name = check.asset_key.path, check.check_name
        asset = "/".join(path)
        finding = check.metadata.get("finding")
        is_error = check.severity.value == "ERROR"
        if path[0] == "landing" and is_error:
            self._night.unread_sources.append(f"{path[1]}: {_seen(check)}")
        elif name in self._of_sources:
            self._of_sources[name].extend(check.description.splitlines())
        elif is_error and len(path) == 3 and path[0] == "raw":
            pass  # Reported by the checks of raw/load_records.
        elif is_error:
            self._night.failed_checks.append(f"{asset}: {name.replace('_', ' ')}: {_seen(check)}")
        elif finding is not None and finding.value:
            self._night.findings.append(f"{asset}: {name.replace('_', ' ')}: {_seen(check)}")
        self._console.event(
            "check_failed",
            {"asset": asset, "check": check.check_name, "severity": check.severity.value},
        )

    def _failed(self, step: str, data: Any) -> None:
        message = _message(data)
        if _root(data.error).cls_name in USAGE_ERRORS:
            self._night.usage_errors.append(message)
        self._night.failed_steps[step] = message
        self._console.step_failed(step, message)
        self._console.event("step_failed", {"step": step, "message": message})

    def _shown(self, step: str) -> Mapping[str, Any]:
        numbers = dict(self._numbers.get(step, {}))
        if "dagster/row_count" in numbers:
            numbers = {"rows": numbers.pop("dagster/row_count"), **numbers}
        return numbers


def night_of(entries: Iterable[Any]) -> Night:
    """Return what happened in a run that is over, from the entries of its event log."""
    night = Night()
    listener = Listener(night, Console(None))
    for entry in entries:
        listener(entry)
    return night


def _seen(check: Any) -> str:
    """Return the number of rows a check found and the first of them, or its description."""
    failures, rows = check.metadata.get("failures"), check.metadata.get("failing_rows")
    if "compiled_sql" in check.metadata and failures is not None and failures.value:
        first = f", first {_row(rows.records[0].data)}" if rows is not None and rows.records else ""
        return f"{failures.value} {'row' if failures.value == 1 else 'rows'}{first}"
    return check.description or "failed"


def _row(row: Mapping[str, Any]) -> str:
    """Return the first values of a row, by column."""
    present = {name: value for name, value in row.items() if value is not None}
    shown = [f"{name} {value}" for name, value in islice(present.items(), MOST_COLUMNS)]
    return ", ".join(shown) + (", …" if len(present) > MOST_COLUMNS else "")


def _root(error: Any) -> Any:
    while error.cause is not None:
        error = error.cause
    return error


def _message(data: Any) -> str:
    """Return why a step failed, without Dagster's stack trace."""
    if data.user_failure_data is not None:
        return data.user_failure_data.description or ""
    name, _, message = _root(data.error).message.strip().partition(": ")
    return message or name
