"""`tollbook run`: one nightly run, in this process, through Dagster.

    lock ► sources.yml ► usage APIs ► days that need it ► job `nightly`: raw assets ► what changed?
                       ► job `nightly`: books and publication ► summary ► alerts ► exit code

The same job runs in the Dagster UI; this module adds one lock over the whole run, output for people and an exit code
for a scheduler. Usage APIs have a separate run before it, so that the pages they land are among the planned days.
events.py collects the results, selection.py selects the assets of each run.

Rulings: docs/decisions/runs.md#runs-5, docs/decisions/runs.md#runs-12.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from uuid import uuid4

from dagster_project.alerts.delivery import send_alerts
from dagster_project.alerts.nights import NightFacts
from dagster_project.books.locks import writing
from dagster_project.books.restating import NotRestatable, Restatement, refuse_closed, restated, summary_lines
from dagster_project.runs.console import Console, listening, say_all
from dagster_project.runs.events import ExitCode, Listener, Night
from dagster_project.runs.planner import Plan, plan, streams_of
from dagster_project.workers.driving import DONE
from dagster_project.workers.setting import setting
from ingestion import accepted
from ingestion.home import HOME_VARIABLE, Home, HomeLocked
from ingestion.landing import problems
from ingestion.sources import Source, SourcesError, load_sources

if TYPE_CHECKING:
    import dagster as dg


@dataclass(frozen=True)
class Asked:
    """Options of a run; by default it covers every delivery day that needs it.

    Attributes:
        since: leave out earlier delivery days.
        until: leave out later ones.
        accept_vanished: sources whose files may have been removed from landing/.
        restatement: event days that get a reason if the run prices them differently than before.
    """

    since: date | None = None
    until: date | None = None
    accept_vanished: Sequence[str] = ()
    restatement: Restatement | None = None


@dataclass(frozen=True)
class Code:
    """The code a run needs, loaded for the home that $TOLLBOOK_HOME names.

    Attributes:
        nightly: definitions with the job `nightly`.
        fetch: definitions of the usage APIs alone.
        found: lines that compare the findings with the sandbox's planted faults; empty without a sandbox.
    """

    nightly: Callable[[], dg.Definitions]
    fetch: Callable[[], dg.Definitions]
    found: Callable[[Home], Sequence[str]]


class UnknownSource(SourcesError):
    """An argument names a source that does not exist; the person who typed it is told, nobody else."""


def nightly(home: Home, code: Code, console: Console, asked: Asked) -> ExitCode:
    """Execute one nightly run and send its alerts, also if it could not start.

    Raises:
        HomeLocked: another process is writing this home.
        SourcesError: sources.yml cannot be used, or `accept_vanished` names an unknown source.
        NotRestatable: a restatement names days of a closed month.
        SettingError: TOLLBOOK_WORKERS or a variable beside it cannot be used.
    """
    setting()
    try:
        return _nightly(home, code, console, asked)
    except (HomeLocked, NotRestatable, UnknownSource):
        raise
    except Exception as error:
        failed = [("startup", str(error) or type(error).__name__)]
        say_all(console, send_alerts(home, NightFacts(is_published=False, failed=failed)).lines())
        raise


def _nightly(home: Home, code: Code, console: Console, asked: Asked) -> ExitCode:
    from dagster_project.runs.instance import OURS, end_dead_runs, open_instance, remove_old_logs

    os.environ[HOME_VARIABLE] = str(home.root)
    night, restatement = Night(), asked.restatement
    with writing(home, wait_seconds=0):
        if restatement:
            refuse_closed(home, restatement)
        sources = load_sources(home)
        _refuse_unknown(home, sources, asked.accept_vanished)
        with open_instance(home) as instance:
            end_dead_runs(instance, OURS)
            remove_old_logs(instance, home)
            if any(source.api for source in sources):
                # This must land its files before the days are planned.
                _execute(instance, code.fetch().resolve_implicit_global_asset_job_def(), night, console)
            planned = plan(home, sources, asked.since, asked.until)
            _announce(home, sources, planned.days, console)
            streams = streams_of(home, sources, planned)
            _run(home, instance, code.nightly(), planned, streams, asked, night, console)
    _conclude(home, code, night, console)
    if restatement and night.published:
        say_all(console, summary_lines(home, restatement))
        console.event("restated", {"restatement": vars(restatement), "days": restated(home, restatement)})
    return night.code


def _refuse_unknown(home: Home, sources: list[Source], names: Sequence[str]) -> None:
    known = sorted({source.name for source in sources} | set(accepted.sources(home)))
    for name in names:
        if name not in known:
            raise UnknownSource(
                f"--accept-vanished {name}: no source has this name (known: {', '.join(known)})"
            )


def _announce(home: Home, sources: list[Source], days: Sequence[date], console: Console) -> None:
    console.event("started", {"home": str(home.root), "days": list(days)})
    if not sources:
        console.say(f"nothing has landed in {home.landing}, and there is no {home.sources_file.name}")
    elif days:
        span = str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"
        console.say(f"{len(days)} delivery {'day' if len(days) == 1 else 'days'} to read: {span}")
    for problem in problems(home, sources):
        console.say(f"not read: {problem.path}: {problem.what}")
        console.event("not_read", {"path": problem.path, "what": problem.what})


def _run(
    home: Home,
    instance: dg.DagsterInstance,
    definitions: dg.Definitions,
    planned: Plan,
    streams: set[tuple[str, str]],
    asked: Asked,
    night: Night,
    console: Console,
) -> None:
    """Execute the job `nightly` in two runs: what reads landing/, then the books that it changes.

    Dagster records an event for every asset and check of a run, which takes longer than finding that there is nothing
    to do. So the first run leaves out streams that have no file, and the second models that are as they were.
    """
    from dagster_project.books.build import models_to_report
    from dagster_project.dbt_runner.project import project
    from dagster_project.runs.names import NIGHTLY
    from dagster_project.runs.selection import books_assets, landing_assets

    job = definitions.resolve_job_def(NIGHTLY)
    graph = job.asset_layer.asset_graph
    ops = {"raw__load_records": {"config": {"accept_vanished": list(asked.accept_vanished)}}}
    _execute(instance, job, night, console, landing_assets(graph, streams), ops, planned.tags())
    if night.failed_steps or night.failed_checks:
        return
    config: dict[str, object] = {"only_what_changed": True}
    if asked.restatement:
        config["restate"] = asked.restatement.config()
    models = models_to_report(home, project())
    _execute(instance, job, night, console, books_assets(graph, models), {"dbt": {"config": config}})


def _execute(
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    night: Night,
    console: Console,
    assets: Sequence[dg.AssetKey] | None = None,
    ops: dict[str, dict] | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    """Execute a job, or some assets of it, in this process and collect its events."""
    from dagster_project.runs.instance import OF_THE_CODE_LOCATION, OURS

    run_id = str(uuid4())
    instance.add_event_listener(run_id, Listener(night, console))
    with listening(console), console.night(len(job.graph.node_dict)):
        job.execute_in_process(
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            tags=OURS | OF_THE_CODE_LOCATION | (tags or {}),
            asset_selection=assets,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}, "ops": ops or {}},
        )


def _conclude(home: Home, code: Code, night: Night, console: Console) -> None:
    """Print the summary, the findings, and what was published or held back."""
    from dagster_project.books.published import NothingPublished, PublishedElsewhere
    from dagster_project.reports.summary import summarize

    summary, workers = None, setting()
    try:
        summary = summarize(home)
    except PublishedElsewhere as error:
        console.say(str(error))
    except NothingPublished:
        pass
    if summary:
        console.say("")
        say_all(console, summary.lines())
    _say_found(home, code, night, console)
    outcome = send_alerts(home, night.facts())
    night.undelivered.extend(outcome.undelivered)
    say_all(console, outcome.lines())
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
            "findings": night.shown_findings,
            "unread_sources": night.unread_sources,
            "held_back": night.held_back,
            "vanished": night.vanished,
            "alerts_sent": list(outcome.sent),
            "alerts_undelivered": night.undelivered,
            "workers": {"where": workers.where if workers else None, "tasks": DONE.tasks},
            "summary": summary.as_json() if summary else None,
        },
    )


def _say_found(home: Home, code: Code, night: Night, console: Console) -> None:
    for title, sentences in (
        ("not understood", night.unreadable_events),
        ("not fetched", night.unread_sources),
        ("held back", night.held_back),
        ("vanished", night.vanished),
        ("held back by", night.failed_checks),
        ("needs a person", night.shown_findings),
    ):
        for sentence in sentences:
            console.say(f"{title}: {sentence}")
    if night.published:
        say_all(console, code.found(home))


def _verdict(home: Home, night: Night) -> str:
    """Return one sentence on what was published or held back."""
    if night.changed_nothing:
        return "nothing changed: the published marts are the same as before"
    if night.published:
        days = f"{night.days_rebuilt} {'day' if night.days_rebuilt == 1 else 'days'} rebuilt"
        return f"published {home.published_database}: {days}"
    kept = "the last publication stays" if home.published_database.exists() else "nothing is published yet"
    return f"held back: {_reasons(night)}; {kept}"


def _reasons(night: Night) -> str:
    if night.failed_checks:
        count = len(night.failed_checks)
        return f"{count} failed {'check' if count == 1 else 'checks'}"
    return ", ".join(night.failed_steps) + " failed" if night.failed_steps else "the run was stopped"
