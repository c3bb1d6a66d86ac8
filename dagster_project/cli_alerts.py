"""The commands `incidents` and `alerts`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

import typer

from dagster_project.cli_options import DAY, HomeOption, JsonOption, end, refuse
from dagster_project.printable import joined
from ingestion.home import Home

app = typer.Typer(no_args_is_help=True, help="Send, acknowledge, suppress and list alerts.")

UntilOption = Annotated[
    datetime, typer.Option("--until", formats=DAY, help="Last day (UTC) on which it holds, e.g. 2026-12-31.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for those who read it later.")]


def incidents(
    incident: Annotated[
        str | None,
        typer.Argument(help="The id of one incident, or how it begins; all are listed without it."),
    ] = None,
    status: Annotated[
        Literal["open", "acknowledged", "resolved"] | None,
        typer.Option(help="List only incidents of this status."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List incidents, or show one with its numbers, what explains it, a chart of its days and a query for its rows.

    Exit codes: 0 none is open, 1 nothing is published yet or no such incident, 2 usage, 3 one is open.
    """
    from dagster_project.books.published import NothingPublished
    from dagster_project.reports import incidents as report
    from ingestion.config.own import OwnTableError

    located = Home.locate(home)
    try:
        found = report.incidents(located)
        if incident is not None:
            chosen = report.one(found, incident)
            days = report.course(located, chosen)
    except (NothingPublished, report.NoSuchIncident) as error:
        end(str(error), 1)
    except OwnTableError as error:
        refuse(str(error))
    if incident is not None:
        content = {**chosen.as_json(), "days": [one.as_json() for one in days]}
        typer.echo(json.dumps(content, indent=2) if as_json else joined(report.detail(chosen, days)))
        raise typer.Exit(3 if chosen.status == report.OPEN else 0)
    listed = [one for one in found if status in (None, one.status)]
    typer.echo(
        json.dumps([one.as_json() for one in listed], indent=2) if as_json else joined(report.lines(listed))
    )
    raise typer.Exit(3 if any(one.status == report.OPEN for one in listed) else 0)


@app.command("test")
def send_test(
    channel: Annotated[
        str | None, typer.Argument(help="Name of the channel; all of them without it.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Send a test message.

    Exit codes: 0 sent, 2 no such channel or invalid settings, 3 a receiver did not accept it.
    """
    from dagster_project.alerts.channels import AlertSettingsError
    from dagster_project.alerts.delivery import send_test

    try:
        outcome = send_test(Home.locate(home), channel)
    except AlertSettingsError as error:
        refuse(str(error))
    typer.echo(joined([*(f"sent: {title}" for title in outcome.sent), *outcome.undelivered]))
    raise typer.Exit(3 if outcome.undelivered else 0)


@app.command()
def check(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Check that a run has finished in time, and send what could not be sent before; for an hourly cron job.

    Exit codes: 0 all well, 3 a run is missing or a message was not sent.
    """
    from dagster_project.alerts.delivery import send_alerts

    outcome = send_alerts(Home.locate(home))
    if as_json:
        typer.echo(json.dumps(asdict(outcome), indent=2))
    else:
        said = [*outcome.lines(), *([outcome.stale] if outcome.stale else [])]
        typer.echo(joined(said or ["all well"]))
    raise typer.Exit(3 if outcome.stale or outcome.undelivered else 0)


@app.command()
def acknowledge(
    incident: Annotated[str, typer.Argument(help="The id of the incident, or how it begins.")],
    until: UntilOption,
    reason: ReasonOption,
    home: HomeOption = None,
) -> None:
    """Acknowledge an incident: until the end of that day no digest lists it as still open.

    Exit codes: 0 done, 1 nothing is published yet or no such incident, 2 usage.
    """
    from dagster_project.alerts import silencing
    from dagster_project.alerts.listing import NoSuchAlert, find
    from dagster_project.books.published import NothingPublished
    from ingestion.config.own import OwnTableError

    located = Home.locate(home)
    try:
        alert, what = find(located, incident)
        silencing.acknowledge(located, alert, until.date(), reason)
    except (NothingPublished, NoSuchAlert) as error:
        end(str(error), 1)
    except (OwnTableError, ValueError) as error:
        refuse(silencing.explained(error))
    typer.echo(joined([f"acknowledged until {until.date()}: {what}"]))


@app.command()
def suppress(
    until: UntilOption,
    reason: ReasonOption,
    detector: Annotated[str | None, typer.Option(help="Only what this detector finds.")] = None,
    subject_type: Annotated[
        str | None,
        typer.Option(help="Only subjects of this type: key, member, workspace, group, model, source."),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only this key, member, workspace, …, by its id.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Only what was seen on this gateway.")] = None,
    home: HomeOption = None,
) -> None:
    """Send no alerts of a detector, a subject or a gateway until the end of a day.

    Exit codes: 0 done, 2 usage.
    """
    from dagster_project.alerts import silencing
    from ingestion.config.own import OwnTableError

    try:
        silencing.suppress(Home.locate(home), until.date(), reason, detector, subject_type, subject, source)
    except (OwnTableError, ValueError) as error:
        refuse(silencing.explained(error))
    what = ", ".join(one for one in (detector, subject_type, subject, source) if one)
    typer.echo(joined([f"suppressed until {until.date()}: {what}"]))


@app.command("list")
def list_alerts(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List channels (without URLs), routes, open alerts, messages, acknowledgements and suppressions.

    Exit codes: 0 done, 2 invalid settings.
    """
    from dagster_project.alerts.channels import AlertSettingsError
    from dagster_project.alerts.listing import listing
    from ingestion.config.own import OwnTableError

    try:
        found = listing(Home.locate(home))
    except (AlertSettingsError, OwnTableError) as error:
        refuse(str(error))
    typer.echo(json.dumps(found.as_json(), indent=2) if as_json else joined(found.lines()))
