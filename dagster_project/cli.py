"""The command line: arguments and exit codes. A command's modules are imported when it is called."""

from __future__ import annotations

import errno
import gc
import io
import json
import os
import signal
import sys
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from dagster_project import cli_alerts, cli_exports
from dagster_project.cli_options import DAY, HomeOption, JsonOption, day, end, refuse, say
from dagster_project.printable import joined
from ingestion.files import keep_private, why_unwritable
from ingestion.home import Home, HomeLocked, HomeUnusable

if TYPE_CHECKING:
    from dagster_project.runs.night import Asked

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_alerts.app, name="alerts")
app.command()(cli_alerts.incidents)
app.command()(cli_exports.export)
app.command()(cli_exports.statement)

#: Errors of the machine (disk, permissions), not of the program.
_REFUSALS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO),
    *(errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tollbook {version('tollbook')}")
        raise typer.Exit


@app.callback()
def main_options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """The books of an LLM gateway: what was used, what it cost, what was paid, and what does not add up."""


@app.command()
def run(
    since: Annotated[
        datetime | None,
        typer.Option("--from", "--since", formats=DAY, help="First delivery day, e.g. 2026-11-01."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", "--until", formats=DAY, help="Last delivery day, included.")
    ] = None,
    accept_vanished: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE",
            help="Accept that files of this source have been removed from landing/ (repeatable).",
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Process every delivered day that needs it, and publish.

    Exit codes: 0 ok, 1 failed, 2 usage, 3 finished but something needs a person, 4 another run holds the lock, 130
    stopped. A closed output does not stop the run.
    """
    first, last = day(since), day(until)
    if first and last and first > last:
        refuse(f"--from {first} is after --to {last}; swap them")
    from dagster_project.runs.night import Asked

    _night(Home.locate(home), as_json, Asked(first, last, accept_vanished or ()))


@app.command()
def restate(
    since: Annotated[datetime, typer.Option("--from", "--since", formats=DAY, help="First event day.")],
    until: Annotated[
        datetime, typer.Option("--to", "--until", formats=DAY, help="Last event day, included.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why; recorded with the restatement.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Price open days again with today's prices and rules; the earlier values are kept.

    Exit codes: those of run; 2 also where the days belong to a closed month.
    """
    from dagster_project.books.restating import NotRestatable, Restatement
    from dagster_project.runs.night import Asked

    try:
        restatement = Restatement.of(since.date(), until.date(), reason)
        _night(Home.locate(home), as_json, Asked(restatement=restatement))
    except NotRestatable as error:
        refuse(str(error))


@app.command()
def trace(
    request_id: Annotated[str, typer.Argument(help="The request id, as the gateway wrote it.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain one request: every field, price and rule, the formula with its numbers, file and line."""
    from dagster_project.books.published import NothingPublished
    from dagster_project.reports import gateway_lines
    from dagster_project.reports import trace as report

    located = Home.locate(home)
    try:
        events = report.trace(located, request_id)
    except NothingPublished as error:
        end(str(error), 1)
    if not events:
        end(f"no request {request_id!r} in {located.published_database}", 1)
    written = [gateway_lines.gateway_lines(located, event) for event in events]
    if as_json:
        told = [
            report.as_json(event) | {"written": gateway_lines.as_json(lines)}
            for event, lines in zip(events, written, strict=True)
        ]
        typer.echo(json.dumps(told, indent=2))
        return
    for number, (event, lines) in enumerate(zip(events, written, strict=True)):
        typer.echo(joined([*([""] if number else []), *report.as_text(event), *gateway_lines.as_text(lines)]))


@app.command()
def close(
    month: Annotated[datetime, typer.Option("--month", formats=["%Y-%m"], help="The month, e.g. 2026-10.")],
    force: Annotated[
        bool, typer.Option("--force", help="Close in spite of gaps or unread deliveries; the record says so.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Close a month: its days are never rewritten; later changes become adjustments.

    Exit codes: 0 closed (now or before), 2 usage, 3 not complete or not published, 4 another run holds the lock.
    """
    from dagster_project.books import closing
    from dagster_project.books.locks import writing
    from dagster_project.reports.closing_objections import objections

    located, name = Home.locate(home), f"{month:%Y-%m}"
    try:
        with writing(located, wait_seconds=0):
            closed, is_new = closing.close(located, name, datetime.now(UTC).date(), objections, force=force)
    except HomeLocked as error:
        end(str(error), 4)
    except closing.NotOver as error:
        refuse(str(error))
    except closing.NotClosable as error:
        end(str(error), 3)
    typer.echo(joined(closing.summary_lines(closed, is_new)))


@app.command()
def reconcile(
    month: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m"], help="Only items of this month, e.g. 2026-11.", show_default=False),
    ] = None,
    items: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS",
            help="List the items of a status: invoice, payment, amount, age, link.",
            show_default=False,
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every reconciliation, status by status, or the items of one status, and what to do next.

    Exit codes: 0 everything is explained, 1 nothing is published yet, 2 usage, 3 something needs a person.
    """
    from dagster_project.books.published import NothingPublished
    from dagster_project.reports import reconcile as report

    if items is not None:
        _reconcile_items(Home.locate(home), items, day(month), as_json)
    try:
        standings = report.reconcile(Home.locate(home), day(month))
    except NothingPublished as error:
        end(str(error), 1)
    if as_json:
        typer.echo(json.dumps([standing.as_json() for standing in standings], indent=2))
    else:
        typer.echo(joined(report.lines(standings)))
    raise typer.Exit(3 if any(standing.needs_a_person for standing in standings) else 0)


@app.command()
def doctor(
    workers: Annotated[
        bool, typer.Option("--workers", help="Check the workers of TOLLBOOK_WORKERS instead.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report what is wrong, and what to do about it.

    Exit codes: 0 nothing to do, 2 sources.yml or TOLLBOOK_WORKERS cannot be used, 3 something needs a person, 4 another
    run holds the lock (only --workers needs it).
    """
    if workers:
        _doctor_workers(Home.locate(home), as_json)
    from dagster_project.reports.doctor import examine
    from ingestion.sources import SourcesError

    try:
        report = examine(Home.locate(home))
    except SourcesError as error:
        refuse(str(error))
    typer.echo(json.dumps(report.as_json(), indent=2) if as_json else joined(report.lines()))
    raise typer.Exit(3 if report.needs_a_person else 0)


@app.command()
def sandbox(
    days: Annotated[int, typer.Option(help="How many days, from 3 August 2026 on unless --last-day.")] = 30,
    requests_per_day: Annotated[int, typer.Option(help="Requests a day, on average.")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same world.")] = 1,
    connector: Annotated[
        list[str] | None,
        typer.Option("--connector", "--dialect", help="Write it as this gateway does (repeatable)."),
    ] = None,
    last_day: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="Its last day: 'yesterday', or as 2026-11-30.", show_default=False),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Write a synthetic world with known faults into the home; truth.json lists them."""
    from dagster_project.books.locks import writing
    from dagster_project.sandbox_home import NotWritable, write_sandbox

    located = Home.locate(home)
    try:
        with writing(located, wait_seconds=0):
            typer.echo(
                write_sandbox(located, days, requests_per_day, seed, connector or (), _last_day(last_day))
            )
    except HomeLocked as error:
        end(str(error), 4)
    except NotWritable as error:
        refuse(str(error))


def _last_day(stated: str | None) -> date | None:
    from dagster_project.clock import today

    if stated == "yesterday":
        return today() - timedelta(days=1)
    try:
        return date.fromisoformat(stated) if stated else None
    except ValueError:
        return refuse(f"--last-day {stated}: write 'yesterday', or a day as 2026-11-30")


def main() -> None:
    """Run the command line; errors of the machine are printed as one sentence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # characters that the terminal's encoding lacks
            stream.reconfigure(errors="backslashreplace")
    # The tools keep half a million objects all night; with default thresholds garbage collection takes a tenth of it.
    gc.set_threshold(50_000, 50, 1_000)
    keep_private()
    try:
        app()
    except HomeUnusable as error:
        say(str(error))
        sys.exit(2)
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        say(f"{error.filename or 'a file'}: {error.strerror}")
        sys.exit(1)


def _reconcile_items(home: Home, status: str, month: date | None, as_json: bool) -> NoReturn:
    """List the items of one status and end."""
    from dagster_project.books.published import NothingPublished
    from dagster_project.reports import reconcile_items as report
    from ingestion.sources import SourcesError

    try:
        found = report.items(home, status, month)
    except NothingPublished as error:
        end(str(error), 1)
    except (report.NoSuchStatus, SourcesError) as error:
        refuse(str(error))
    if as_json:
        typer.echo(json.dumps([item.as_json() for item in found], indent=2))
    else:
        typer.echo(joined(report.lines(found, status)))
    raise typer.Exit(3 if any(item.next_step for item in found) else 0)


def _doctor_workers(home: Home, as_json: bool) -> NoReturn:
    """Check the workers and end."""
    from dagster_project.books.locks import writing
    from dagster_project.reports import doctor_workers
    from dagster_project.workers.setting import WHERE, SettingError, setting

    try:
        chosen = setting()
        if chosen is None:
            refuse(f"{WHERE} is not set: everything runs in one process")
        with writing(home, wait_seconds=0):
            report = doctor_workers.examine(home, chosen)
    except SettingError as error:
        refuse(str(error))
    except HomeLocked as error:
        end(str(error), 4)
    typer.echo(json.dumps(report.as_json(), indent=2) if as_json else joined(report.lines()))
    raise typer.Exit(3 if report.needs_a_person else 0)


def _night(home: Home, as_json: bool, asked: Asked) -> None:
    """Run a night and end with its exit code."""
    from dagster_project import definitions
    from dagster_project.runs.console import choose
    from dagster_project.runs.events import ExitCode
    from dagster_project.runs.night import Code, nightly
    from dagster_project.runs.stopping import stoppable
    from dagster_project.sandbox_home import found_beside_planted
    from dagster_project.workers.setting import SettingError
    from ingestion.sources import SourcesError

    code = Code(definitions.defs, definitions.usage_apis, found_beside_planted)
    console = choose(as_json)
    try:
        ended = stoppable(lambda: nightly(home, code, console, asked))
    except HomeLocked as error:
        end(str(error), ExitCode.LOCKED)
    except (SourcesError, SettingError) as error:
        refuse(str(error))
    except KeyboardInterrupt:
        console.restore_terminal()
        say("stopped; the published marts are unchanged, and `tollbook run` continues where it stopped")
        os._exit(128 + signal.SIGINT)  # a normal exit would wait for the running statement
    except Exception:
        # Dagster's and dbt's messages do not say that the disk is full.
        if reason := why_unwritable(home.root):
            message = f"{reason}; free space or allow writing, and `tollbook run` continues where it stopped"
            end(message, ExitCode.FAILED)
        raise
    raise typer.Exit(ended)
