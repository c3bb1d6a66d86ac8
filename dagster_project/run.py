"""What `tollbook run` does: one night, in this process, through Dagster.

    lock ► sources.yml ► days that need it ► job `nightly` on the home's own instance ► summary ► exit code

The same job runs in the Dagster UI; what is added here is one lock over the whole night, words for a person
and an exit code for a scheduler.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from dagster_project.console import Console, listening, say_all
from dagster_project.locks import writing
from ingestion.home import HOME_VARIABLE, Home
from ingestion.landing import problems
from ingestion.sources import Source, load_sources

if TYPE_CHECKING:
    import dagster as dg

PUBLICATION_STEP = "publication"

#: Runs of this command; only one at a time, under the writer lock of the home.
OURS = {"tollbook/started_by": "tollbook run"}

#: Errors that say a person wrote something that cannot be used; their message says what to write instead.
USAGE_ERRORS = {"SourcesError", "ConfigError", "AliasConflict", "StripeSettingsError"}
#: Metadata of assets that a person wants on the line of a step.
SHOWN = ("dagster/row_count", "rejects", "files", "files_vanished", "days_rebuilt", "unmatched")
REQUESTS = ["marts", "fct_usage_costs"]


class ExitCode(IntEnum):
    """What a scheduler learns."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NEEDS_A_PERSON = 3
    LOCKED = 4


@dataclass
class Night:
    """What happened, collected from Dagster's events."""

    failed_steps: dict[str, str] = field(default_factory=dict)
    usage_errors: list[str] = field(default_factory=list)
    failed_checks: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    days_rebuilt: int = 0
    files_read: int = 0
    files_vanished: int = 0
    new_payments: int = 0
    published: bool = False
    replaced: bool = False

    @property
    def changed_nothing(self) -> bool:
        """Whether the books are exactly what they were."""
        return self.published and not self.replaced

    @property
    def code(self) -> ExitCode:
        """A failed check explains why the publication was held back; any other failure is a failure."""
        if self.usage_errors:
            return ExitCode.USAGE
        if self.failed_steps and not self.failed_checks:
            return ExitCode.FAILED
        if self.failed_checks or self.findings:
            return ExitCode.NEEDS_A_PERSON
        return ExitCode.OK


def nightly(home: Home, since: date | None, until: date | None, console: Console) -> ExitCode:
    """Run one night over the delivery days that need it, or those of them from `since` to `until`.

    Raises:
        HomeLocked: another process is writing this home.
        SourcesError: sources.yml cannot be used.
    """
    os.environ[HOME_VARIABLE] = str(home.root)
    with writing(home):
        sources = load_sources(home)
        days = _days_that_need_it(home, sources, since, until)
        _announce(home, sources, days, console)
        night = _run(home, days, console)
    _conclude(home, night, console)
    return night.code


def _days_that_need_it(
    home: Home, sources: list[Source], since: date | None, until: date | None
) -> list[date]:
    """Return delivery days with files not yet read, or read but not yet passed by their gate."""
    from dagster_project.conversion import pending_days
    from dagster_project.gates import open_days

    days = pending_days(home, sources) | open_days(home, sources)
    return sorted(day for day in days if (not since or day >= since) and (not until or day <= until))


def _announce(home: Home, sources: list[Source], days: list[date], console: Console) -> None:
    console.event("started", {"home": str(home.root), "days": days})
    if not sources:
        console.say(f"nothing has landed in {home.landing}, and there is no {home.sources_file.name}")
    elif days:
        span = str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"
        console.say(f"{len(days)} delivery {'day' if len(days) == 1 else 'days'} to read: {span}")
    for problem in problems(home, sources):
        console.say(f"not read: {problem.path}: {problem.what}")
        console.event("not_read", {"path": problem.path, "what": problem.what})


