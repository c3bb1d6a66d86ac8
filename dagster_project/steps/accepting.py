"""raw/load_records → raw/accepted: which sources are accepted in this run, and why the others are held back.

    read ► unread? ► passed its gates? ► much less than before? ─no► accepted ► status of every source
                                                               └yes► held back, alone

A source is accepted with all its streams or not at all, because copies of one call are merged across them. A source
that is held back keeps its last accepted state; without one it contributes nothing. After a kill the next run decides
again.

Rulings: docs/decisions/deliveries.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

import duckdb

from dagster_project.books import closing
from dagster_project.books.published import NothingPublished, published
from dagster_project.printable import counted
from dagster_project.quality import gates
from dagster_project.steps.conversion import unread_files
from dagster_project.steps.payments import ACCOUNT, last_failure
from dagster_project.steps.usage_apis import last_attempts
from ingestion import accepted, load_records, source_status
from ingestion.home import Home
from ingestion.landing import landed
from ingestion.load import forget_vanished
from ingestion.losses import Loss, lost
from ingestion.source_status import MissingDelivery, SourceStatus
from ingestion.sources import Source, cadence, load
from ingestion.stripe_api.plan import EVENTS
from ingestion.stripe_api.state import read_marks

Records = Sequence[Mapping[str, Any]]
NAMED = 5

_NEXT_STEPS = {
    "vanished": "have it delivered again, or accept the loss: tollbook run --accept-vanished {source}",
    "failed_gate": "replace or remove the delivered file, or raise the limit of {source} in sources.yml",
    "unread": "complete the file or make it readable; the next run reads it again",
    "not_fetched": "the next run retries; correct its settings or token if it was refused",
}


@dataclass
class AcceptanceResult:
    """The result for all sources, in sentences that begin with their names.

    Attributes:
        held_back: sources that keep their accepted state, and why.
        vanished: sources whose loss was accepted, because it is small or allowed, and the loss.
        silent: streams whose delivery is overdue.
        nothing: why there is nothing to publish; empty if there is.
    """

    held_back: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    nothing: str = ""


@dataclass(frozen=True)
class _Objection:
    reason: str
    sentence: str
    first_day: date | None


def accept_sources(
    home: Home,
    sources: list[Source],
    today: date,
    accept_vanished: Collection[str] = (),
) -> AcceptanceResult:
    """Accept every source without objections, remove what vanished, and write the status of each source.

    Args:
        home: the home; the caller holds its lock.
        sources: the configured sources.
        today: the current day in UTC.
        accept_vanished: sources whose losses are accepted.
    """
    result = AcceptanceResult()
    configured = {source.name: source for source in sources}
    closed = {closed.month for closed in closing.closings(home)}
    objections: dict[str, list[_Objection]] = {}
    for name, records in accepted.as_landed(home, sources).items():
        source, before = configured.get(name), accepted.of_source(home, name)
        found = [*_unread(home, source), *_failed(home, source)] if source else []
        loss = lost(before, records, closed)
        sentence = _loss_sentence(home, loss, before) if loss.files else ""
        limit = source.vanished_threshold if source else 0
        if not found and loss.share > limit and name not in accept_vanished:
            found.append(_Objection("vanished", sentence, date.fromisoformat(loss.first_day)))
        if found:
            objections[name] = found
            result.held_back.append(f"{name}: {_sentence(found)}; {next_step(found[0].reason, name)}")
            continue
        if sentence:
            result.vanished.append(f"{name}: {sentence}")
        accepted.accept(home, name, records)
    forget_vanished(home, sources)
    statuses = [
        _status(home, name, configured.get(name), objections.get(name, []), today)
        for name in sorted(configured.keys() | accepted.sources(home))
    ]
    source_status.write(home, [*statuses, *_payments(home)])
    result.silent = silences(home, sources, today)
    result.nothing = _nothing(home, sources, accept_vanished)
    return result


def next_step(reason: str, source: str) -> str:
    """Return what to do about a source that is held back."""
    return _NEXT_STEPS[reason].format(source=source)


def accept_records_of_0_2(home: Home, sources: list[Source]) -> None:
    """Accept what version 0.2 had read, if it published this home; except days its gate refused."""
    if source_status.read(home) or not home.published_database.exists():
        return
    configured = {source.name: source for source in sources}
    records = sorted(
        (content for _, content in load_records.every(home)),
        key=lambda content: (content["source"], content["stream"], content["delivered_on"]),
    )
    for name, of_source in groupby(records, lambda content: content["source"]):
        if accepted.of_source(home, name):
            continue
        kept: list[Mapping[str, Any]] = []
        for (stream, _), files in groupby(
            of_source, lambda content: (content["stream"], content["delivered_on"])
        ):
            day = list(files)
            if name not in configured or gates.has_passed(home, configured[name], stream, day):
                kept += day
        accepted.accept(home, name, kept)


def silences(home: Home, sources: Sequence[Source], today: date) -> list[str]:
    """Return a sentence for every stream whose delivery is overdue."""
    return [
        f"{source.name}/{stream} has delivered nothing since {max(days)}: {since} is missing"
        for source in sources
        for stream, days in sorted(_deliveries(home, source).items())
        if (since := cadence.silent_since(days, today, source.grace_days, source.cadence_of(stream)))
    ]


def _unread(home: Home, source: Source) -> Iterator[_Objection]:
    """Yield files that could not be read."""
    found = unread_files(home, source)
    if found:
        first_day = min(file.delivered_on for file, _ in found)
        yield _Objection("unread", "; ".join(reason for _, reason in found[:NAMED]), first_day)


def _failed(home: Home, source: Source) -> Iterator[_Objection]:
    """Yield the failures of the gates."""
    sentences, first_day = gates.objections(home, source)
    if sentences:
        yield _Objection("failed_gate", "; ".join(sentences), first_day)


def _sentence(objections: Sequence[_Objection]) -> str:
    return "; ".join(objection.sentence for objection in objections)


def _loss_sentence(home: Home, loss: Loss, before: Records) -> str:
    """Describe a loss, with the published requests and costs of its files."""
    files = counted(len(loss.files), "landing file is", "landing files are")
    listed = ", ".join(loss.files[:NAMED]) + (", …" if len(loss.files) > NAMED else "")
    return (
        f"{files} gone or smaller than before, {counted(loss.events, 'event')}, {loss.share:.1%} of a stream"
        f"{_in_the_books(home, loss, before)}: {listed}"
    )


def _in_the_books(home: Home, loss: Loss, before: Records) -> str:
    """Return the number and costs of published requests from the files of a loss."""
    records = [content for content in before if content["landing_file"] in set(loss.files)]
    days = sorted({day["event_date"] for content in records for day in content["event_days"]})
    if not days:
        return ""
    try:
        with published(home) as marts:
            [(requests, charged, cost)] = marts.sql(
                """
                select
                    count(*),
                    coalesce(sum(reported_cost_usd), 0)::decimal(38, 12),
                    coalesce(sum(cache_optimized_cost_usd), 0)::decimal(38, 12)
                from fct_usage_costs
                where raw_file in (select unnest($files)) and event_date in (select unnest($days)::date)
                """,
                params={"files": list(loss.files), "days": days},
            ).fetchall()
    except (NothingPublished, duckdb.Error):
        return ""
    return f" ({counted(requests, 'request')} in the books, {charged:f} USD charged, {cost:f} USD optimized)"


def _status(
    home: Home, name: str, source: Source | None, objections: Sequence[_Objection], today: date
) -> SourceStatus:
    """Return the status of a source after this run."""
    counting = accepted.of_source(home, name)
    failures = [attempt.failure for attempt in last_attempts(home, [source] if source else [])]
    found = objections or [_Objection("not_fetched", failure, None) for failure in failures if failure]
    first_days = [objection.first_day for objection in found if objection.first_day]
    due, silent = {}, {}
    for stream, days in _deliveries(home, source).items() if source else ():
        stated = source.cadence_of(stream)
        if day := cadence.due_after(days, stated):
            due[stream] = day + timedelta(days=source.grace_days)
        if since := cadence.silent_since(days, today, source.grace_days, stated):
            silent[stream] = since
    return SourceStatus(
        source=name,
        connector=source.connector if source else counting[0]["connector"],
        as_of_date=max((date.fromisoformat(content["delivered_on"]) for content in counting), default=None),
        held_back_reason=found[0].reason if found else None,
        held_back_detail=_sentence(found) if found else None,
        held_back_from=min(first_days, default=None),
        expected_by=min(due.values(), default=None),
        silent_since=min(silent.values(), default=None),
        silent_streams=", ".join(sorted(silent)) or None,
        missing_deliveries=tuple(_missing(source, counting)) if source else (),
    )


def _missing(source: Source, counting: Records) -> Iterator[MissingDelivery]:
    """Yield the missing deliveries of its streams of calls, by stream and day."""
    for stream in sorted(gates.event_streams(source)):
        days = {
            date.fromisoformat(content["delivered_on"]) for content in counting if content["stream"] == stream
        }
        for day in cadence.gaps(days, source.cadence_of(stream)):
            yield MissingDelivery(stream, day)


def _payments(home: Home) -> Iterator[SourceStatus]:
    """Yield the status of Stripe, where it is configured."""
    if not load(home).stripe:
        return
    read_up_to, failure = read_marks(home, ACCOUNT).get(EVENTS), last_failure(home)
    yield SourceStatus(
        source=ACCOUNT,
        connector=ACCOUNT,
        # The mark is the first second that was not read.
        as_of_date=datetime.fromtimestamp(read_up_to - 1, UTC).date() if read_up_to else None,
        held_back_reason="not_fetched" if failure else None,
        held_back_detail=failure or None,
    )


def _deliveries(home: Home, source: Source) -> dict[str, set[date]]:
    """Return the delivery days of each stream of calls, or of each stream if the source has no calls.

    Other streams (invoices, plans) are expected only if sources.yml gives a cadence.
    """
    watched = {*(gates.event_streams(source) or source.streams), *dict(source.cadence)}
    days: dict[str, set[date]] = {}
    for content in accepted.of_source(home, source.name):
        days.setdefault(content["stream"], set()).add(date.fromisoformat(content["delivered_on"]))
    for file in landed(home, [source]):
        days.setdefault(file.stream.name, set()).add(file.delivered_on)
    return {stream: found for stream, found in days.items() if stream in watched}


def _nothing(home: Home, sources: list[Source], accept_vanished: Collection[str]) -> str:
    """Return why there is nothing to publish; an emptied landing/ is treated as a mistake."""
    counting = accepted.sources(home)
    if landed(home, sources) or (accept_vanished and not counting):
        return "" if counting or accept_vanished else "no source is accepted"
    stay = "; mount it again or have the files delivered again" if counting else "; have files delivered"
    return f"{home.landing} holds no file{stay}"
