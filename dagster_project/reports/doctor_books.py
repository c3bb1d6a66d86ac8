"""Problems shown by the published marts: age, gaps, incomplete days, usage without price or name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import duckdb

from dagster_project.books.published import NothingPublished, PublishedElsewhere, published
from dagster_project.books.publishing import confirmed_at
from dagster_project.clock import STALE_AFTER
from dagster_project.printable import counted
from dagster_project.quality.gates import event_streams
from dagster_project.reports.diagnosis import Diagnosis
from dagster_project.reports.unknown_fields import unknown_fields
from ingestion.home import Home
from ingestion.sources import cadence, load_sources

RUN = "run `tollbook run`, and find out why the last run did not publish"

#: What fct_day_completeness.incomplete_reason says, after a number of days.
_INCOMPLETE = {
    "awaited": "complete when the next delivery comes",
    "not_delivered": "with no calls, or few, because nothing was delivered for them",
    "missing_files": "with fewer files than usual",
    "missing_hours": "with hours without a call that usually have some",
    "missing_in_logs": "with fewer calls in the logs than the gateway counts",
}


def examine(home: Home, now: datetime) -> Iterator[Diagnosis]:
    """Yield what is found in tollbook.duckdb."""
    yield from _age(home, now)
    try:
        with published(home) as marts:
            yield from _gaps(home, marts)
            yield from _incomplete(marts)
            yield from _unpriced(marts)
            yield from _contradictory(marts)
            yield from _unknown_fields(marts)
            yield from _repeated(marts)
            yield from _keyless(marts)
            yield from _copies(marts)
    except PublishedElsewhere as error:
        what, _, do = str(error).partition("; ")
        yield Diagnosis("moved", "tollbook.duckdb", what, do)
    except NothingPublished as error:
        what, _, do = str(error).partition("; ")
        if home.root.exists():
            what, do = "nothing is published yet", "run `tollbook run`"
        yield Diagnosis("unpublished", home.published_database.name, what, do)
    except (duckdb.CatalogException, duckdb.BinderException):
        yield Diagnosis(
            "outdated", "tollbook.duckdb", "an earlier version of Tollbook published it", "run `tollbook run`"
        )


def _age(home: Home, now: datetime) -> Iterator[Diagnosis]:
    """Yield a banner if no run has confirmed the marts for too long."""
    if not home.published_database.exists():
        return
    confirmed = confirmed_at(home)
    if confirmed is None:
        yield Diagnosis("stale", "tollbook.duckdb", "no finished run has confirmed the marts", RUN)
    elif now - confirmed > STALE_AFTER:
        hours = int((now - confirmed).total_seconds() // 3600)
        what = f"the last finished run was {hours:,} hours ago ({confirmed:%Y-%m-%d %H:%M} UTC)"
        yield Diagnosis("stale", "tollbook.duckdb", what, RUN)


def _gaps(home: Home, marts: duckdb.DuckDBPyConnection) -> Iterator[Diagnosis]:
    """Yield days without a delivery between the first and the last of a stream."""
    for where, missing in missing_days(home, marts):
        if missing:
            yield Diagnosis(
                "gap",
                where,
                f"no delivery on {counted(len(missing), 'day')}: {_shown(missing)}",
                "have those days delivered; for a day without traffic, land an empty file",
            )


def missing_days(home: Home, marts: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, list[str]]]:
    """Yield each stream and the days between its first and last delivery on which one was due and none came.

    Logs of calls are expected by their cadence, or daily; streams without events (invoices, plans) are not expected.
    Days that a delivery on another day made up for are left out.
    """
    sources = {source.name: source for source in load_sources(home)}
    made_up_for = set(
        marts.sql(
            "select source, due_on from fct_day_completeness where is_delivery_missing and is_delivered"
        ).fetchall()
    )
    for name, stream, days in marts.sql(
        """
        select source, stream, list(delivered_on)
        from rpt_source_days
        where files > 0
        group by source, stream
        order by source, stream
        """
    ).fetchall():
        source = sources.get(name)
        is_expected = source is not None and stream in event_streams(source)
        missing = cadence.gaps(set(days), source.cadence_of(stream)) if is_expected else []
        yield f"{name}/{stream}", [str(day) for day in missing if (name, day) not in made_up_for]


def _incomplete(marts: duckdb.DuckDBPyConnection) -> Iterator[Diagnosis]:
    """Yield the days of each source that are not complete, by reason; a gap may be the cause."""
    for source, reason, days in marts.sql(
        """
        select source, incomplete_reason, list(event_date::varchar order by event_date)
        from fct_day_completeness
        where not is_complete
        group by source, incomplete_reason
        order by source, incomplete_reason
        """
    ).fetchall():
        what = f"{counted(len(days), 'day')} {_INCOMPLETE[reason]}: {_shown(days)}"
        yield Diagnosis("incomplete", source, what)


def _shown(days: list[str]) -> str:
    return ", ".join(days[:5]) + (", …" if len(days) > 5 else "")


def _unpriced(marts: duckdb.DuckDBPyConnection) -> Iterator[Diagnosis]:
    for source, model, reason, requests, last, example in marts.sql(
        """
        select
            source, coalesce(model_served, model_requested, 'no model'), unpriced_reason,
            sum(requests)::bigint, max(event_date)::varchar, arg_max(example_request_id, event_date)
        from rpt_unpriced_usage
        group by all
        order by 4 desc, 1, 2, 3
        """
    ).fetchall():
        yield Diagnosis(
            "unpriced",
            f"{source} {model}",
            f"{counted(requests, 'request')} up to {last}: {reason}",
            f"see `tollbook trace {example}`; give it a price or an alias in config/",
        )


def _unknown_fields(marts: duckdb.DuckDBPyConnection) -> Iterator[Diagnosis]:
    for found in unknown_fields(marts):
        yield Diagnosis(
            "unknown_field",
            found.source,
            str(found),
            f"see `tollbook trace {found.example}`; ask the gateway what it charges by it",
        )


def _repeated(marts: duckdb.DuckDBPyConnection) -> Iterator[Diagnosis]:
    """Yield streams with rows that have no id and equal another row of the same delivery day."""
    for source, stream, rows in marts.sql(
        """
        select source, stream, sum(repeated_identical)::bigint
        from rpt_source_days
        group by source, stream
        having sum(repeated_identical) > 0
        order by source, stream
        """
    ).fetchall():
        yield Diagnosis(
            "repeated_identical",
            f"{source}/{stream}",
            f"{counted(rows, 'row')} without an id repeat another of their day and are not counted again: copies, or"
            " equal calls of one second",
        )


def _contradictory(marts: duckdb.DuckDBPyConnection) -> Iterator[Diagnosis]:
    """Yield models whose rows have contradictory token counts."""
    for source, model, requests, last in marts.sql(
        """
        select source, coalesce(model_served, 'no model'), sum(requests)::bigint, max(event_date)::varchar
        from recon_reported_costs
        where variance_reason = 'contradictory_usage'
        group by all
        order by 3 desc, 1, 2
        """
    ).fetchall():
        yield Diagnosis(
            "contradictory_usage",
            f"{source} {model}",
            f"{counted(requests, 'request')} up to {last}: the token counts cannot all be true",
            "see `tollbook reconcile --items contradictory_usage`, and ask the gateway",
        )


def _keyless(marts: duckdb.DuckDBPyConnection) -> Iterator[Diagnosis]:
    """Yield sources with API calls without an API key; Playground calls have none."""
    for source, requests in marts.sql(
        """
        select source, sum(requests)::bigint
        from fct_usage_daily
        where api_key_id is null and origin = 'api'
        group by source
        order by source
        """
    ).fetchall():
        yield Diagnosis("unmapped_key", source, f"{counted(requests, 'request')} by the API without a key")


def _copies(marts: duckdb.DuckDBPyConnection) -> Iterator[Diagnosis]:
    """Yield the fields in which copies of one call differ, with the two lines of the latest."""
    for source, field, calls, kept, other, kept_line, other_line in marts.sql(
        """
        select
            source, field, count(distinct event_id), arg_max(kept_value, place), arg_max(other_value, place),
            arg_max(kept_raw_file || ', line ' || kept_raw_line, place),
            arg_max(other_raw_file || ', line ' || other_raw_line, place)
        from (select *, (event_date, event_id, other_raw_file, other_raw_line) as place from recon_copies)
        group by source, field
        order by source, field
        """
    ).fetchall():
        yield Diagnosis(
            "copies",
            source,
            f"{counted(calls, 'call')} whose copies differ in {field}: {kept} in {kept_line}, {other} in {other_line}",
            "see recon_copies, and ask the gateway which of them is right",
        )
