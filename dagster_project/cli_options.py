"""What commands share: options, the ways to end, and what is said on the way."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="The home directory; $TOLLBOOK_HOME, else .tollbook.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON on stdout; words for people go to stderr.")]
DAY = ["%Y-%m-%d"]


def day(moment: datetime | None) -> date | None:
    """Return the day of an option."""
    return moment.date() if moment else None


def refuse(message: str) -> None:
    """End with a usage error."""
    end(message, 2)


def end(message: str, code: int) -> None:
    """Say why and end."""
    say(message)
    raise typer.Exit(code)


def say(message: str) -> None:
    """Say something to a person, beside the output."""
    from dagster_project.runs.console import Output

    print(message, file=Output(sys.stderr))