def _run(home: Home, days: list[date], console: Console) -> Night:
    """Execute the job `nightly` and collect what it tells."""
    from dagster_project.definitions import defs
    from dagster_project.defs.jobs import NIGHTLY
    from dagster_project.defs.schedules import range_tags
    from dagster_project.instance import bury, open_instance

    job = defs().resolve_job_def(NIGHTLY)
    night = Night()
    listener = _Listener(night, console)
    with open_instance(home) as instance:
        bury(instance, OURS)
        run_id = _new_run_id()
        instance.add_event_listener(run_id, listener)
        with listening(console), console.night(len(job.graph.node_dict)):
            job.execute_in_process(
                instance=instance,
                run_id=run_id,
                raise_on_error=False,
                tags=OURS | (range_tags(days[0], days[-1]) if days else {}),
                asset_selection=None if days else _without_days(job),
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
    return night


def _new_run_id() -> str:
    from dagster._core.utils import make_new_run_id

    return make_new_run_id()


def _without_days(job: dg.JobDefinition) -> list[dg.AssetKey]:
    """Return the assets that are not made of delivery days: there is none to read."""
    graph = job.asset_layer.asset_graph
    return [key for key in graph.materializable_asset_keys if not graph.get(key).is_partitioned]


class _Listener:
    """Turns Dagster's events, as they happen, into lines on a console and facts of the night."""

    def __init__(self, night: Night, console: Console) -> None:
        self._night = night
        self._console = console
        self._numbers: dict[str, dict[str, Any]] = {}

    def __call__(self, entry: Any) -> None:
        """Take one entry of the event log."""
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
        if path[0] not in ("raw", "publication") and path != REQUESTS:
            return
        totals = self._numbers.setdefault(step, {})
        for name in SHOWN:
            if isinstance(metadata.get(name), int | float):
                totals[name] = totals.get(name, 0) + metadata[name]
        if path == REQUESTS:
            self._night.days_rebuilt = metadata.get("days_rebuilt", 0)
        elif path == ["raw", "manifests"]:
            self._night.files_vanished = metadata["files_vanished"]
        elif path == ["raw", "stripe_payment_intents"]:
            self._night.new_payments = metadata["dagster/row_count"]
        elif path == [PUBLICATION_STEP]:
            self._night.published, self._night.replaced = True, metadata["replaced"]
        elif path[0] == "raw":
            self._night.files_read += metadata.get("files", 0)

    def _checked(self, check: Any) -> None:
        if check.passed:
            return
        asset = "/".join(check.asset_key.path)
        sentence = f"{asset}: {check.check_name.replace('_', ' ')}: {_seen(check)}"
        finding = check.metadata.get("finding")
        if check.severity.value == "ERROR":
            self._night.failed_checks.append(sentence)
        elif finding is not None and finding.value:
            self._night.findings.append(sentence)
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


def _seen(check: Any) -> str:
    """Say how much a check found, or what it says itself."""
    failures = check.metadata.get("failures")
    if "compiled_sql" in check.metadata and failures is not None and failures.value:
        return f"{failures.value} {'row' if failures.value == 1 else 'rows'}"
    return check.description or "failed"


def _root(error: Any) -> Any:
    while error.cause is not None:
        error = error.cause
    return error


def _message(data: Any) -> str:
    """Say why a step failed, without Dagster's own stack."""
    if data.user_failure_data is not None:
        return data.user_failure_data.description or ""
    name, _, message = _root(data.error).message.strip().partition(": ")
    return message or name


def _conclude(home: Home, night: Night, console: Console) -> None:
    """Say what was found, what was published or held back, and what the books now say."""
    from dagster_project.reporting.marts import NothingPublished
    from dagster_project.reporting.summary import summarize

    try:
        summary = summarize(home)
    except NothingPublished:
        summary = None
    if summary:
        console.say("")
        say_all(console, summary.lines())
    _say_found(home, night, console)
    console.say(_verdict(home, night))
    console.event(
        "finished",
        {
            "exit_code": int(night.code),
            "published": night.published,
            "changed": night.replaced,
            "files_read": night.files_read,
            "days_rebuilt": night.days_rebuilt,
            "failed_checks": night.failed_checks,
            "findings": night.findings,
            "summary": summary.as_json() if summary else None,
        },
    )


def _say_found(home: Home, night: Night, console: Console) -> None:
    from dagster_project.reporting.truth import compare, truth_file

    for title, sentences in (("held back by", night.failed_checks), ("needs a person", night.findings)):
        for sentence in sentences:
            console.say(f"{title}: {sentence}")
    if night.published and truth_file(home).exists():
        console.say("")
        console.say(f"{'what':<38} {'planted':>22} {'found':>22}")
        for line in compare(home):
            mark = "" if line.agrees else "   differs"
            console.say(f"{line.what:<38} {line.planted:>22} {line.found:>22}{mark}")
        console.say("")


def _verdict(home: Home, night: Night) -> str:
    """Say in one sentence what happened to the publication."""
    if night.changed_nothing:
        return "nothing changed: the published marts are what they were"
    if night.published:
        days = f"{night.days_rebuilt} {'day' if night.days_rebuilt == 1 else 'days'} rebuilt"
        return f"published {home.marts_database}: {days}"
    kept = "the last publication stays" if home.marts_database.exists() else "nothing is published yet"
    return f"held back: {_reasons(night)}; {kept}"


def _reasons(night: Night) -> str:
    if night.failed_checks:
        count = len(night.failed_checks)
        return f"{count} failed {'check' if count == 1 else 'checks'}"
    return ", ".join(night.failed_steps) + " failed" if night.failed_steps else "the run was stopped"
