"""The commands `export` and `statement`: options, progress on a terminal, exit codes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from dagster_project.cli_options import DAY, HomeOption, day, end, refuse
from dagster_project.printable import joined
from ingestion.home import Home


def export(
    report: Annotated[
        Literal["usage", "requests", "invoices", "infery", "infron", "aisa", "tokenopen", "focus"] | None,
        typer.Argument(help="What to write; usage is summed, the names of gateways are their own columns."),
    ] = None,
    custom: Annotated[
        str | None,
        typer.Option("--report", metavar="NAME", help="A report saved in reports/, or a shipped one."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option("--from", "--since", formats=DAY, help="First event day, e.g. 2026-08-01."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--to", "--until", formats=DAY, help="Last event day, included.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write, .csv, .xlsx, .parquet or .json; replaced if it is there."),
    ] = None,
    file_format: Annotated[
        Literal["csv", "xlsx", "parquet", "json"] | None,
        typer.Option(
            "--format", help="Not needed: the suffix of --out names the format. Another one is refused."
        ),
    ] = None,
    group_by: Annotated[
        list[str] | None,
        typer.Option(
            help="Sum usage by model, key, member, group, workspace, source or day; several with commas."
        ),
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="Only this source of sources.yml (repeatable).")
    ] = None,
    workspace: Annotated[list[str] | None, typer.Option(help="Only this workspace (repeatable).")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Only this model, as served (repeatable).")] = None,
    key: Annotated[list[str] | None, typer.Option(help="Only this API key id (repeatable).")] = None,
    member: Annotated[list[str] | None, typer.Option(help="Only this member (repeatable).")] = None,
    group: Annotated[list[str] | None, typer.Option(help="Only this group (repeatable).")] = None,
    call_type: Annotated[list[str] | None, typer.Option(help="Only this call type (repeatable).")] = None,
    status: Annotated[list[str] | None, typer.Option(help="Only this status (repeatable).")] = None,
    list_reports: Annotated[bool, typer.Option("--list", help="List the reports and exit.")] = False,
    home: HomeOption = None,
) -> None:
    """Write a report of the published marts to a file, with a manifest of its rows, sums and hash beside it.

    Exit codes: 0 ok, 1 nothing is published yet, 2 usage, 3 the selection has no rows and nothing was written.
    """
    from dagster_project.books.published import NothingPublished
    from dagster_project.exports import command
    from dagster_project.exports.reports import ExportError, Selection
    from dagster_project.exports.writing import NothingSelected

    located = Home.locate(home)
    filters = {
        "source": source or [],
        "workspace": workspace or [],
        "model": model or [],
        "key": key or [],
        "member": member or [],
        "group": group or [],
        "call-type": call_type or [],
        "status": status or [],
    }
    try:
        if list_reports:
            typer.echo(joined(command.listed(located)))
            return
        chosen = command.find(located, report, custom, group_by or [])
        first, last = command.whole_days(day(since), day(until))
        if out is None:
            refuse(f"name the file to write: --out {chosen.name}.csv")
        selection = Selection(first, last, filters)
        with _progress() as started:
            lines = list(command.write_report(located, chosen, selection, out, file_format, started))
        typer.echo(joined(lines))
    except NothingPublished as error:
        end(str(error), 1)
    except NothingSelected as error:
        end(str(error), 3)
    except ExportError as error:
        refuse(str(error))
    except RuntimeError as error:
        # DuckDB and the spreadsheet's writer raise this where Ctrl-C reaches them first.
        if "interrupt" not in str(error).lower():
            raise
        end("stopped; nothing was written", 128 + signal.SIGINT)
    except KeyboardInterrupt:
        end("stopped; nothing was written", 128 + signal.SIGINT)


def statement(
    month: Annotated[datetime, typer.Option("--month", formats=["%Y-%m"], help="The month, e.g. 2026-08.")],
    workspace: Annotated[
        list[str] | None, typer.Option(help="Only this workspace (repeatable); all of them without it.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder to write to; exports/statements/<month> of the home without it."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Write a month's statement of every workspace as HTML and PDF: usage, savings, invoices and payments.

    Exit codes: 0 ok, 1 nothing is published yet, 2 usage, 3 nothing happened in the month and nothing was written.
    """
    from dagster_project.books.published import NothingPublished
    from dagster_project.exports.reports import ExportError
    from dagster_project.exports.statements.writing import NoStatement, write_statements

    try:
        for made in write_statements(Home.locate(home), month.date(), out, workspace or ()):
            owed = made.statement.usage.cache_optimized_cost
            amount = "no priced usage" if owed is None else f"{owed:,.2f} USD"
            typer.echo(joined([f"{made.statement.workspace}: {amount}, {made.path}"]))
    except NothingPublished as error:
        end(str(error), 1)
    except NoStatement as error:
        end(str(error), 3)
    except ExportError as error:
        refuse(str(error))


@contextmanager
def _progress() -> Iterator[Callable[[int], Callable[[int], None]] | None]:
    """Yield what draws rows, rows/s and the time left on a terminal; None if stderr is not one."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class RowsPerSecond(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed or 0:,.0f} rows/s")

    counts = (BarColumn(20), MofNCompleteColumn(), RowsPerSecond(), TimeRemainingColumn())
    with Progress(
        *counts, TextColumn("{task.description}"), console=Console(stderr=True), transient=True
    ) as bar:

        def started(rows: int) -> Callable[[int], None]:
            task = bar.add_task("", total=rows)

            def advance(done: int) -> None:
                # A spreadsheet is compressed after its last row.
                bar.update(task, completed=done, description="finishing the file" if done >= rows else "")

            return advance

        yield started
