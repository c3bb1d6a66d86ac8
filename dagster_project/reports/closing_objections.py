"""Reasons not to close a month yet: unread or held back deliveries, and gaps."""

from __future__ import annotations

import duckdb

from dagster_project.books.closing import NotClosable
from dagster_project.books.published import NothingPublished, published
from dagster_project.printable import counted
from dagster_project.reports.doctor_books import missing_days
from dagster_project.steps.conversion import pending_days
from ingestion import source_status
from ingestion.home import Home
from ingestion.sources import load_sources


def objections(home: Home, month: str) -> list[str]:
    """Return the reasons against closing `month` (YYYY-MM) that --force overrides, as sentences.

    Raises:
        NotClosable: nothing is published.
    """
    sources = load_sources(home)
    found = []
    if pending := pending_days(home, sources):
        found.append(f"{counted(len(pending), 'delivery day')} not read yet: run `tollbook run`")
    held = [status.source for status in source_status.read(home) if status.held_back_reason]
    if held:
        found.append(f"held back: {', '.join(held)}; see `tollbook doctor`")
    try:
        with published(home) as marts:
            for where, missing in missing_days(home, marts):
                of_month = [day for day in missing if day.startswith(month)]
                if of_month:
                    found.append(f"{where} delivered nothing on {', '.join(of_month)}")
    except NothingPublished as error:
        raise NotClosable(str(error)) from error
    except duckdb.CatalogException:
        found.append("an earlier version of Tollbook published the marts: run `tollbook run`")
    return found
